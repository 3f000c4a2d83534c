"""What driver and learner tell each other about an update; imported without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BROKEN = "a broadcast of weights was given up"
"""How the message of every `BrokenBroadcastError` begins: vLLM passes on the text alone."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as the learner knows it."""

    name: str
    actor: Any
    """Its Ray actor."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Why an engine does not hold the new weights."""

    reason: str
    died: bool
    """Whether its process is gone or hangs; else it answered with an error."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending."""

    lost: Mapping[str, Loss]
    """By the engine's name."""
    complete: bool
    """Whether every other engine has every bucket; else they have to be sent again to those."""
    nbytes: int
    """Bytes of all buckets."""
