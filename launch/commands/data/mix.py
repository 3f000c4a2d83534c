"""`plumb data mix`: the command line of `data.mix_files`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.mixing import Selection


@dataclass(frozen=True, kw_only=True)
class MixOptions:
    """What `plumb data mix` takes."""

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="files or folders of records, such as plumb data difficulty wrote",
        ),
    ]
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="where the mix is written")]
    ratio: Annotated[
        str, typer.Option(help="strata of the mix and their ratio; all: whatever there is")
    ] = "medium:hard=2:1"
    size: Annotated[
        int | None, typer.Option(help="records", show_default="as many as the ratios allow")
    ] = None
    share: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN[=VALUE:N,...]",
            help="share of a column's values, such as task=math:3,code:1 or source; without "
            "values: the same for each; *: the others; may be repeated",
        ),
    ] = None
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN[=VALUE:N,...]",
            help="how much likelier a record is than others of its kind, such as "
            "metadata.tags=algebra:3 or metadata.quality (a number); may be repeated",
        ),
    ] = None
    order: Annotated[
        Literal["curriculum", "shuffled", "input"],
        typer.Option(help="curriculum: pass rates from high to low"),
    ] = "curriculum"
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0
    fill: Annotated[bool, typer.Option("--fill", help="take others in place of what is short")] = (
        False
    )
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace a data set that the folder holds")
    ] = False


@takes_options
def mix(options: MixOptions) -> None:
    """Make a training mix out of measured records.

    By default two records of medium difficulty to each hard one and none that is
    easy, easiest first. Which records are taken depends on them, the options and
    the seed alone. What is short is printed by how much: the rest then keeps its
    number, unless --fill is given.

    A column is stratum, task, source, licence, language, environment, or a name
    with dots such as metadata.tags or pass_rate.model. Shares of several columns
    multiply. A record with several tags has the product of their weights.

    Examples:

      plumb data mix measured/ --out mix/ --size 10000

      plumb data mix math/ code/ --out mix/ --share task=math:3,code:1 --fill

      plumb data mix measured/ --out mix/ --ratio all --weight metadata.quality
    """
    with one_line_errors():
        _mix(options)


def _mix(options: MixOptions) -> None:
    from data.mix_files import mix as run_mix
    from data.mix_shares import parse_column, parse_ratio, parse_share
    from data.mixing import Request
    from data.prompt_records import rows_of
    from launch.datasets.progress import Counting, show_time

    strata = [] if options.ratio == "all" else [parse_ratio(options.ratio)]
    request = Request(
        shares=(*strata, *map(parse_share, options.share or ())),
        weights=tuple(map(parse_column, options.weight or ())),
        size=options.size,
        order=options.order,
        fill=options.fill,
        seed=options.seed,
    )
    began = time.monotonic()
    rows = [rows_of(source) for source in options.sources]
    total = None if None in rows else 2 * sum(one or 0 for one in rows)  # it reads twice
    with Counting("reading records", total) as count:
        found = run_mix(
            options.sources,
            options.out,
            request,
            overwrite=options.overwrite,
            on_record=count.advance,
        )
    _show(found, [column.name for column in request.shares] or ["records"])
    show_time(began)
    is_ordered = options.order == "curriculum"
    print(f"{len(found.positions)} of {found.read} records in {options.out}")
    how = " data.shuffle=false" if is_ordered else ""
    print(
        f"next: plumb data forecast {options.out} --prior {options.sources[0]}, "
        f"then plumb train CONFIG data.train={options.out}{how}"
    )
    if is_ordered:
        print(
            "shuffle=false gives every prompt once an epoch, easiest first; "
            "data.order=curriculum instead opens harder ones as training goes on, and "
            "data.order=adaptive follows the policy"
        )


def _show(found: "Selection", names: list[str]) -> None:
    """How many of each kind there were, and what was left out."""
    from launch.datasets.progress import show_counts

    show_counts(
        [*names, "wanted", "there", "taken", "short"],
        [
            [*(cell or ("all",)), one.wanted, one.there, one.taken, one.short]
            for cell, one in found.cells.items()
        ],
    )
    for cell, one in found.cells.items():
        if one.short:
            print(
                f"short: {' '.join(cell) or 'records'}: wanted {one.wanted}, there are "
                f"{one.there}: {one.short} are lacking"
            )
    for what, number in sorted(found.left_out.items()):
        print(f"left out: {number} with {what}, for which there is no share")
    if found.duplicates:
        print(f"left out: {found.duplicates} whose id an earlier record has")
    if found.unlikely:
        print(f"left out: {found.unlikely} of weight 0")
