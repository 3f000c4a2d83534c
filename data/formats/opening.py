"""Opening a data set: a file, a folder of files, or one of the Hugging Face hub, row by row.

Guarantees: rows come in the order of the source, one at a time; nothing but the first few is held.
What is wrong with a source is one SourceError, also where the hub cannot be reached.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from data.errors import SourceError
from data.files import Row, read_rows
from data.formats.folders import ENDINGS, local_files
from data.formats.format import Format, Opening, Settled
from data.formats.hub import hub_rows
from data.formats.recognition import recognise
from data.formats.table import format_named
from data.schema import Record

AUTO: Final = "auto"
_LOOKED_AT: Final = 8  # rows by which a format is told


@dataclass(frozen=True, slots=True)
class Opened:
    """A data set that is being read.

    Attributes:
        format: of its rows, settled on this data set.
        recognised_by: what the format was told by; empty: it was named.
        rows: all of them, once.
    """

    format: Format
    recognised_by: str
    rows: Iterator[Row]

    def records(self) -> Iterator[Record]:
        """The prompts of all rows; raises RowError at the first that is broken."""
        for row in self.rows:
            yield from self.format.records(row)


def open_source(
    source: str | Path,
    *,
    format: str = AUTO,
    split: str | None = None,
    name: str | None = None,
    revision: str | None = None,
    streaming: bool = True,
) -> Opened:
    """Open a data set.

    Args:
        source: a .jsonl, .json or .parquet file, a folder of them, or a name such as
            `openai/gsm8k`; a path that is there wins.
        format: a name, `path/to/file.py:Class`, or "auto" to tell it from the rows.
        split: of a hub's data set (None: `train`, or the only one), or of a folder whose files
            begin with its name, such as `train-00000-of-00002.parquet`.
        name: the configuration of a hub's data set, such as `main`.
        revision: a branch, tag or commit of a hub's data set.
        streaming: read a hub's data set without downloading it first.

    Raises:
        SourceError: it cannot be read, holds no rows, or is of no known format.
    """
    path = Path(source)
    if path.exists():
        files = local_files(path, split=split, name=name, revision=revision)
        return settle(chain.from_iterable(map(read_rows, files)), format, str(source), files[0])
    if not is_hub_name(str(source)):
        raise SourceError(
            f"{source}: there is no such file; give the path of a data file or folder, or the name "
            "of a data set on the hub, such as openai/gsm8k"
        )
    rows = hub_rows(str(source), split=split, name=name, revision=revision, streaming=streaming)
    return settle(rows, format, str(source), None)


def settle(rows: Iterator[Row], format: str, place: str, path: Path | None) -> Opened:
    """Tell the format of rows, and let it settle on them.

    Args:
        rows: of one source, from its first.
        format: a name, or "auto".
        place: the source's name, for messages.
        path: the file that the first row is of; None: of a hub.

    Raises:
        SourceError: there are no rows, or they are of no known format.
    """
    first = list(islice(rows, _LOOKED_AT))
    if not first:
        raise SourceError(f"{place}: holds no rows; check that it was written completely")
    chosen, why = recognise(first, place) if format == AUTO else (format_named(format), "")
    if isinstance(chosen, Settled):
        chosen = chosen.settled(Opening(first[0], path))
    return Opened(chosen, why, chain(first, rows))


def is_hub_name(text: str) -> bool:
    """Whether a text may name a data set of the hub: `owner/name`, and no path."""
    parts = text.split("/")
    return (
        len(parts) == 2
        and all(
            part and part[0].isalnum() and all(c.isalnum() or c in "-_." for c in part)
            for part in parts
        )
        and not text.endswith(ENDINGS)
    )
