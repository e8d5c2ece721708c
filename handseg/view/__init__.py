"""Overlays and tables as pixels or cells, with numpy and Pillow alone."""
