"""Data sets as their users have them on disk. Begin at `by_name.read_listing`."""
