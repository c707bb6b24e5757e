"""Trains networks on the features of one backbone, which is frozen as a whole or up to its last stage."""
