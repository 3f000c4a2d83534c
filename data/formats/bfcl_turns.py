"""BFCL's categories of several turns: requests of a person, and what simulated objects have to be
like after each.

A row has `id`, `question` (messages by turn), `initial_config` (by class), `involved_classes` and
perhaps `missed_function` (functions that are on offer from a turn on). The right calls of each
turn, as text such as `cd(folder='document')`, are in `possible_answer/NAME` beside the file or in a
column `ground_truth`; declarations are in `multi_turn_func_doc/` beside it, a file a class, or in a
column `function`.

Records are for the environment `bfcl`: the first request, with the others in the metadata. Nothing
of a row is evaluated: calls are read as literals.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from data.errors import RowError
from data.files import Row, read_rows
from data.formats.bfcl import answers_beside, category_of
from data.formats.fields import Columns, decoded, has, record, sequence, text
from data.formats.format import Opening
from data.messages import as_messages
from data.schema import Record
from data.tools import as_tools
from rewards.tools.formats.python_reader import call_in
from rewards.tools.strict_json import MalformedError

VERSION: Final = 1
"""Of what `metadata.bfcl` and the reference say."""
DOCS: Final = "multi_turn_func_doc"
FILES: Final[Mapping[str, str]] = {
    "TwitterAPI": "posting_api",
    "TravelAPI": "travel_booking",
    "VehicleControlAPI": "vehicle_control",
    "WebSearchAPI": "web_search",
}
"""Files of declarations that are not called as their class is."""
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class BfclTurns:
    """Rows of `id`, `question`, `initial_config` and `involved_classes`.

    Attributes:
        answers: the right calls of each id, from the files beside.
        beside: where those to the file of the rows are looked for.
        declared: declarations by class, from the folder beside.
        docs: that folder.
    """

    name: ClassVar[str] = "bfcl_turns"
    tasks: ClassVar[tuple[str, ...]] = ("tool_turns",)
    licence: ClassVar[str] = "Apache-2.0"

    answers: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    declared: Mapping[str, Tools] = field(default_factory=dict)
    docs: str = DOCS

    def matches(self, columns: Columns) -> str | None:
        """By what the simulated objects are made of."""
        if has(columns, "id", "question", "initial_config", "involved_classes"):
            return "question, initial_config and involved_classes"
        return None

    def settled(self, opening: Opening) -> "BfclTurns":
        """With the answers and the declarations beside the file."""
        if opening.path is None:
            return self
        answers, beside = answers_beside(opening.path)
        docs = opening.path.parent / DOCS
        files = sorted((*docs.glob("*.json"), *docs.glob("*.jsonl")))
        declared = {path.stem: [row.columns for row in read_rows(path)] for path in files}
        return replace(self, answers=answers, beside=beside, declared=declared, docs=str(docs))

    def records(self, row: Row) -> Iterator[Record]:
        """One record, whose reference is the calls of each turn and what they begin from."""
        name = text(row, "id")
        turns = [
            [dict(one) for one in as_messages(turn, row.where, "question")] if turn else []
            for turn in sequence(row, "question", decoded(row, "question"))
        ]
        if not turns or not turns[0] or any(one["role"] != "user" for t in turns for one in t):
            raise RowError(f"{row.where}: question is no list of turns, each of a user's messages")
        involved = sequence(row, "involved_classes", decoded(row, "involved_classes"))
        classes = [str(one) for one in involved]
        functions = self._functions(row, classes)
        added = _added(row, functions, len(turns))
        if any(not turn and str(number) not in added for number, turn in enumerate(turns)):
            raise RowError(f"{row.where}: question has a turn in which nothing is said")
        late = {one["function"]["name"] for tools in added.values() for one in tools}
        category = category_of(name)
        yield record(
            row,
            tuple(turns[0]),
            "tool_turns",
            {
                "turns": self._calls(row, name, functions, len(turns)),
                "classes": classes,
                "initial_config": decoded(row, "initial_config"),
                "long_context": "long_context" in name or "composite" in name,
            },
            tools=tuple(one for one in functions if one["function"]["name"] not in late),
            source="gorilla-llm/Berkeley-Function-Calling-Leaderboard",
            source_id=name,
            licence=self.licence,
            metadata={
                "category": category,
                "bfcl": {"version": VERSION, "turns": turns[1:], "added": added},
            },
        ).model_copy(update={"environment": "bfcl"})

    def _functions(self, row: Row, classes: Sequence[str]) -> Tools:
        if row.columns.get("function") is not None:
            return as_tools(decoded(row, "function"), row.where, "function")
        found: list[Any] = []
        for one in classes:
            file = FILES.get(one) or _WORD.sub("_", one.replace("API", "_api")).lower()
            if file not in self.declared:
                raise RowError(
                    f"{row.where}: there are no declarations of {one!r}: neither in {self.docs}/"
                    f"{file}.json nor in a column function"
                )
            found += self.declared[file]
        return as_tools(found, row.where, "function")

    def _calls(self, row: Row, name: str, functions: Tools, turns: int) -> list[list[Any]]:
        answer = row.columns.get("ground_truth", self.answers.get(name))
        if answer is None:
            raise RowError(
                f"{row.where}: there is no answer for {name!r}, neither in "
                f"{' nor in '.join(('a column ground_truth', *self.beside))}; put it there, or "
                "remove the row"
            )
        if not isinstance(answer, list) or len(answer) != turns:
            raise RowError(f"{row.where}: ground_truth of {name!r} has not a list a turn: {turns}")
        parameters = {
            one["function"]["name"]: list(one["function"]["parameters"].get("properties", {}))
            for one in functions
        }
        try:
            return [[_call(one, parameters) for one in turn] for turn in answer]
        except (MalformedError, TypeError) as error:
            raise RowError(f"{row.where}: ground_truth of {name!r}: {error}") from error


def _call(written: Any, parameters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    if not isinstance(written, str):
        raise MalformedError(f"{written!r:.60} is no call")
    call = call_in(written.strip(), parameters)
    return {"name": call.name, "arguments": dict(call.arguments)}


def _added(row: Row, functions: Tools, turns: int) -> dict[str, Any]:
    """Declarations that come later, by the number of their turn."""
    missed = row.columns.get("missed_function")
    if missed is None:
        return {}
    missed = decoded(row, "missed_function")
    by_name = {one["function"]["name"]: one for one in functions}
    found: dict[str, Any] = {}
    for number, names in missed.items() if isinstance(missed, Mapping) else [("", ())]:
        if not number.isdecimal() or not 0 < int(number) < turns or not isinstance(names, list):
            raise RowError(f"{row.where}: missed_function has to be names by a later turn's number")
        unknown = [one for one in names if one not in by_name]
        if unknown:
            raise RowError(f"{row.where}: missed_function: there is no function {unknown[0]!r}")
        found[number] = [by_name[one] for one in names]
    return found
