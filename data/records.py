"""Files of records: JSON lines and parquet, which say the same.

Guarantees: what was written is read back equal, in the same order; the same records give the same
bytes. A file appears whole or not at all. In parquet every file has the same columns, whatever its
records hold: values of any shape are JSON text, so that parts of one data set can be read together
(`datasets.load_dataset("parquet", data_files="curated/*.parquet")`) and no value gains the nulls of
another row. What is wrong with a row is one RowError with file, row and field.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pydantic import ValidationError

from data.errors import RowError, SourceError
from data.files import Row, read_rows
from data.schema import VERSION, Record

if TYPE_CHECKING:
    import pyarrow

MARK: Final = "plumb_version"
"""The column, and the key of a parquet file's metadata, by which a file of records is known."""
_TEXTS: Final = ("id", "task", "environment", "source", "source_id", "licence", "language")
_JSON: Final = ("tools", "metadata", "pass_rate")


def is_records(columns: Mapping[str, Any]) -> bool:
    """Whether a row is one of a file of records."""
    return MARK in columns


def read_records(path: Path) -> Iterator[Record]:
    """The records of a `.jsonl` or `.parquet` file, or of a folder's parts in order.

    Raises:
        SourceError: the file is missing, unreadable, or none of records.
        RowError: a row is no record.
    """
    for row in read_record_rows(path):
        yield record_of(row)


def read_record_rows(path: Path) -> Iterator[Row]:
    """The rows behind the records, each with its place."""
    for part in parts_of(path) if path.is_dir() else [path]:
        yield from read_rows(part)


def parts_of(folder: Path) -> list[Path]:
    """The parts of a data set, in order; raises SourceError where there are none."""
    parts = sorted(folder.glob("part_*.parquet")) or sorted(folder.glob("part_*.jsonl"))
    if not parts:
        raise SourceError(
            f"{folder}: is a folder without part_*.parquet; give a folder that plumb data wrote, "
            "or a file"
        )
    return parts


def record_of(row: Row) -> Record:
    """The record of a row as either kind of file holds it.

    Raises:
        RowError: names the field that is wrong.
    """
    columns = dict(row.columns)
    version = columns.pop(MARK, None)
    if version is None:
        raise RowError(
            f"{row.where}: is no record: it has no {MARK}; give a file that plumb data wrote"
        )
    if version != VERSION:
        raise RowError(
            f"{row.where}: is of version {version!r} of the schema, and this Plumb reads "
            f"{VERSION}; write the file again with this Plumb"
        )
    try:
        is_json = columns.pop("reference_is_json", False)
        if is_json:
            columns["reference"] = json.loads(columns["reference"])
        for name in (*_JSON, "messages"):
            if isinstance(columns.get(name), str):
                columns[name] = json.loads(columns[name])
        if isinstance(columns.get("messages"), list):
            columns["messages"] = [_message(one) for one in columns["messages"]]
        record = Record.model_validate(columns)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "row"
        raise RowError(f"{row.where}: {field}: {first['msg']}; mend or remove the row") from error
    except (ValueError, RecursionError) as error:
        raise RowError(f"{row.where}: a column is no JSON text: {error}; mend the row") from error
    for place, message in enumerate(record.messages):
        if not isinstance(message.get("role"), str):
            raise RowError(f"{row.where}: messages.{place}: has no role; mend or remove the row")
        if "content" not in message and not message.get("tool_calls"):
            raise RowError(f"{row.where}: messages.{place}: has no content; mend or remove the row")
    return record


