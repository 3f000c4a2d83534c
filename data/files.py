"""Reading rows from files: every row is a mapping that knows the place it came from.

Whatever is wrong with a file is one DataError with file, row and remedy; rows are read as they are
asked for, so that a limit also limits the work. `read_rows` ends at the first bad row; `scan_rows`
gives it in its place among the others and goes on.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

from data.compressed import kind_of, opened
from data.errors import RowError, SourceError


class Row(NamedTuple):
    """A row of a file: its number, counted from 1, its place for error messages, its columns."""

    number: int
    where: str
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read: why, as a line that begins with its place, and what is there."""

    number: int
    where: str
    error: str
    raw: Any


def read_rows(path: Path) -> Iterator[Row]:
    """Read a .jsonl, .json or .parquet file; a .json file may hold an array, or an object a line.

    The first two may be compressed: .jsonl.gz, .jsonl.zst, .json.bz2, .json.xz.

    Raises:
        SourceError: the file is missing, unreadable, or of another kind.
        RowError: a row is not a JSON object.
    """
    for row in scan_rows(path):
        if isinstance(row, BadRow):
            raise RowError(row.error)
        yield row


def scan_rows(path: Path) -> Iterator[Row | BadRow]:
    """Read a file as `read_rows` does, with rows that are no JSON objects among the others.

    Raises:
        SourceError: the file is missing, unreadable, or of another kind.
    """
    reader = _READERS.get(kind_of(path))
    if reader is None and not (path.suffix or path.exists()):
        raise SourceError(f"{path}: there is no such file; give the path of a data file")
    if reader is None or (reader is _read_parquet and kind_of(path) != path.suffix.lower()):
        raise SourceError(
            f"{path}: cannot read files ending in {''.join(path.suffixes[-2:])!r}; "
            f"convert it to one of {', '.join(sorted(_READERS))}"
        )
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "there is no such file"
        raise SourceError(f"{path}: {what}; give the path of a data file")
    try:
        yield from reader(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error


def rows_of_lines(
    lines: Iterable[bytes], path: Path | str, first: int = 1
) -> Iterator[Row | BadRow]:
    """The rows of a JSON-lines file's lines from number `first` on; blank lines hold none."""
    for number, line in enumerate(lines, start=first):
        where = f"{path} line {number}"
        try:
            text = _decode(line, where)
            if text.strip():
                yield Row(number, where, _as_object(_parse(text, where), where))
        except RowError as error:
            raw = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
            yield BadRow(number, where, str(error), raw)


def rows_of_block(data: bytes, path: Path | str, first: int) -> Iterator[Row | BadRow]:
    """As `rows_of_lines`, for many lines at once, which is faster by far where all are good."""
    together = _parsed_together(data)
    if together is None:
        yield from rows_of_lines(io.BytesIO(data), path, first)
        return
    for number, columns in enumerate(together, start=first):
        yield Row(number, f"{path} line {number}", columns)


_BETWEEN: Final = uuid4().hex
"""Stands between lines that are parsed together; no file can have been written with it."""


def _parsed_together(data: bytes) -> list[dict[str, Any]] | None:
    """The objects of lines that hold one each; None where a line is to be looked at by itself."""
    try:
        text = data.decode()
        if "\ufeff" in text or "\\ud" in text or "\\uD" in text or _BETWEEN in text:
            return None
        lines = text.removesuffix("\n").split("\n")
        values = json.loads("[" + f',"{_BETWEEN}",'.join(lines) + "]")
    except (ValueError, RecursionError):
        return None
    objects = values[::2]
    # There are as many marks as gaps between lines: all of them here, no line is half an object.
    is_apart = len(values) == 2 * len(lines) - 1 and values.count(_BETWEEN) == len(lines) - 1
    return objects if is_apart and {*map(type, objects)} == {dict} else None


def _read_json_lines(path: Path) -> Iterator[Row | BadRow]:
    with opened(path) as lines:
        yield from rows_of_lines(lines, path)


def _read_json(path: Path) -> Iterator[Row | BadRow]:
    if _has_lines(path):
        yield from _read_json_lines(path)
        return
    with opened(path) as file:
        items = _parse(_decode(file.read(), str(path)), str(path))
    if not isinstance(items, list):
        raise SourceError(
            f"{path}: holds one {_kind(items)}, not an array of objects; "
            "put the prompts in an array, or one a line in a .jsonl file"
        )
    for number, item in enumerate(items, start=1):
        where = f"{path} item {number}"
        try:
            yield Row(number, where, _as_object(item, where))
        except RowError as error:
            yield BadRow(number, where, str(error), item)


def _has_lines(path: Path) -> bool:
    """Whether a file begins with two lines, of which the first is an object of its own."""
    with opened(path) as lines:
        filled = (line for line in lines if line.strip())
        first, second = next(filled, b""), next(filled, b"")
    try:
        return bool(second) and isinstance(json.loads(first.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False


def _read_parquet(path: Path) -> Iterator[Row]:
    # Loading Arrow takes longer than everything else in this package together.
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches():
                for columns in batch.to_pylist():
                    number += 1
                    yield Row(number, f"{path} row {number}", columns)
    except pyarrow.ArrowException as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise SourceError(
            f"{path}: not a readable parquet file: {reason}; write it again"
        ) from error


_READERS: Final[Mapping[str, Callable[[Path], Iterator[Row | BadRow]]]] = {
    ".jsonl": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
}


def _decode(raw: bytes, where: str) -> str:
    try:
        text = raw.decode()  # several times faster than the codec that takes the mark away
        return text[1:] if text.startswith("\ufeff") else text
    except UnicodeDecodeError as error:
        raise RowError(
            f"{where}: not UTF-8 text at byte {error.start + 1}; save the file as UTF-8"
        ) from error


def _parse(text: str, where: str) -> Any:
    try:
        value = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError as error:
        raise RowError(
            f"{where}: half of a surrogate pair, {error.object[error.start]!a}, which stands for "
            "no character; mend or remove it"
        ) from error
    except json.JSONDecodeError as error:
        line = f" line {error.lineno}" if error.lineno > 1 else ""
        raise RowError(
            f"{where}{line}: not valid JSON: {error.msg} at column {error.colno}; mend the line"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RowError(f"{where}: not usable JSON: {error}; mend or remove it") from error


def _as_object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise RowError(
            f"{where}: holds {_kind(value)}, not an object; "
            'write each prompt as {"prompt": ..., "reference": ...}'
        )
    return value


def _kind(value: object) -> str:
    """Name a JSON value's type as JSON does."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
