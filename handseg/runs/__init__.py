"""The run folder: its files and logs, its process, and which runs are meant."""
