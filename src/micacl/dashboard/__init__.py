"""Runs and sweeps in Weights & Biases, made from run folders; ``python -m micacl.dashboard`` builds a report."""
