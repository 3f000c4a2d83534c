"""Tags and quality of queries, as a judge sees them, to balance a data set by."""
