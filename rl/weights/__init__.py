"""Weight updates: buckets, both halves of their way, and how new weights are published."""
