"""How samples are graded: pools, lanes, worker processes, and what is said between them."""
