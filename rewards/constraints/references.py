"""From the columns of a data set to constraints.

Guarantees: parameters are those of the type, checked; nulls that a table filled in are ignored.
Whatever cannot be read is one `ConstraintError` that names the constraint and the parameter.
"""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, Final, TypeGuard

from pydantic import ValidationError

from rewards.constraints.catalog import CONSTRAINTS
from rewards.constraints.errors import ConstraintError
from rewards.constraints.types import Constraint

FORMS: Final = (
    'use {"instruction_id_list": [...], "kwargs": [...]} or a list of {"id": ..., **parameters}'
)
_SHOWN: Final = 80  # characters of a wrong value in a message


def constraints_of(reference: object) -> tuple[Constraint, ...]:
    """The constraints of a reference, in either form, or in the JSON text of either.

    Raises:
        ConstraintError: It cannot be read, or it holds no constraint.
    """
    if isinstance(reference, str):
        reference = _decoded(reference, "the reference")
    if isinstance(reference, Mapping):
        if "instruction_id_list" in reference:
            reference = _rows(reference["instruction_id_list"], reference.get("kwargs"))
        elif "id" in reference:
            reference = [reference]
    if not _is_list(reference):
        raise ConstraintError(f"{_kind(reference)} is no list of constraints; {FORMS}")
    if not reference:
        raise ConstraintError(f"there is no constraint in it; {FORMS}")
    return tuple(_of_row(row) for row in reference)


def constraint(id: str, parameters: Mapping[str, Any]) -> Constraint:
    """One constraint; parameters that are None are left out.

    Raises:
        ConstraintError: The id or a parameter is wrong.
    """
    kind = CONSTRAINTS.get(id) if isinstance(id, str) else None
    if kind is None:
        raise ConstraintError(
            f"no type of constraint is called {_cut(id)}; there are {', '.join(CONSTRAINTS)}"
        )
    known = kind.parameters.model_fields
    # Tables fill what a row lacks with null, and some with an empty value of the column's type.
    given = {
        name: value
        for name, value in parameters.items()
        if not _is_null(value) and (name in known or not _is_empty(value))
    }
    try:
        return Constraint(id, kind.parameters.model_validate(given))
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0]) if fault["loc"] else "its parameters"
        got = "" if fault["type"] == "missing" else f", got {_cut(fault['input'])}"
        takes = ", ".join(known) or "no parameters"
        raise ConstraintError(f"{id}: {name}: {fault['msg']}{got} (it takes {takes})") from error


def _rows(ids: object, parameters: object) -> list[dict[str, Any]]:
    """The data set's two columns, put together."""
    ids = _decoded(ids, "instruction_id_list")
    parameters = _decoded(parameters, "kwargs")
    if not _is_list(ids):
        raise ConstraintError(f"instruction_id_list is {_kind(ids)}, not a list of ids")
    several: object = list(repeat({}, len(ids))) if parameters is None else parameters
    if not _is_list(several):
        raise ConstraintError(f"kwargs is {_kind(several)}, not a list of objects")
    if len(several) != len(ids):
        raise ConstraintError(
            f"kwargs has {len(several)} objects for {len(ids)} ids; it needs one each"
        )
    return [{"id": id, "kwargs": given} for id, given in zip(ids, several, strict=True)]


def _of_row(row: object) -> Constraint:
    if not isinstance(row, Mapping) or "id" not in row:
        raise ConstraintError(f"{_cut(row)} is no constraint; {FORMS}")
    given = {name: value for name, value in row.items() if name not in ("id", "kwargs")}
    nested = _decoded(row.get("kwargs"), f"kwargs of {row['id']}")
    if nested is not None and not isinstance(nested, Mapping):
        raise ConstraintError(f"{_cut(row['id'])}: kwargs is {_kind(nested)}, not an object")
    return constraint(row["id"], {**given, **(nested or {})})


def _decoded(value: object, name: str) -> Any:
    """`value`, or what it is the JSON text of."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ConstraintError(f"{name} is text, and no JSON ({error}); {FORMS}") from error


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_null(value: object) -> bool:
    """Whether it is what a table has where a row has nothing: null, or not a number."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _is_empty(value: object) -> bool:
    return isinstance(value, str | int | float | Sequence) and not value


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
