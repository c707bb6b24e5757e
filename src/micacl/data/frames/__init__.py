"""The decoders that are not always there, or not on every device; `choice` takes the one for a run."""
