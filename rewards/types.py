"""What is graded and what grading says.

Guarantees: both types are immutable, compare by value, travel by pickle (as long as the caller's
own columns do), and cost a few microseconds. A verdict's reward is a finite number, except that an
ungradable verdict has no reward at all: it is `nan`, so that using it as a 0 shows at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from rewards.errors import InvalidVerdictError
from rewards.numbers import of_reference
from rewards.thinking import Opened


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of the policy, with all that a verifier may look at.

    Attributes:
        id: Names the sample in messages; unique within a batch is enough.
        prompt: Chat messages, each with `role` and `content`, and perhaps `tool_calls`.
        response: What the model wrote, thinking included.
        reference: The data set's answer, in the form that the verifier expects. A number of NumPy,
            Arrow or `decimal` becomes Python's own.
        task: The kind of task, such as "math".
        tools: Declarations of the tools that the model was offered.
        metadata: The data set's other columns.
        stop_reason: "stop" when the model ended its answer, "length" when it was cut.
        thinking: "open" where the prompt's template has opened the thinking, so that the response
            begins in it, else "none"; None: it is not known.
        transcript: Of an episode of several turns all its messages, the prompt's included and
            `response` the last of the assistant's; else empty. What a tool gave has the role
            "tool"; the model's own text has "assistant", whatever it looks like.
    """

    id: str
    prompt: tuple[Mapping[str, Any], ...]
    response: str
    reference: Any = None
    task: str = ""
    tools: tuple[Any, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    stop_reason: str = "stop"
    thinking: Opened | None = None
    transcript: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", of_reference(self.reference))


INFRASTRUCTURE: Final = "infrastructure"
"""The kind of an ungradable reason for which a sample is tried again: a service was away."""
TRUST: Final = "trust"
"""The kind of an ungradable reason that stands with the data, whatever the answer is: the sample's
tests are below the level of trust for which a reward is paid."""
SET_UP: Final = frozenset(
    {INFRASTRUCTURE, "node", "pickling", "reference", "tests", "tools", "request", "rubric"}
)
"""Kinds of ungradable reasons that no answer can bring about: a service is away, or the data is at
fault. They alone count in `max_ungradable`; any other (a crash, a deadline, an exception, a grade
that cannot be read) may be an answer's doing, and an answer must not be able to stop a run."""


class Outcome(StrEnum):
    """What a verifier measured; `UNGRADABLE` says that it measured nothing."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNGRADABLE = "ungradable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one answer is worth.

    Attributes:
        outcome: What accuracy and dynamic sampling read.
        reward: What the policy is trained on; `nan` if and only if the outcome is ungradable.
        reason: One line for people. An ungradable verdict has it as "kind: detail".
        metrics: Further numbers of the verifier.

    Raises:
        InvalidVerdictError: The reward is not finite, an ungradable verdict carries one, or a
            metric is not a number.
    """

    outcome: Outcome
    reward: float
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcome", Outcome(self.outcome))
        try:
            reward = float(self.reward)
        except (TypeError, ValueError) as error:
            raise InvalidVerdictError(
                f"a reward must be a number, not {type(self.reward).__name__}"
            ) from error
        if self.outcome is Outcome.UNGRADABLE:
            if not math.isnan(reward):
                raise InvalidVerdictError(
                    f"an ungradable verdict has no reward, yet it was given {reward}; "
                    "use Verdict.ungradable(reason)"
                )
            reward = math.nan  # one object, so that two such verdicts compare equal
        elif not math.isfinite(reward):
            raise InvalidVerdictError(
                f"the reward of a verdict '{self.outcome}' is {reward}; it must be finite "
                "(if nothing was measured, return Verdict.ungradable(reason))"
            )
        object.__setattr__(self, "reward", reward)
        if not isinstance(self.reason, str):
            raise InvalidVerdictError(f"a reason must be text, not {type(self.reason).__name__}")
        try:
            metrics = {str(name): float(value) for name, value in self.metrics.items()}
        except (TypeError, ValueError) as error:
            raise InvalidVerdictError(f"metrics must be numbers by name: {error}") from error
        object.__setattr__(self, "metrics", metrics)

    def __reduce__(self) -> tuple[type[Self], tuple[Outcome, float, str, Mapping[str, float]]]:
        return type(self), (self.outcome, self.reward, self.reason, self.metrics)

    @classmethod
    def correct(cls, reward: float = 1.0, reason: str = "", **metrics: float) -> Self:
        """The answer is right."""
        return cls(Outcome.CORRECT, reward, reason, metrics)

    @classmethod
    def incorrect(cls, reward: float = 0.0, reason: str = "", **metrics: float) -> Self:
        """The answer is wrong, or it made its own check explode."""
        return cls(Outcome.INCORRECT, reward, reason, metrics)

    @classmethod
    def ungradable(cls, reason: str, **metrics: float) -> Self:
        """Nothing was measured; `reason` reads "kind: detail", and kinds are counted."""
        return cls(Outcome.UNGRADABLE, math.nan, reason, metrics)

    @property
    def is_correct(self) -> bool:
        """Whether the answer was measured and is right."""
        return self.outcome is Outcome.CORRECT

    @property
    def kind(self) -> str:
        """The kind of an ungradable verdict's reason; empty where something was measured."""
        return "" if self.is_gradable else self.reason.partition(":")[0]

    @property
    def is_gradable(self) -> bool:
        """Whether anything was measured."""
        return self.outcome is not Outcome.UNGRADABLE
