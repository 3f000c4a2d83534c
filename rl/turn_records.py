"""What is kept of an episode turn by turn, for people who look at it; nothing trains on it.

Guarantee: plain values alone, so that a checkpoint's JSON holds them and gives them back as they
were. Tokens, versions and rewards of a turn are in its segment, and are not held twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple


class CallRecord(NamedTuple):
    """One call of a tool."""

    name: str
    """Empty where the call could not be read."""
    seconds: float
    """From the turn's end to the result, waiting for a place to run included."""
    error: str = ""
    """What went wrong: `malformed`, `unknown`, `arguments`, `raised`, `late`, `too_many`; empty:
    nothing."""


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn of the policy, and what answered it."""

    trajectory: int
    """The number of its trajectory in the episode, from 0."""
    message: int | None
    """Its place in the episode's messages; None: they do not hold it."""
    text: str | None
    """What was written where no message holds it."""
    prompt_tokens: int
    """Tokens of the context that it was asked with."""
    allowed: int
    """Tokens that it might take at most."""
    stop: Literal["stop", "length"]
    """`length`: it was cut after `allowed` tokens."""
    began: float
    """Seconds after the episode's beginning at which the policy was asked."""
    seconds: float
    """That the policy took."""
    answer_seconds: float | None = None
    """That what answered it took; None: nothing did."""
    cached_tokens: int | None = None
    """Tokens of the context that the engine's prefix cache held; None: not known."""
    engine: int | None = None
    """The engine that answered, by its number; None: not known."""
    calls: tuple[CallRecord, ...] = ()
    """Of tools, in their order."""


def turns_to_state(turns: Sequence[TurnRecord]) -> list[dict[str, Any]]:
    """JSON-able form."""
    return [asdict(turn) for turn in turns]


def turns_from_state(state: Sequence[Mapping[str, Any]]) -> tuple[TurnRecord, ...]:
    """The turns that `turns_to_state` described."""
    return tuple(
        TurnRecord(**{**turn, "calls": tuple(CallRecord(*call) for call in turn["calls"])})
        for turn in state
    )
