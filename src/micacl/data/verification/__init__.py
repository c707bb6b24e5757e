"""Checks whether a copy of a data set is the one that others trained on. Begin at `check.check`."""
