"""Images through a trained network to masks and submissions."""
