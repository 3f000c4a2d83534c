"""What an answer is worth: verdicts, verifiers, and the pool that runs them.

Guarantee: importing this package loads none of torch, Ray, vLLM, DeepSpeed or SymPy.
"""

from rewards.errors import (
    InvalidVerdictError,
    MissingColumnError,
    PluginError,
    PoolError,
    RewardError,
    UnknownVerifierError,
    VerifierDefinitionError,
)
from rewards.pool import GradingPool
from rewards.registry import load_verifier, verifier
from rewards.running import Pending
from rewards.types import Outcome, Sample, Verdict
from rewards.verifier import Verifier

__all__ = [
    "GradingPool",
    "InvalidVerdictError",
    "MissingColumnError",
    "Outcome",
    "Pending",
    "PluginError",
    "PoolError",
    "RewardError",
    "Sample",
    "UnknownVerifierError",
    "Verdict",
    "Verifier",
    "VerifierDefinitionError",
    "load_verifier",
    "verifier",
]
