"""What `plumb train` does, and what is shown of a run."""
