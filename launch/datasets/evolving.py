"""Seeds of `plumb data evolve`, and the conversations that come of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.evolution_stages import Followers
    from data.files import Row
    from data.pipeline.opening import Input
    from data.pipeline.work import Reader
    from data.schema import Record

SFT = "sft.jsonl"


def open_seeds(seeds: str, format: str) -> "Input":
    """The seeds; rows that are in no other format may be prompts without a reference."""
    from data.errors import DataError, SourceError
    from data.pipeline.opening import Choice, open_input

    try:
        return open_input(seeds, Choice(format))
    except SourceError as error:
        if format != "auto":
            raise
        try:
            return open_input(seeds, Choice("plain"))
        except DataError:
            raise error from None


def repeated(opened: "Input") -> frozenset[str]:
    """The places of rows whose record an earlier row has."""
    known: set[str] = set()
    found = set()
    for row in _rows(opened):
        for record in opened.reader(row):
            if record.id in known:
                found.add(row.where)
            known.add(record.id)
    return frozenset(found)


def read(opened: "Input", reader: "Reader") -> "Iterator[Record]":
    """The records of a source."""
    for row in _rows(opened):
        yield from reader(row)


def _rows(opened: "Input") -> "Iterator[Row]":
    """The rows of a source; raises RowError where one cannot be read."""
    from data.errors import RowError
    from data.files import BadRow
    from data.pipeline.source import BLOCK_ROWS

    for block in opened.source.blocks(BLOCK_ROWS):
        for row in block.rows():
            if isinstance(row, BadRow):
                raise RowError(row.error)
            yield row


def write_sft(out: Path, stage: "Followers") -> int:
    """Write the accepted answers of all records; gives how many there are."""
    from data.errors import SourceError
    from data.records import read_records

    path = out / SFT
    temporary = path.with_name(f".{SFT}.tmp")
    count = 0
    try:
        with temporary.open("w", encoding="utf-8") as file:
            row: dict[str, Any]
            for row in stage.rows(read_records(out)):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error
    return count
