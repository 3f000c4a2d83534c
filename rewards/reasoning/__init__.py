"""The verifier `reasoning`: whether an answer thinks in the way that its mode asks for."""

from rewards.reasoning.checks import Checks

__all__ = ["Checks"]
