"""Math answers: whether two of them are the same value."""

from rewards.math.standalone import math_equal

__all__ = ["math_equal"]
