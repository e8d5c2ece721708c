"""PNG planes: a black and white picture for each mask that is not empty, and their index."""
