"""One attempt at a prompt: rendering, the growing context, environments, grading."""
