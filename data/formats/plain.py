"""Plain rows: a prompt in text or messages, and its reference, in columns with the usual names.

The columns are those that training finds by itself (`data.columns`). The kind of task is that of
the column `task`, else what the reference is: tests are code, constraints are text, calls are tool,
a text or a number is math; without a reference it is text.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from data.columns import PROMPT_NAMES, REFERENCE_NAMES, Columns
from data.files import Row
from data.formats.fields import record
from data.formats.format import Opening
from data.messages import as_messages
from data.references import gsm8k_answer
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Plain:
    """Rows with a prompt and a reference.

    Attributes:
        task: the kind of every record; empty: as the rows say.
        columns: those of the file; None: of each row by itself.
    """

    name: ClassVar[str] = "plain"
    tasks: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = ""

    task: str = ""
    columns: Columns | None = None

    def matches(self, columns: Mapping[str, Any]) -> str | None:
        """By a prompt's and a reference's column."""
        prompt = next((name for name in PROMPT_NAMES if name in columns), None)
        reference = next((name for name in REFERENCE_NAMES if name in columns), None)
        if prompt is None or reference is None:
            return None
        return f"{prompt} and {reference}"

    def settled(self, opening: Opening) -> "Plain":
        """With the columns of the first row, which all rows then must have."""
        return replace(self, columns=_chosen(opening.first))

    def records(self, row: Row) -> Iterator[Record]:
        """One record; what has no role becomes metadata."""
        columns = self.columns or _chosen(row)
        messages = as_messages(columns.prompt_of(row), row.where, columns.prompt)
        given = columns.reference_of(row)
        reference, solution = _final(given)
        metadata = dict(columns.metadata_of(row, given))
        if solution:
            metadata["solution"] = solution
        tools = columns.tools_of(row)
        yield record(
            row,
            messages,
            self.task or columns.task_of(row) or task_of(reference, tools),
            reference,
            tools=tools,
            source=_popped(metadata, "source"),
            licence=_popped(metadata, "licence") or _popped(metadata, "license"),
            source_id="" if columns.id is None else columns.id_of(row, ""),
            metadata={name: value for name, value in metadata.items() if value is not None},
        )


def task_of(reference: object, tools: object = ()) -> str:
    """The kind of task that a reference is for."""
    if isinstance(reference, Mapping):
        return "code" if "kind" in reference else "text"
    if isinstance(reference, list) and (tools or not reference):
        return "tool"
    if isinstance(reference, list) and all(isinstance(one, Mapping) for one in reference):
        return "text" if all("id" in one for one in reference) else "tool"
    return "text" if reference is None else "math"


def _chosen(row: Row) -> Columns:
    has_reference = any(name in row.columns for name in REFERENCE_NAMES)
    return Columns.choose(
        row,
        prompt="auto",
        reference="auto" if has_reference else None,
        id="auto",
        tools="auto",
        task="auto",
    )


def _final(reference: Any) -> tuple[Any, str]:
    """The reference, and the worked solution that it was taken from."""
    found = gsm8k_answer(reference) if isinstance(reference, str) else None
    return (reference, "") if found is None else (found, reference)


def _popped(metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str):
        return ""
    del metadata[name]
    return value
