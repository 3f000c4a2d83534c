"""`plumb doctor`: what this machine, or each node of a cluster, can run, and what is missing."""
