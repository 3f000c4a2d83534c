"""The texts that `search` looks through: rows of JSONL and Parquet files, and passages of text.

Guarantees: every text has an id of its own; what cannot be read is one line that names file, row
and remedy. A folder is all files in it whose kind is known, in the order of their paths.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rl.errors import ConfigError

KINDS: Final = (".jsonl", ".parquet", ".txt", ".md")
TEXT_NAMES: Final = ("text", "contents", "content", "passage", "body")
TITLE_NAMES: Final = ("title", "name")
ID_NAMES: Final = ("id", "_id", "docid")


@dataclass(frozen=True, slots=True)
class Document:
    """A text that can be opened by its id."""

    id: str
    title: str
    text: str


def load_corpus(path: Path, text_column: str | None = None) -> dict[str, Document]:
    """All texts by id.

    Args:
        path: A file or a folder.
        text_column: Of rows; None: the first of the usual names that a row has.

    Raises:
        ConfigError: There are none, or one cannot be read.
    """
    where = f"env: the corpus {path}"
    if not path.exists():
        raise ConfigError(f"{where} is not there")
    inside = sorted(one for one in path.rglob("*") if one.is_file() and one.suffix in KINDS)
    files = inside if path.is_dir() else [path]
    found: dict[str, Document] = {}
    for file in files:
        name = str(file.relative_to(path)) if path.is_dir() else file.name
        for document in _documents(file, name, text_column):
            if document.id in found:
                raise ConfigError(
                    f"{where}: the id {document.id!r:.100} is there twice, again in {name}: make "
                    "ids distinct, or remove the column, and rows are numbered"
                )
            found[document.id] = document
    if not found:
        raise ConfigError(f"{where} holds no text: give {', '.join(KINDS)} files")
    return found


def _documents(file: Path, name: str, text_column: str | None) -> Iterator[Document]:
    if file.suffix in (".txt", ".md"):
        yield from _passages(file, name)
        return
    if file.suffix not in KINDS:
        raise ConfigError(f"env: the corpus {file} is none of {', '.join(KINDS)}")
    rows = _json_rows(file) if file.suffix == ".jsonl" else _parquet_rows(file)
    for number, row in enumerate(rows):
        yield _document(row, f"{name}, row {number + 1}", f"{name}/{number}", text_column)


def _passages(file: Path, name: str) -> Iterator[Document]:
    """What stands between empty lines."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"env: the corpus {file} cannot be read: {error}") from error
    passages = "\n".join(line.rstrip() for line in text.splitlines()).split("\n\n")
    for number, passage in enumerate(one.strip() for one in passages if one.strip()):
        yield Document(f"{name}/{number}", "", passage)


def _json_rows(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ConfigError(f"env: {file}, line {number} is no object: {line!r:.60}")
                    yield row
    except (OSError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"env: the corpus {file} cannot be read: {told}") from error


def _parquet_rows(file: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(4096):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"env: the corpus {file} cannot be read: {told}") from error


def _document(row: Mapping[str, Any], where: str, numbered: str, column: str | None) -> Document:
    names = (column,) if column else TEXT_NAMES
    text = next((row[one] for one in names if isinstance(row.get(one), str)), None)
    if text is None:
        raise ConfigError(
            f"env: {where}: no text in {' or '.join(names)}; it has {', '.join(row) or 'nothing'}: "
            "set the option text_column"
        )
    title = next((row[one] for one in TITLE_NAMES if isinstance(row.get(one), str)), "")
    number = next((row[one] for one in ID_NAMES if isinstance(row.get(one), str | int)), numbered)
    return Document(str(number), title, text)
