"""Running programs that nobody has read: the place for Plumb's sandbox."""
