"""Precise instruction following: the 25 verifiable constraints of IFEval (arXiv 2311.07911)."""

from rewards.constraints.catalog import CONSTRAINTS, conflict, describe
from rewards.constraints.checking import Accuracy, accuracy, check, variants
from rewards.constraints.errors import ConstraintError
from rewards.constraints.references import constraint, constraints_of
from rewards.constraints.types import Constraint, ConstraintType, Result

__all__ = [
    "CONSTRAINTS",
    "Accuracy",
    "Constraint",
    "ConstraintError",
    "ConstraintType",
    "Result",
    "accuracy",
    "check",
    "conflict",
    "constraint",
    "constraints_of",
    "describe",
    "variants",
]
