"""IFEval (`google/IFEval`) and sets in its layout: prompts, constraints and their parameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from data.errors import RowError
from data.files import Row
from data.formats.fields import Columns, has, identity, record, text, user
from data.schema import Record
from rewards.constraints.errors import ConstraintError
from rewards.constraints.references import constraints_of


@dataclass(frozen=True, slots=True)
class IfEval:
    """Rows of `prompt`, `instruction_id_list` and `kwargs`."""

    name: ClassVar[str] = "ifeval"
    tasks: ClassVar[tuple[str, ...]] = ("text",)
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the ids and their parameters."""
        if not has(columns, "prompt", "instruction_id_list", "kwargs"):
            return None
        return "prompt, instruction_id_list and kwargs"

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with the constraints as a list."""
        held = {name: row.columns.get(name) for name in ("instruction_id_list", "kwargs")}
        yield record(
            row,
            user(text(row, "prompt")),
            "text",
            checkable(row, "kwargs", held),
            source="google/IFEval",
            source_id=identity(row, "key"),
            licence=self.licence,
        )


def checkable(row: Row, name: str, constraints: Any) -> list[dict[str, Any]]:
    """Constraints as the verifier `constraints` reads them; raises RowError where it does not."""
    try:
        return [one.as_json() for one in constraints_of(constraints)]
    except ConstraintError as error:
        raise RowError(f"{row.where}: column {name!r}: {error}; remove the row") from error
