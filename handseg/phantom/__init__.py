"""Synthetic hand radiographs with labels: phantoms of all 29 bones, in memory or as a data set."""
