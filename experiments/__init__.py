"""The experiments that decided the defaults; see experiments/README.md."""
