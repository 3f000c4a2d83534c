"""`plumb data mix`: from folders of records to a mix in a folder of its own.

Guarantees: the same inputs and request give the same bytes; of the records only the chosen ones are
held, as columns.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import SourceError
from data.mixing import Request, Selection, select
from data.parts import check_unused, described, in_blocks, manifest_of
from data.pipeline.output import part_name, write_manifest, write_part
from data.pipeline.source import BLOCK_ROWS
from data.pipeline.work import KEPT, encoded
from data.prompt_records import open_records
from data.records import table_of
from data.schema import Record

if TYPE_CHECKING:
    import pyarrow


def mix(
    sources: Sequence[str],
    out: Path,
    request: Request,
    *,
    overwrite: bool = False,
    block_rows: int = BLOCK_ROWS,
    on_record: Callable[[], None] = lambda: None,
) -> Selection:
    """Choose records of all sources, and write them.

    Args:
        sources: files or folders of records, or anything that `load_prompts` reads.
        out: the folder; it may not hold anything, unless `overwrite`.
        request: what is wanted.
        overwrite: replace a data set in `out`.
        block_rows: records a part.
        on_record: called twice for each record.

    Raises:
        DataError: a source cannot be read, nothing fits the request, or `out` cannot be written.
    """
    if any(Path(source).resolve() in (out.resolve(), *out.resolve().parents) for source in sources):
        raise SourceError(f"{out}: is read itself; name another folder")
    check_unused(out, sources, overwrite=overwrite)

    def read() -> Iterator[Record]:
        for source in sources:
            for record in open_records(source):
                on_record()
                yield record

    chosen = select(read(), request)
    table = _taken(read(), chosen.positions)
    parts = [
        write_part(out, part_name(KEPT, number), encoded(table.slice(first, block_rows)))
        for number, first in enumerate(range(0, table.num_rows, block_rows))
    ]
    manifest = manifest_of(
        "mix",
        inputs=described(sources),
        config=_config(request),
        block_rows=block_rows,
        parts=parts,
        read=chosen.read,
        dropped=_reasons(chosen),
        cells=_cells(request, chosen),
    )
    write_manifest(out, manifest)
    return chosen


def _taken(records: Iterator[Record], positions: Sequence[int]) -> "pyarrow.Table":
    """The records at these positions, in the order of the positions."""
    import pyarrow

    place = {position: number for number, position in enumerate(sorted(positions))}
    wanted = (record for position, record in enumerate(records) if position in place)
    tables = [table_of(block) for block in in_blocks(wanted)]
    return pyarrow.concat_tables(tables).take([place[position] for position in positions])


def _cells(request: Request, chosen: Selection) -> list[dict[str, Any]]:
    names = [column.name for column in request.shares]
    return [
        {"cell": dict(zip(names, cell, strict=True)), "short": one.short, **asdict(one)}
        for cell, one in chosen.cells.items()
    ]


def _reasons(chosen: Selection) -> dict[str, int]:
    spare = sum(one.there - one.taken for one in chosen.cells.values())
    reasons = {
        **{f"no share for {what}": count for what, count in sorted(chosen.left_out.items())},
        "weight of 0": chosen.unlikely,
        "duplicate": chosen.duplicates,
        "more than needed": spare,
    }
    return {reason: count for reason, count in reasons.items() if count}


def _config(request: Request) -> dict[str, Any]:
    return {
        "shares": {column.name: dict(column.numbers) for column in request.shares},
        "weights": {column.name: dict(column.numbers) for column in request.weights},
        "size": request.size,
        "order": request.order,
        "fill": request.fill,
        "seed": request.seed,
    }
