"""What passes between the driver and an episode runner: orders there, questions and groups back.

Guarantee: plain picklable values. A runner asks the driver for turns of the policy and for
verdicts, under numbers of its own; so sessions, leases, lost engines and grading are the driver's
alone, as they are without runners.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.errors import PlumbError
from rl.groups import Group
from rl.tokens import Episode, Ids, Sampled, Sampling


@dataclass(frozen=True, slots=True)
class Trained:
    """A group to train on."""

    index: int
    version: int
    """Of the policy at dispatch."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Answers beside training; see `GroupRunner.evaluate`."""

    n: int
    sampling: Sampling
    key: str
    first: int
    tools: bool
    is_told: bool
    """Whether someone is told of each answer before it is graded."""


class Order(NamedTuple):
    """Something to run, under the driver's number."""

    number: int
    prompt: Prompt
    how: Trained | Evaluated


class Turn(NamedTuple):
    """A turn of the policy that is asked for."""

    context: Ids
    how: Sampling
    session: str


class Played(NamedTuple):
    """An answer that is yet to be graded."""

    number: int
    episode: Episode


class Question(NamedTuple):
    """What an order needs of the driver."""

    number: int
    order: int
    what: Turn | Sample | Played


class Answer(NamedTuple):
    """To a question, by its number."""

    number: int
    what: Sampled | Verdict | None


Result = Group | tuple[tuple[Episode, ...], tuple[Verdict, ...]] | PlumbError
"""What an order came to."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a runner since the report before."""

    asked: list[Question]
    given_up: list[int]
    """Questions whose answers nobody waits for."""
    ended: list[tuple[int, Result]]
    """By the order's number."""
    said: list[str]
    """Lines for people."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the environments of a runner offer."""

    tools: tuple[Mapping[str, Any], ...]
    """Declarations of what the policy may call."""
    takes_rows: bool = False
    """Whether it may call the tools of a prompt's row too."""
