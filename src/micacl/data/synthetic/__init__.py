"""Draws the built-in data set `synthetic`: faces that show seven expressions as motion. Begin at `generate.prepare`."""
