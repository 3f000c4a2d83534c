"""Learning from a batch: the objective, its corrections, the optimizer step, the ranks."""
