"""vLLM engines: one behind a few calls, its Ray actor, and all of them as one policy."""
