"""Shows runs and sweeps in Weights & Biases, from their folders; ``python -m micacl.dashboard`` builds a report."""
