"""`plumb view`: a local page of runs, live while they go on (see README.md)."""
