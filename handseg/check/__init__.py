"""The check: what is wrong with a data set or a submission, found and named, and the repair."""
