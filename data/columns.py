"""Which columns of a source hold the prompt, the reference, the id, the tools and the task.

"auto" takes the first of the usual names that the first row has; from then on every row must have
the chosen columns. An absent column is an error that lists the columns there are and the option
that names another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from data.errors import RowError
from data.files import Row
from data.tools import as_tools

PROMPT_NAMES: Final = ("prompt", "question", "problem", "messages", "query", "input")
REFERENCE_NAMES: Final = ("reference", "answer", "solution", "ground_truth", "label", "target")
ID_NAMES: Final = ("id", "unique_id", "task_id")
TOOLS_NAMES: Final = ("tools", "functions", "function")
TASK_NAMES: Final = ("task",)


@dataclass(frozen=True, slots=True)
class Columns:
    """The chosen columns; None where a source has none of the kind, or rows are numbered instead.

    Unlike the others, the columns of tools and of tasks may be null in a row.
    """

    prompt: str
    reference: str | None
    id: str | None
    tools: str | None = None
    task: str | None = None

    @classmethod
    def choose(
        cls,
        first: Row,
        *,
        prompt: str,
        reference: str | None,
        id: str | None,
        tools: str | None = None,
        task: str | None = None,
    ) -> "Columns":
        """Settle the columns on the first row of a source; raises RowError if it lacks them."""
        if prompt == "auto":
            prompt = _first_present(first, PROMPT_NAMES, "prompt_column", "")
        if reference == "auto":
            reference = _first_present(
                first,
                REFERENCE_NAMES,
                "reference_column",
                ", or to null if this task is judged without references",
            )
        if id == "auto":
            id = _usual(first, ID_NAMES)
        if tools == "auto":
            tools = _usual(first, TOOLS_NAMES)
        if task == "auto":
            task = _usual(first, TASK_NAMES)
        return cls(prompt, reference, id, tools, task)

    def prompt_of(self, row: Row) -> Any:
        """Give the value of the prompt column."""
        return _value(row, self.prompt, "prompt_column", "")

    def reference_of(self, row: Row) -> Any:
        """Give the value of the reference column, None where the source has none."""
        if self.reference is None:
            return None
        return _value(
            row, self.reference, "reference_column", ", or to null if no row needs a reference"
        )

    def id_of(self, row: Row, numbered: str) -> str:
        """Give the row's id as text, or `numbered` where the source has no ids."""
        if self.id is None:
            return numbered
        value = _value(row, self.id, "id_column", ", or to null to number the rows")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise RowError(
                f"{row.where}: the id in column {self.id!r} is {value!r}; use text or whole "
                "numbers, or set id_column to null to number the rows"
            )
        return str(value)

    def tools_of(self, row: Row) -> tuple[Mapping[str, Any], ...]:
        """Give the tools that the row offers; none where the source has no such column."""
        if self.tools is None:
            return ()
        return as_tools(self._optional(row, self.tools, "tools_column"), row.where, self.tools)

    def task_of(self, row: Row) -> str:
        """Give the row's kind of task; empty where the source names none."""
        if self.task is None:
            return ""
        value = self._optional(row, self.task, "task_column")
        if value is not None and not isinstance(value, str):
            raise RowError(
                f"{row.where}: the task in column {self.task!r} is {value!r}; use text, or set "
                "task_column to null"
            )
        return value or ""

    def _optional(self, row: Row, name: str, option: str) -> Any:
        if name not in row.columns:
            raise RowError(
                f"{row.where}: no column {name!r} ({_present(row)}); "
                f"mend the row, or set {option} to another column or to null"
            )
        return row.columns[name]

    def metadata_of(self, row: Row, reference: Any) -> Mapping[str, Any]:
        """Give every column without a role, and the worked solution a reference was taken from."""
        taken = {self.prompt, self.id, self.tools, self.task}
        if self.reference is not None and row.columns[self.reference] == reference:
            taken.add(self.reference)
        return {name: _plain(value) for name, value in row.columns.items() if name not in taken}


def _plain(value: Any) -> Any:
    """A JSON value: Arrow's dates, decimals and bytes become text, since checkpoints hold JSON."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _usual(first: Row, names: Sequence[str]) -> str | None:
    return next((name for name in names if name in first.columns), None)


def _first_present(row: Row, names: Sequence[str], option: str, otherwise: str) -> str:
    for name in names:
        if name in row.columns:
            return name
    raise RowError(
        f"{row.where}: none of the columns {', '.join(names)} is there ({_present(row)}); "
        f"set {option} to the name of the right one{otherwise}"
    )


def _value(row: Row, name: str, option: str, otherwise: str) -> Any:
    value = row.columns.get(name)
    if value is None:
        problem = f"column {name!r} is null" if name in row.columns else f"no column {name!r}"
        raise RowError(
            f"{row.where}: {problem} ({_present(row)}); "
            f"mend or remove the row, or set {option} to another column{otherwise}"
        )
    return value


def _present(row: Row) -> str:
    return f"it has {', '.join(row.columns)}" if row.columns else "it has no columns"
