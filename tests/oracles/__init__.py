"""The paper's equations in NumPy float64 with plain loops, written without sight of the package: slow, obvious."""
