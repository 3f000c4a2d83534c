"""What an answer is, and when two are the same, by the task of a record.

Guarantees: equality is that of the verifiers that train: `rewards.tools.match_calls` for calls,
`rewards.math.math_equal` for answers of mathematics. Nothing that a model wrote is evaluated, and a
comparison ends by a deadline.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

from data.asking.answers import Answer
from data.curate.tool_calls import fault_of_calls
from data.schema import Record
from rewards.math import math_equal
from rewards.math.answers import NoAnswerError, final_answer
from rewards.math.phrases import PHRASES
from rewards.math.references import UnreadableError, alternatives
from rewards.thinking import says_something
from rewards.tools import match_calls
from rewards.tools.errors import CallsError, ToolReferenceError, ToolsError
from rewards.tools.types import plain, shown

Mode = Literal["exact", "accept"]
DEADLINE: Final = 3.0  # seconds of one comparison of mathematics
LONGEST: Final = 1000  # characters of a final answer


class Kind(Protocol):
    """How answers to one record are read and compared."""

    def read(self, answer: Answer) -> Any | None:
        """What an answer says; None: nothing that could agree."""

    def matches(self, said: Any, reference: Any) -> bool:
        """Whether what was said is right by another answer."""

    def is_right(self, said: Any) -> bool:
        """Whether what was said is right by the record's own reference."""

    def fault(self, said: Any) -> str:
        """Why what was said is no reference; empty: it is one."""

    def completed(self, said: Any) -> dict[str, Any]:
        """The fields of the record with what was said as its reference."""

    def shown(self, answer: Answer) -> str:
        """An answer in a few words, for a person."""


class Calls:
    """Calls of tools, for the verifier "tool"."""

    def __init__(self, record: Record, mode: Mode) -> None:
        self._record = record
        self._mode = mode
        self._known: dict[tuple[str, str], bool] = {}

    def read(self, answer: Answer) -> list[dict[str, Any]] | None:
        """The calls; none at all where a text says something instead."""
        if not answer.is_whole:
            return None
        if not answer.calls and not says_something(answer.text):
            return None
        return [dict(call) for call in answer.calls]

    def matches(self, said: Any, reference: Any) -> bool:
        """By the matcher, in the mode that was chosen."""
        key = (json.dumps(said, sort_keys=True), json.dumps(reference, sort_keys=True))
        if key not in self._known:
            self._known[key] = key[0] == key[1] or self._match(said, reference, self._mode)
        return self._known[key]

    def is_right(self, said: Any) -> bool:
        """By the record's reference, in its own mode."""
        mode = self._record.metadata.get("mode", "exact")
        return self._match(said, self._record.reference, str(mode))

    def fault(self, said: Any) -> str:
        """Calls that do not fit the tools are no reference, whoever agrees on them."""
        found = fault_of_calls(said, self._record.tools, "exact", "auto")
        return "" if found is None else found.detail

    def completed(self, said: Any) -> dict[str, Any]:
        """The calls, and the mode that they were compared in."""
        metadata = {**self._record.metadata, "mode": self._mode}
        return {"reference": said, "metadata": metadata}

    def shown(self, answer: Answer) -> str:
        """The calls, as a program would write them."""
        if answer.fault or answer.stop_reason != "stop":
            return f"({answer.fault or 'cut'})"
        if not answer.calls:
            return f"text {shown(answer.text[:60])}"
        return "; ".join(_written(call) for call in answer.calls)

    def _match(self, said: Any, reference: Any, mode: str) -> bool:
        try:
            return bool(
                match_calls(
                    said,
                    reference,
                    mode=mode,
                    tools=self._record.tools if mode == "accept" else (),
                    language=str(self._record.metadata.get("language", "auto")),
                )
            )
        except (ToolReferenceError, ToolsError, CallsError):
            return False


class FinalAnswers:
    """Final answers of mathematics, for the verifier "math"."""

    def __init__(self, record: Record, mode: Mode) -> None:
        self._record = record
        self._known: dict[tuple[str, str], bool] = {}

    def read(self, answer: Answer) -> str | None:
        """The answer in the box, or behind a phrase that says so."""
        if not answer.is_whole:
            return None
        try:
            found = final_answer(answer.text, PHRASES).strip()
        except NoAnswerError:
            return None
        return found if found and len(found) <= LONGEST else None

    def matches(self, said: Any, reference: Any) -> bool:
        """By `math_equal`."""
        key = (said, reference)
        if key not in self._known:
            is_same = said == reference or math_equal(said, reference, deadline=DEADLINE)
            self._known[key] = is_same
        return self._known[key]

    def is_right(self, said: Any) -> bool:
        """By the record's reference."""
        reference = self._record.reference
        text = reference if isinstance(reference, str) else json.dumps(reference)
        return self.matches(said, text)

    def fault(self, said: Any) -> str:
        """An answer that `math_equal` cannot read is no reference."""
        try:
            alternatives(said)
        except UnreadableError as error:
            return str(error)
        return ""

    def completed(self, said: Any) -> dict[str, Any]:
        """The answer."""
        return {"reference": said, "metadata": dict(self._record.metadata)}

    def shown(self, answer: Answer) -> str:
        """The final answer alone."""
        found = self.read(answer)
        if found is None:
            return f"({answer.fault or answer.stop_reason}: no final answer)"
        return plain(found)


KINDS: Final[Mapping[str, Callable[[Record, Mode], Kind]]] = {"tool": Calls, "math": FinalAnswers}
"""By task."""


def _written(call: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{name}={shown(value)}" for name, value in call["arguments"].items())
    return f"{plain(call['name'])}({arguments})"
