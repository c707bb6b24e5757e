"""Reads data sets as their users have them on disk. Begin at `read.read_listing`."""
