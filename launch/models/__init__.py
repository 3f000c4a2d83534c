"""Models and adapters out of checkpoints, and averages of models."""
