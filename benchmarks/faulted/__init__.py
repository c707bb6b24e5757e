"""Disturbs small runs: `bench` starts and compares them, the other modules hold the faults."""
