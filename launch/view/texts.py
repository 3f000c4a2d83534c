"""The texts of single rows, read from their files when they are asked for.

Of a file only the row groups that hold the rows are read. What a policy, a tool or an environment
wrote stays text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pyarrow import ArrowException, parquet

from launch.view.shelves import Library, Shelf, doc_of, episode_file, place_of
from rl.errors import PlumbError

SHORT: Final = 240  # characters of a preview
Row = Mapping[str, Any]


class GoneError(PlumbError):
    """A row is no longer where it was: the run has gone back to an earlier step."""


def id_of(doc: int) -> str:
    """A row's name in addresses: shelf, step and row."""
    return "-".join(map(str, place_of(doc)))


def doc_named(name: str) -> int:
    """The number of a row by its name.

    Raises:
        GoneError: It is none.
    """
    parts = name.split("-")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 9 for part in parts):
        raise GoneError(f"{name[:40]!r} names no answer: open one from the list")
    shelf, step, row = map(int, parts)
    return doc_of(shelf, step, row)


def shelf_of(library: Library, number: int) -> Shelf:
    """A shelf by its number.

    Raises:
        GoneError: There is none.
    """
    if not 0 <= number < len(library.shelves):
        raise GoneError("there is no such folder of answers: reload the page")
    return library.shelves[number]


def read_docs(library: Library, docs: Sequence[int], columns: Sequence[str]) -> dict[int, Row]:
    """Some columns of rows, by their numbers; rows that are not there are left out."""
    wanted: dict[tuple[int, int], list[int]] = {}
    for doc in docs:
        number, step, row = place_of(doc)
        wanted.setdefault((number, step), []).append(row)
    found: dict[int, Row] = {}
    for (number, step), rows in wanted.items():
        if number >= len(library.shelves):
            continue
        shelf = library.shelves[number]
        try:
            for row, values in _read(shelf, step, sorted(set(rows)), columns):
                found[doc_of(number, step, row)] = values
        except (OSError, ArrowException):
            continue
    return found


def read_whole(library: Library, doc: int) -> Row:
    """Every column of a row.

    Raises:
        GoneError: It is not there.
    """
    number, step, row = place_of(doc)
    shelf = shelf_of(library, number)
    try:
        for _, values in _read(shelf, step, [row], None):
            return values
    except (OSError, ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise GoneError(f"step {step} of {shelf.run.name} cannot be read: {reason}") from error
    raise GoneError(f"step {step} of {shelf.run.name} holds no row {row} any more: reload the list")


def body_of(row: Row) -> str:
    """What is searched of a row: prompt, and all that was said after it.

    What an agent answers at its end need be in no message.
    """
    said, answer = conversation_text(row.get("messages")), row.get("response") or ""
    parts = [row.get("prompt") or "", said, "" if said and answer in said else answer]
    return "\n".join(part for part in parts if part)


def conversation_text(said: Any) -> str:
    """The texts of a conversation in JSON, one after the other."""
    messages = messages_of(said)
    lines = []
    for message in messages:
        content = message.get("content")
        lines.append(content if isinstance(content, str) else json.dumps(content))
        if calls := message.get("tool_calls"):
            lines.append(json.dumps(calls, ensure_ascii=False))
    return "\n".join(lines)


def messages_of(said: Any) -> list[Mapping[str, Any]]:
    """The messages that a file's column holds; none where there are none, or it is damaged."""
    try:
        messages = json.loads(said) if isinstance(said, str) else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(messages, list):
        return []
    return [one for one in messages if isinstance(one, dict)]


def preview(row: Row) -> dict[str, str]:
    """The beginnings of a row's texts."""
    prompt, response = row.get("prompt") or "", row.get("response") or ""
    return {"prompt": _short(prompt), "response": _short(response)}


def _short(text: str) -> str:
    text = " ".join(text[: 4 * SHORT].split())
    return f"{text[:SHORT]}…" if len(text) > SHORT else text


def _read(
    shelf: Shelf, step: int, rows: Sequence[int], columns: Sequence[str] | None
) -> Iterator[tuple[int, Row]]:
    """The rows at sorted positions of a file."""
    with parquet.ParquetFile(episode_file(shelf.folder, step)) as file:
        there = file.schema_arrow.names
        names = there if columns is None else [name for name in columns if name in there]
        first = 0
        for number in range(file.num_row_groups):
            count = file.metadata.row_group(number).num_rows
            inside = [row - first for row in rows if first <= row < first + count]
            if inside:
                part = file.read_row_group(number, names).take(inside).to_pylist()
                yield from zip((row + first for row in inside), part, strict=True)
            first += count
