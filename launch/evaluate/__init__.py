"""`plumb eval`: what a model can do, in numbers that can be compared."""
