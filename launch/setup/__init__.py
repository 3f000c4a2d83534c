"""Makes the environment from nothing, by the standard library alone."""
