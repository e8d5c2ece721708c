"""`handseg train`: one training here, or several in a queue."""
