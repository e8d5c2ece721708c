"""Data sets whose labels stand in COCO files: several images in one, run lengths or polygons."""
