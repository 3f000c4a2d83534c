"""Environments that come along; each is a class as users write them, and nothing else."""
