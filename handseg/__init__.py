"""Hand radiographs to a mask for each of 29 bones, from the terminal."""

__version__ = "0.1.0"
