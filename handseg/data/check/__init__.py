"""The check of a data set: what is wrong with its files, labels, people and hands."""
