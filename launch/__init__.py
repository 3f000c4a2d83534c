"""Starting Plumb: set-up, commands, configurations, jobs. Importing it loads nothing else."""
