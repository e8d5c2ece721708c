"""COCO JSON: masks as run lengths down the columns, plain or compressed, and as polygons."""
