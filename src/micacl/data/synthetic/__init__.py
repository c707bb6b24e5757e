"""The built-in data set `synthetic`: drawn faces that show seven expressions as motion. Begin at `generate.prepare`."""
