"""LiveCodeBench (`livecodebench/code_generation_lite`): contest problems, private tests compressed.

The private tests are JSON text, or its pickle, compressed and in base64. They are read without
unpickling: what is no single text is refused.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from data.errors import RowError
from data.files import Row
from data.formats.cases import call_tests, typed_cases
from data.formats.fields import (
    Columns,
    decoded,
    filled,
    has,
    identity,
    mapping,
    optional_text,
    record,
    sequence,
    text,
    user,
)
from data.formats.pickled_text import NoTextError, packed_text
from data.formats.programs import defining, reading
from data.schema import Record


@dataclass(frozen=True, slots=True)
class LiveCodeBench:
    """Rows of `question_content`, `starter_code`, public and private tests, and `metadata`."""

    name: ClassVar[str] = "livecodebench"
    tasks: ClassVar[tuple[str, ...]] = ("code",)
    licence: ClassVar[str] = ""

    def matches(self, columns: Columns) -> str | None:
        """By the two columns of tests."""
        if not has(columns, "question_content", "public_test_cases", "private_test_cases"):
            return None
        return "question_content, public_test_cases and private_test_cases"

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with public and private tests."""
        question = text(row, "question_content")
        cases = [*_public(row), *_private(row)]
        about = decoded(row, "metadata")
        entry = about.get("func_name") if isinstance(about, dict) else None
        if entry:
            tests = call_tests(
                row,
                "private_test_cases",
                str(entry),
                [one.get("input") for one in cases],
                [one.get("output") for one in cases],
            )
        else:
            tests = typed_cases(row, "private_test_cases", cases)
        start = optional_text(row, "starter_code")
        yield record(
            row,
            user(defining(question, str(entry), start) if entry else reading(question)),
            "code",
            tests,
            source="livecodebench/code_generation_lite",
            source_id=identity(row, "question_id"),
            licence=self.licence,
            metadata=filled(
                title=optional_text(row, "question_title"),
                level=optional_text(row, "difficulty"),
                platform=optional_text(row, "platform"),
                contest_date=row.columns.get("contest_date"),
            ),
        )


def _public(row: Row) -> list[Columns]:
    return _cases(row, "public_test_cases", decoded(row, "public_test_cases") or [])


def _private(row: Row) -> list[Columns]:
    """The private tests, from JSON text or from a pickle of it."""
    name = "private_test_cases"
    held: Any = row.columns.get(name)
    if not isinstance(held, str) or held.lstrip().startswith("["):
        return _cases(row, name, decoded(row, name) or [])
    try:
        return _cases(row, name, json.loads(packed_text(held)))
    except NoTextError as error:
        raise RowError(
            f"{row.where}: column {name!r} cannot be read: {error}; it has to be JSON text, or "
            "that pickled, compressed and in base64; remove the row"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RowError(f"{row.where}: column {name!r} holds no JSON: {error}") from error


def _cases(row: Row, name: str, held: Any) -> list[Columns]:
    return [mapping(row, name, one) for one in sequence(row, name, held)]