def as_json(record: Record) -> dict[str, Any]:
    """A line of a `.jsonl` file; what is empty is left out."""
    held = record.model_dump(mode="json")
    keep = ("id", "messages", "task", "reference")
    return {MARK: VERSION} | {
        name: value
        for name, value in held.items()
        if name in keep or value not in ("", [], {}, None)
    }


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write a `.jsonl` or `.parquet` file, which appears when it is whole.

    Raises:
        SourceError: the ending is another, or the file cannot be written.
    """
    if path.suffix not in (".jsonl", ".parquet"):
        raise SourceError(f"{path}: records are written as .jsonl or .parquet; name it so")
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jsonl":
            with temporary.open("w", encoding="utf-8") as file:
                for record in records:
                    file.write(json.dumps(as_json(record), ensure_ascii=False) + "\n")
        else:
            write_table(temporary, table_of(list(records)))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error


def table_of(records: Sequence[Record]) -> "pyarrow.Table":
    """The records as a table of `arrow_schema`."""
    import pyarrow

    columns: dict[str, Any] = {name: [getattr(r, name) for r in records] for name in _TEXTS}
    references = [record.reference for record in records]
    columns |= {
        MARK: [VERSION] * len(records),
        "messages": _messages(records),
        "reference": [
            value if value is None or isinstance(value, str) else _text(value)
            for value in references
        ],
        "reference_is_json": [not (v is None or isinstance(v, str)) for v in references],
        "tools": [_text(record.tools) if record.tools else "[]" for record in records],
        "metadata": _texts([record.metadata for record in records]),
        "pass_rate": [
            None if record.pass_rate is None else _text(record.pass_rate.model_dump())
            for record in records
        ],
    }
    schema = arrow_schema()
    return pyarrow.table({name: columns[name] for name in schema.names}, schema=schema)


def write_table(path: Path, table: "pyarrow.Table") -> None:
    """Write a table as parquet: the same table gives the same bytes."""
    from pyarrow import parquet

    parquet.write_table(table, path, compression="zstd")


def arrow_schema() -> "pyarrow.Schema":
    """The columns of every parquet file of records."""
    import pyarrow

    text = pyarrow.string()
    message = pyarrow.struct([("role", text), ("content", text), ("more", text)])
    return pyarrow.schema(
        [
            ("id", text),
            ("task", text),
            ("messages", pyarrow.list_(message)),
            ("reference", text),
            ("reference_is_json", pyarrow.bool_()),
            ("tools", text),
            ("environment", text),
            ("source", text),
            ("source_id", text),
            ("licence", text),
            ("language", text),
            ("pass_rate", text),
            ("metadata", text),
            (MARK, pyarrow.int32()),
        ],
        metadata={MARK: str(VERSION)},
    )


def _messages(records: Sequence[Record]) -> "pyarrow.ListArray":
    """Messages with their texts; anything else that they have, such as calls, is JSON text."""
    import pyarrow

    ends, roles, contents, others = [0], [], [], []
    for record in records:
        for message in record.messages:
            content = message.get("content")
            is_text = isinstance(content, str)
            more = None
            if len(message) > (2 if is_text else 1):
                apart = ("role", "content") if is_text else ("role",)
                more = _text({name: v for name, v in message.items() if name not in apart})
            roles.append(message["role"])
            contents.append(content if is_text else None)
            others.append(more)
        ends.append(len(roles))
    kind = arrow_schema().field("messages").type
    columns = [pyarrow.array(values, pyarrow.string()) for values in (roles, contents, others)]
    held = pyarrow.StructArray.from_arrays(columns, fields=list(kind.value_type))
    return pyarrow.ListArray.from_arrays(pyarrow.array(ends, pyarrow.int32()), held, type=kind)


def messages_of(table: "pyarrow.Table") -> list[list[dict[str, Any]]]:
    """The messages of each row of a table of records."""
    column = table["messages"].combine_chunks()
    ends = column.offsets.to_pylist()
    fields = (column.values.field(name).to_pylist() for name in ("role", "content", "more"))
    flat = [
        {"role": role, "content": content}
        if more is None and content is not None
        else _message({"role": role, "content": content, "more": more})
        for role, content, more in zip(*fields, strict=True)
    ]
    return [flat[first:last] for first, last in itertools.pairwise(ends)]


def _message(stored: Any) -> Any:
    """The message of `_messages`; that of a line is what it is already."""
    if not isinstance(stored, dict) or "more" not in stored:
        return stored
    content = {} if stored.get("content") is None else {"content": stored["content"]}
    more = json.loads(stored["more"]) if stored["more"] else {}
    return {"role": stored.get("role")} | content | more


_BETWEEN: Final = uuid4().hex
"""Stands between values that are written together; none can have it."""


def _texts(values: Sequence[Any]) -> list[str]:
    """The JSON text of each value; encoded together, they take half the time."""
    if not values:
        return []
    together: list[Any] = [_BETWEEN] * (2 * len(values) - 1)
    together[::2] = values
    return _text(together)[1:-1].split(f',"{_BETWEEN}",')


# Made once: json.dumps makes an encoder for each call that has options.
_text: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
