"""Which columns of a source hold the prompt, the reference, the id, the tools and the task.

"auto" takes the first of the usual names that the first row has; from then on every row must have
the chosen columns. A name with dots leads into a nested column: `reward_model.ground_truth`. Rows
in verl's layout, as DAPO's and Skywork's files are too, are known by that column; where a plain
column says something else, the reference has to be named. An absent column is an error that lists
the columns there are and the option that names another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from data.errors import RowError
from data.files import Row
from data.tools import as_tools
from rewards.numbers import deeply

PROMPT_NAMES: Final = ("prompt", "question", "problem", "messages", "query", "input")
REFERENCE_NAMES: Final = ("reference", "answer", "solution", "ground_truth", "label", "target")
ID_NAMES: Final = ("id", "unique_id", "task_id")
TOOLS_NAMES: Final = ("tools", "functions", "function")
TASK_NAMES: Final = ("task",)
NESTED_REFERENCES: Final = ("reward_model.ground_truth", "extra_info.answer")
"""Where verl's layout has the reference."""
VERL_TASK: Final = "ability"
"""Where it has the kind of task, in small letters or capitals."""
_ABSENT: Final = object()


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
            reference = _reference(first)
        if id == "auto":
            id = _usual(first, ID_NAMES)
        if tools == "auto":
            tools = _usual(first, TOOLS_NAMES)
        if task == "auto":
            is_verls = _at(first, NESTED_REFERENCES[0]) is not _ABSENT
            task = _usual(first, (*TASK_NAMES, VERL_TASK) if is_verls else TASK_NAMES)
        return cls(prompt, reference, id, tools, task)

    def prompt_of(self, row: Row) -> Any:
        """Give the value of the prompt column."""
        return _value(row, self.prompt, "prompt_column", "")

    def reference_of(self, row: Row) -> Any:
        """Give the value of the reference column, None where the source has none."""
        if self.reference is None:
            return None
        return deeply(
            _value(
                row, self.reference, "reference_column", ", or to null if no row needs a reference"
            )
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
        if self.task == VERL_TASK:
            return (value or "").lower()
        return value or ""

    def _optional(self, row: Row, name: str, option: str) -> Any:
        value = _at(row, name)
        if value is _ABSENT:
            raise RowError(
                f"{row.where}: no column {name!r} ({_present(row)}); "
                f"mend the row, or set {option} to another column or to null"
            )
        return value

    def metadata_of(self, row: Row, reference: Any) -> Mapping[str, Any]:
        """Give every column without a role, and the worked solution a reference was taken from."""
        taken = {self.prompt, self.id, self.tools, self.task} - {None}
        if self.reference is not None and self.reference_of(row) == reference:
            taken.add(self.reference)
        kept = dict(row.columns)
        for name in taken:
            if name is not None:
                kept = _without(kept, name)
        return {name: plain(value) for name, value in kept.items()}


def _reference(first: Row) -> str:
    """The column of references: the usual one, else the usual nested one.

    Raises RowError where there is none, or where both are there and differ.
    """
    usual = _usual(first, REFERENCE_NAMES)
    nested = next((name for name in NESTED_REFERENCES if _is_filled(first, name)), None)
    if usual is None:
        return nested or _first_present(
            first,
            REFERENCE_NAMES,
            "reference_column",
            ", or to null if this task is judged without references",
        )
    if nested == NESTED_REFERENCES[0] and str(_at(first, nested)) != str(first.columns[usual]):
        raise RowError(
            f"{first.where}: the columns {usual!r} and {nested!r} differ, and each may be the "
            "reference; set reference_column to the right one"
        )
    return usual


def _is_filled(row: Row, name: str) -> bool:
    return _at(row, name) not in (_ABSENT, None)


def _at(row: Row, name: str) -> Any:
    """The value of a column, or of the nested one that a name with dots leads to."""
    if name in row.columns:
        return row.columns[name]
    value: Any = row.columns
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def _without(columns: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`columns` without the one that `name` leads to; a nested one that is then empty goes too."""
    kept = dict(columns)
    head, _, rest = name.partition(".")
    if name in kept or not rest:
        kept.pop(name, None)
    elif isinstance(kept.get(head), Mapping):
        inner = _without(kept[head], rest)
        kept[head] = inner
        if not inner:
            del kept[head]
    return kept


def plain(value: Any) -> Any:
    """Make a JSON value, which checkpoints hold: Arrow's dates, decimals and bytes become text."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
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
    value = _at(row, name)
    if value is None or value is _ABSENT:
        problem = f"column {name!r} is null" if value is None else f"no column {name!r}"
        raise RowError(
            f"{row.where}: {problem} ({_present(row)}); "
            f"mend or remove the row, or set {option} to another column{otherwise}"
        )
    return value


def _present(row: Row) -> str:
    return f"it has {', '.join(row.columns)}" if row.columns else "it has no columns"
