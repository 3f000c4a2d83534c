"""What a constraint is, what it is checked on, and what checking says.

Guarantees: all types are immutable and compare by value. A `Constraint` made by `constraint` or
`constraints_of` has parameters that its type accepts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SHOWN = 60  # characters of a response in a reason
Relation = Literal["less than", "at least"]
Count = Annotated[int, Field(ge=0)]
Stripped = Annotated[
    str,
    BeforeValidator(lambda value: value.strip() if isinstance(value, str) else value),
    Field(min_length=1),
]


class Parameters(BaseModel):
    """The parameters of one type of constraint, named as in the public data set of IFEval."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(Parameters):
    """Of a type that has none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is checked: a response that is not blank, and the request that it answers."""

    text: str
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a checker found, with what it expected and what it got in words."""

    followed: bool
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class ConstraintType:
    """One kind of constraint.

    Attributes:
        id: As in IFEval, such as `length_constraints:number_words`.
        description: One line on when a response follows it.
        parameters: The model of its parameters.
        checker: Takes an `Answer` and parameters of that model.
        words: Takes parameters and gives the sentence that asks for the constraint in a prompt.
    """

    id: str
    description: str
    parameters: type[Parameters]
    checker: Callable[[Answer, Any], Finding]
    words: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Constraint:
    """A type of constraint with its parameters."""

    id: str
    parameters: Parameters

    def as_json(self) -> dict[str, Any]:
        """The form that `constraints_of` reads: `{"id": ..., **parameters}`."""
        return {"id": self.id, **self.parameters.model_dump(mode="json", exclude_none=True)}


@dataclass(frozen=True, slots=True)
class Result:
    """Whether a response follows one constraint; the reason reads "id: expected ..., got ..."."""

    id: str
    followed: bool
    reason: str


def compared(count: int, relation: Relation, threshold: int, what: str) -> Finding:
    """`count` against "less than" or "at least" `threshold`."""
    followed = count < threshold if relation == "less than" else count >= threshold
    return Finding(followed, f"{relation} {threshold} {what}", str(count))


def shown(text: str) -> str:
    """The start of `text` on one line, quoted."""
    cut = text[:SHOWN]
    return repr(cut) + ("..." if len(text) > SHOWN else "")
