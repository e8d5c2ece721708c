"""Images to submissions."""
