"""BFCL (Berkeley Function-Calling Leaderboard): questions with functions, and answers beside them.

The answers are in a file of their own: `possible_answer/NAME` beside `NAME`, or `X.answers.jsonl`
beside `X.questions.jsonl`; a column `ground_truth` does as well. Questions of the categories
`irrelevance` have no answers: there no call is right. Single turns only; for others
see `bfcl_turns`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from data.compressed import kind_of
from data.errors import RowError
from data.files import Row, read_rows
from data.formats.fields import Columns, has, record, sequence, text
from data.formats.format import Opening
from data.messages import as_messages
from data.schema import Record
from data.tools import as_tools
from rewards.tools.errors import ToolReferenceError
from rewards.tools.reference import accepted_calls

_CATEGORY: Final = re.compile(r"(\D+?)_?\d")
_JAVA: Final = "java"
_JAVASCRIPT: Final = "javascript"


@dataclass(frozen=True, slots=True)
class Bfcl:
    """Rows of `id`, `question` and `function`.

    Attributes:
        answers: the allowed calls of each id, from the files beside.
        beside: where those to the file of the rows are looked for.
    """

    name: ClassVar[str] = "bfcl"
    tasks: ClassVar[tuple[str, ...]] = ("tool",)
    licence: ClassVar[str] = "Apache-2.0"

    answers: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    def matches(self, columns: Columns) -> str | None:
        """By functions, and a question that is a list of turns."""
        question = columns.get("question")
        if not has(columns, "id", "function") or not isinstance(question, list):
            return None
        if not question or not isinstance(question[0], list) or "initial_config" in columns:
            return None
        return "id, function, and a question that is a list of turns"

    def settled(self, opening: Opening) -> "Bfcl":
        """With the answers beside the file, and those beside other files of its folder."""
        if opening.path is None:
            return self
        found, places = answers_beside(opening.path)
        return replace(self, answers=found, beside=places)

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with a reference in mode `accept`; `[]` where no call is right."""
        name = text(row, "id")
        category = category_of(name)
        turns = sequence(row, "question", row.columns.get("question"))
        if len(turns) != 1:
            raise RowError(
                f"{row.where}: has {len(turns)} turns, which are graded by executing their calls; "
                "give the single-turn categories"
            )
        yield record(
            row,
            as_messages(turns[0], row.where, "question"),
            "tool",
            [] if "irrelevance" in category else self._answer(row, name),
            tools=as_tools(row.columns.get("function"), row.where, "function"),
            source="gorilla-llm/Berkeley-Function-Calling-Leaderboard",
            source_id=name,
            licence=self.licence,
            metadata={"category": category, "mode": "accept", "language": _language(category)},
        )

    def _answer(self, row: Row, name: str) -> list[Any]:
        calls = row.columns.get("ground_truth", self.answers.get(name))
        if calls is None:
            raise RowError(
                f"{row.where}: there is no answer for {name!r}, neither in "
                f"{' nor in '.join(('a column ground_truth', *self.beside))}; put it there, or "
                "remove the row"
            )
        try:
            if not isinstance(calls, list) or not calls:
                raise ToolReferenceError("it is no list of calls")
            accepted_calls(calls)
        except ToolReferenceError as error:
            raise RowError(f"{row.where}: ground_truth of {name!r}: {error}") from error
        return calls


def answers_beside(path: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The answers by id in the files beside one and beside others of its folder, and where those
    to the file itself are looked for.
    """
    kind = kind_of(path)
    others = sorted(one for one in path.parent.glob(f"*{path.suffix}") if kind_of(one) == kind)
    places = {place for one in [path, *others] for place in _places(one)}
    found = {
        str(row.columns.get("id")): row.columns.get("ground_truth")
        for place in sorted(places)
        if place.is_file()
        for row in read_rows(place)
    }
    return found, tuple(map(str, _places(path)))


def _places(path: Path) -> list[Path]:
    """Where the answers to a file of questions may be."""
    places = [path.parent / "possible_answer" / path.name]
    if ".questions." in path.name:
        places.append(path.with_name(path.name.replace(".questions.", ".answers.")))
    return places


def category_of(name: str) -> str:
    found = _CATEGORY.match(name)
    return found[1] if found else name


def _language(category: str) -> str:
    if _JAVASCRIPT in category:
        return _JAVASCRIPT
    return _JAVA if _JAVA in category else "python"
