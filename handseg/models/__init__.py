"""A recipe's model behind one function, its preprocessing and its checkpoints."""
