"""The geometry of a hand from where its bones lie: frame, pose, order, exchanged labels."""
