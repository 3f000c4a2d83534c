"""MBPP (`google-research-datasets/mbpp`, full and sanitized): a task, a program, three asserts.

The request shows the first assert, which says what the function is called; all of them are tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from data.files import Row
from data.formats.cases import script_tests
from data.formats.fields import (
    Columns,
    filled,
    has,
    identity,
    optional_text,
    record,
    sequence,
    text,
    user,
    wrong,
)
from data.formats.programs import FENCED, solutions
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Mbpp:
    """Rows of `task_id`, `text` or `prompt`, `code` and `test_list`."""

    name: ClassVar[str] = "mbpp"
    tasks: ClassVar[tuple[str, ...]] = ("code",)
    licence: ClassVar[str] = "CC-BY-4.0"

    def matches(self, columns: Columns) -> str | None:
        """By the program and the list of tests."""
        if not has(columns, "task_id", "code", "test_list"):
            return None
        prompt = next((name for name in ("text", "prompt") if name in columns), None)
        return None if prompt is None else f"task_id, {prompt}, code and test_list"

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with the asserts as a script."""
        task = text(row, "text" if "text" in row.columns else "prompt")
        tests = sequence(row, "test_list", row.columns.get("test_list"))
        if not tests or not all(isinstance(one, str) for one in tests):
            raise wrong(row, "test_list", tests, "a list of asserts")
        imports = sequence(row, "test_imports", row.columns.get("test_imports") or ())
        before = [*map(str, imports), optional_text(row, "test_setup_code")]
        source = "\n".join([*filter(str.strip, before), *tests]) + "\n"
        request = (
            f"{task.strip()}\n\nThe program has to pass this test, and others:\n\n"
            f"```python\n{tests[0].strip()}\n```\n\n{FENCED}"
        )
        yield record(
            row,
            user(request),
            "code",
            script_tests(row, "test_list", source),
            source="google-research-datasets/mbpp",
            source_id=identity(row, "task_id"),
            licence=self.licence,
            metadata=filled(solutions=solutions([optional_text(row, "code")])),
        )
