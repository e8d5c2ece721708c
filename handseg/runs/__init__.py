"""The run folder: writing and following its logs, alive or dead, index, what PRED means."""
