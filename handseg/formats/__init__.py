"""Masks in the formats of other tools, from and to submissions: COCO JSON and PNG planes."""
