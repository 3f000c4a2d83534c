"""What the commands of `plumb data` do: questions to models, difficulty, progress, pages."""
