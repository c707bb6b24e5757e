"""What decided the defaults; see experiments/README.md."""
