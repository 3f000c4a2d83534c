"""APPS (`codeparrot/apps`) and TACO (`BAAI/TACO`): contest problems with `input_output` JSON text.

Where `fn_name` is given the program defines that function, else it reads standard input. APPS puts
every returned value into a list of one: where all of them are such lists, they are taken out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.errors import RowError
from data.files import Row
from data.formats.cases import paired_tests
from data.formats.fields import (
    Columns,
    decoded,
    filled,
    has,
    identity,
    mapping,
    optional_text,
    record,
    text,
    user,
)
from data.formats.programs import defining, reading, solutions
from data.schema import Record

_MOST_SOLUTIONS: Final = 5
"""That are kept of a problem; some have hundreds."""
_IDS: Final = ("problem_id", "id")
"""As the hub's loader calls it, and as the files do."""
_TACO: Final = ("raw_tags", "skill_types")


@dataclass(frozen=True, slots=True)
class Apps:
    """Rows of `problem_id`, `question`, `solutions`, `input_output` and `starter_code`."""

    name: ClassVar[str] = "apps"
    tasks: ClassVar[tuple[str, ...]] = ("code",)
    licence: ClassVar[str] = "MIT"

    def matches(self, columns: Columns) -> str | None:
        """By the tests, and an id."""
        name = _id(columns)
        if name is None or not _has_tests(columns) or any(tag in columns for tag in _TACO):
            return None
        return f"{name}, question, input_output and starter_code"

    def records(self, row: Row) -> Iterator[Record]:
        """One record."""
        yield _record(
            row, "codeparrot/apps", self.licence, identity(row, _id(row.columns) or _IDS[0])
        )


@dataclass(frozen=True, slots=True)
class Taco:
    """Rows of `question`, `solutions`, `input_output`, `starter_code` and tags."""

    name: ClassVar[str] = "taco"
    tasks: ClassVar[tuple[str, ...]] = ("code",)
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the tests, and the tags."""
        tags = next((name for name in _TACO if name in columns), None)
        if not _has_tests(columns) or tags is None:
            return None
        return f"question, input_output, starter_code and {tags}"

    def records(self, row: Row) -> Iterator[Record]:
        """One record."""
        yield _record(row, "BAAI/TACO", self.licence, "")


def _id(columns: Columns) -> str | None:
    return next((name for name in _IDS if name in columns), None)


def _has_tests(columns: Columns) -> bool:
    return has(columns, "question", "input_output", "starter_code")


def _record(row: Row, source: str, licence: str, source_id: str) -> Record:
    question = text(row, "question")
    # Some problems have no tests at all: their records have no reference.
    held = decoded(row, "input_output") if row.columns.get("input_output") else None
    entry = mapping(row, "input_output", held).get("fn_name") if held else None
    start = optional_text(row, "starter_code")
    return record(
        row,
        user(defining(question, str(entry), start) if entry else reading(question)),
        "code",
        paired_tests(row, "input_output", held) if held else None,
        source=source,
        source_id=source_id or optional_text(row, "url"),
        licence=licence,
        metadata=filled(
            solutions=solutions(_solutions(row)),
            level=optional_text(row, "difficulty"),
            url=optional_text(row, "url"),
            subset=optional_text(row, "source"),
            time_limit=optional_text(row, "time_limit"),
            memory_limit=optional_text(row, "memory_limit"),
        ),
    )


def _solutions(row: Row) -> list[str]:
    held: Any = row.columns.get("solutions")
    if isinstance(held, str) and held.strip():
        try:
            held = json.loads(held)
        except (ValueError, RecursionError) as error:
            raise RowError(
                f"{row.where}: column 'solutions' is no JSON text: {error}; mend or remove the row"
            ) from error
    if not isinstance(held, list):
        return []
    return [one for one in held if isinstance(one, str)][:_MOST_SOLUTIONS]
