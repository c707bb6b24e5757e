"""Keeps every clip's frames, decoded once and made small, for all runs: `build` fills the cache, `source` reads it."""
