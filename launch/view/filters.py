"""Which rows are asked for, and in which order: the whole of what a request can say in SQL.

Guarantee: what a request holds is a parameter, never a part of a statement.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from launch.view.shelves import STEP_BITS

Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Step = Annotated[int, Field(ge=0, lt=1 << STEP_BITS)]
Words = Annotated[list[str], Field(max_length=40)]
Sort = Literal[
    "newest", "oldest", "reward", "-reward", "advantage", "-advantage", "tokens", "-tokens",
    "lag", "turns", "seconds", "took",
]  # fmt: skip

ORDERS: Final[dict[str, str]] = {
    "newest": "step DESC, shelf, doc",
    "oldest": "step, shelf, doc",
    "reward": "reward DESC NULLS LAST, doc DESC",
    "-reward": "reward NULLS LAST, doc DESC",
    "advantage": "advantage DESC NULLS LAST, doc DESC",
    "-advantage": "advantage NULLS LAST, doc DESC",
    "tokens": "tokens DESC NULLS LAST, doc DESC",
    "-tokens": "tokens NULLS LAST, doc DESC",
    "lag": "lag DESC NULLS LAST, doc DESC",
    "turns": "turns DESC NULLS LAST, doc DESC",
    "seconds": "seconds DESC NULLS LAST, doc DESC",
    "took": "took DESC NULLS LAST, doc DESC",
}
_EQUAL: Final = ("task", "source", "mode", "outcome", "kind", "stop", "ending")
_BOUNDS: Final = {
    "step_from": "step >= ?",
    "step_to": "step <= ?",
    "lag_from": "lag >= ?",
    "tokens_from": "tokens >= ?",
    "tokens_to": "tokens <= ?",
    "turns_from": "turns >= ?",
    "reward_from": "reward >= ?",
    "reward_to": "reward <= ?",
    "advantage_from": "advantage >= ?",
    "advantage_to": "advantage <= ?",
    "prompt": "prompt_id = ?",
    "group": "grp = ?",
    "used": "used = ?",
}


class Filter(BaseModel):
    """What a row must be; of an empty list, or None, anything."""

    model_config = ConfigDict(extra="forbid")

    shelf: Annotated[list[Whole], Field(max_length=400)] = []
    task: Words = []
    source: Words = []
    mode: Words = []
    outcome: Words = []
    kind: Words = []
    stop: Words = []
    ending: Words = []
    step_from: Step | None = None
    step_to: Step | None = None
    lag_from: Whole | None = None
    tokens_from: Whole | None = None
    tokens_to: Whole | None = None
    turns_from: Whole | None = None
    reward_from: float | None = None
    reward_to: float | None = None
    advantage_from: float | None = None
    advantage_to: float | None = None
    prompt: str | None = None
    group: Whole | None = None
    used: bool | None = None
    text: Annotated[str, Field(max_length=500)] = ""
    sort: Sort = "newest"

    def condition(self, *, without: Collection[str] = ()) -> tuple[str, list[Any]]:
        """A condition of SQL and its parameters.

        Args:
            without: fields that do not count, as the one whose values are counted.
        """
        parts = [part for part in self._parts() if part[0] not in without]
        words = " AND ".join(clause for _, clause, _ in parts) or "true"
        return words, [value for _, _, values in parts for value in values]

    def takes(self, shelf: int) -> bool:
        """Whether rows of a shelf may fit."""
        return not self.shelf or shelf in self.shelf

    def _parts(self) -> Iterator[tuple[str, str, Sequence[Any]]]:
        if self.shelf:
            yield "shelf", _one_of("shelf", len(self.shelf)), self.shelf
        for name in _EQUAL:
            if values := getattr(self, name):
                yield name, _one_of(name, len(values)), values
        for name, clause in _BOUNDS.items():
            if (value := getattr(self, name)) is not None:
                yield name, clause, [value]


def _one_of(column: str, count: int) -> str:
    return f"{column} IN ({', '.join('?' * count)})"
