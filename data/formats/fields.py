"""Taking values out of a row, and putting a record together: what is wrong is one RowError.

Guarantees: the message has the place, the column, what is there, and what to do. Whatever a record
holds is JSON.
"""

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from data.columns import plain
from data.errors import RowError
from data.files import Row
from data.schema import PassRate, Record, content_id

Columns = Mapping[str, Any]
_LONGEST_LITERAL: Final = 1 << 20  # characters of a Python literal: its tree takes 100 times that
_SHOWN: Final = 60
_MESSAGE: Final = frozenset({"role", "content"})


def has(columns: Columns, *names: str) -> bool:
    """Whether all of these columns are there, null or not."""
    return all(name in columns for name in names)


def text(row: Row, name: str) -> str:
    """The text of a column, which has to say something."""
    value = row.columns.get(name)
    if not isinstance(value, str) or not value.strip():
        raise wrong(row, name, value, "text")
    return value


def optional_text(row: Row, name: str) -> str:
    """The text of a column; empty where it is absent or null."""
    value = row.columns.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(row, name, value, "text")
    return value


def identity(row: Row, name: str) -> str:
    """A row's name in its data set: text or a whole number; empty where there is none."""
    value = row.columns.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong(row, name, value, "text or a whole number")
    return str(value)


def answer_text(row: Row, name: str, value: object = ...) -> str:
    """An answer as text: that of the column, or a value found within it; numbers become text."""
    value = row.columns.get(name) if value is ... else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise wrong(row, name, value, "an answer")
    return value.strip()


def decoded(row: Row, name: str, value: object = ...) -> Any:
    """What JSON text holds, that of the column or one found within it; another value stays so."""
    value = row.columns.get(name) if value is ... else value
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise RowError(
            f"{row.where}: column {name!r} is no JSON text: {error}; mend or remove the row"
        ) from error


def literal(row: Row, name: str) -> Any:
    """As `decoded`, for text that Python wrote with `str()`: only constants are read."""
    value = row.columns.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        if len(value) > _LONGEST_LITERAL:
            raise ValueError(f"longer than {_LONGEST_LITERAL} characters")
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise RowError(
            f"{row.where}: column {name!r} is neither JSON text nor a Python literal; "
            "mend or remove the row"
        ) from error


def mapping(row: Row, name: str, value: object) -> Mapping[str, Any]:
    """`value`, which has to be an object."""
    if not isinstance(value, Mapping):
        raise wrong(row, name, value, "an object")
    return value


def sequence(row: Row, name: str, value: object) -> Sequence[Any]:
    """`value`, which has to be a list."""
    if not isinstance(value, list | tuple):
        raise wrong(row, name, value, "a list")
    return value


def user(content: str) -> tuple[dict[str, Any], ...]:
    """A prompt of one message."""
    return ({"role": "user", "content": content},)


def rest(row: Row, *taken: str) -> dict[str, Any]:
    """The columns that have no role, as JSON, without those that are null."""
    return {
        name: plain(value)
        for name, value in row.columns.items()
        if name not in taken and value is not None
    }


def filled(**facts: Any) -> dict[str, Any]:
    """Metadata without what is empty."""
    return {name: plain(value) for name, value in facts.items() if value not in (None, "", [], {})}


def record(
    row: Row,
    messages: Sequence[Mapping[str, Any]],
    task: str,
    reference: Any,
    *,
    source: str,
    licence: str,
    source_id: str = "",
    tools: Sequence[Mapping[str, Any]] = (),
    pass_rate: PassRate | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Record:
    """Put a record together; raises RowError where its parts are none of a record's."""
    try:
        name = content_id(messages, tools, reference, task)
        if pass_rate is None and not tools and _is_text_alone(messages, reference, metadata):
            return Record.of_valid(
                id=name,
                messages=tuple(messages),
                task=task,
                reference=reference,
                source=source,
                source_id=source_id,
                licence=licence,
                metadata={**(metadata or {})},
            )
        return Record(
            id=name,
            messages=messages,  # type: ignore[arg-type]  # validated here
            task=task,
            reference=reference,
            tools=tools,  # type: ignore[arg-type]
            source=source,
            source_id=source_id,
            licence=licence,
            pass_rate=pass_rate,
            metadata=metadata or {},  # type: ignore[arg-type]
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "row"
        raise RowError(f"{row.where}: {field}: {first['msg']}; mend or remove the row") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise RowError(f"{row.where}: holds what JSON cannot: {error}; mend the row") from error


def _is_text_alone(
    messages: Sequence[Mapping[str, Any]], reference: Any, metadata: Mapping[str, Any] | None
) -> bool:
    """Whether a record is one message and texts in ASCII, of which there is nothing to check."""
    if len(messages) != 1 or type(reference) is not str or not reference.isascii():
        return False
    if type(messages[0]) is not dict or messages[0].keys() != _MESSAGE:
        return False
    for text in (*messages[0].values(), *(metadata or {}).values()):  # faster than all()
        if type(text) is not str or not text.isascii():
            return False
    return True


def wrong(row: Row, name: str, value: object, wanted: str) -> RowError:
    """The error for a column that holds something else."""
    if name not in row.columns and "." not in name:
        seen = f"no column {name!r} (it has {', '.join(row.columns) or 'none'})"
    else:
        shown = repr(value)
        cut = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
        seen = f"column {name!r} holds {cut} where {wanted} should be"
    return RowError(f"{row.where}: {seen}; mend or remove the row")
