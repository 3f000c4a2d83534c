"""What an answer is worth: verdicts, verifiers, and the pool that runs them.

Guarantee: importing this package loads none of torch, Ray, vLLM, DeepSpeed or SymPy.
"""

from rewards.combine import Rubric, Term
from rewards.errors import (
    InfrastructureError,
    InvalidVerdictError,
    MissingColumnError,
    OptionsError,
    PluginError,
    PoolError,
    RewardError,
    UnknownVerifierError,
    VerifierDefinitionError,
)
from rewards.grading.pool import GradingPool
from rewards.grading.running import Pending
from rewards.registry import load_verifier, verifier
from rewards.types import Outcome, Sample, Verdict
from rewards.use import Use
from rewards.verifier import Verifier

__all__ = [
    "GradingPool",
    "InfrastructureError",
    "InvalidVerdictError",
    "MissingColumnError",
    "OptionsError",
    "Outcome",
    "Pending",
    "PluginError",
    "PoolError",
    "RewardError",
    "Rubric",
    "Sample",
    "Term",
    "UnknownVerifierError",
    "Use",
    "Verdict",
    "Verifier",
    "VerifierDefinitionError",
    "load_verifier",
    "verifier",
]
