"""Small runs that something happens to: `bench` starts and compares them, the others say what happens."""
