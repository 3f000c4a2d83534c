"""Choosing a training mix out of records: shares of a product of columns, and an order.

Guarantees: which records are chosen depends on their content, the request and the seed alone, not
on the order in which they come; a record is chosen at most once; what is short is said, cell by
cell, and nothing takes its place unless that is asked for. Between records of a cell the chances
follow their weights (Efraimidis and Spirakis, IPL 97, 2006: the smallest of exponential draws with
the weights as rates).
"""

import hashlib
import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from data.errors import MixError
from data.mix_shares import Column
from data.schema import Record

Order = Literal["curriculum", "shuffled", "input"]
Cell = tuple[str, ...]
"""A value of each column that has shares."""
_WHOLE = 2**64


@dataclass(frozen=True, slots=True)
class Request:
    """What a mix shall be.

    Attributes:
        shares: columns and what share each of their values gets; cells are their product.
        weights: columns by which records of a cell are likelier than others.
        size: records; None: as many as the shares allow without a shortage.
        order: `curriculum`: pass rates from high to low; `shuffled`; `input`: as they came.
        fill: take others in place of what is short, in proportion to their shares.
        seed: of what is drawn.
    """

    shares: tuple[Column, ...] = ()
    weights: tuple[Column, ...] = ()
    size: int | None = None
    order: Order = "curriculum"
    fill: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a cell: its records wanted, there, and taken."""

    wanted: int
    there: int
    taken: int

    @property
    def short(self) -> int:
        """Records that are lacking."""
        return max(0, self.wanted - self.there)


@dataclass(frozen=True, slots=True)
class Selection:
    """The records of a mix.

    Attributes:
        positions: of the chosen records in the input, in the mix's order.
        cells: what became of each cell.
        left_out: records that no share was for, by `column=value`.
        unlikely: records of weight 0.
        duplicates: records whose id an earlier one has.
        read: all records.
    """

    positions: Sequence[int]
    cells: Mapping[Cell, Filled]
    left_out: Mapping[str, int]
    unlikely: int
    duplicates: int
    read: int


@dataclass(slots=True)
class _Pile:
    """The candidates of a mix by cell, each as its draw, its position and its pass rate."""

    cells: dict[Cell, list[tuple[float, int, float]]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    unlikely: int = 0
    duplicates: int = 0
    read: int = 0


def select(records: Iterable[Record], request: Request) -> Selection:
    """Choose the records of a mix; they are read once and not kept.

    Raises:
        MixError: there is nothing to take, or a weight is none.
    """
    if request.size is not None and request.size < 1:
        raise MixError(f"size is {request.size}; give 1 or more, or none for as many as there are")
    pile = _gather(records, request)
    if not pile.cells:
        raise MixError(
            f"none of {pile.read} records can be taken: {_why_empty(pile)}; measure them by plumb "
            "data difficulty, or change --ratio and --share"
        )
    shares = _shares(request.shares, pile.cells)
    there = {cell: len(pile.cells.get(cell, ())) for cell in shares}
    size = request.size or _largest(shares, there)
    wanted = _apportion(size, shares)
    taken = {cell: min(wanted[cell], there[cell]) for cell in shares}
    if request.fill:
        taken = _filled(taken, there, shares, size)
    chosen = [
        one
        for cell, found in pile.cells.items()
        if taken.get(cell)
        for one in heapq.nsmallest(taken[cell], found)
    ]
    return Selection(
        positions=_ordered(chosen, request.order, request.seed),
        cells={cell: Filled(wanted[cell], there[cell], taken[cell]) for cell in sorted(shares)},
        left_out=pile.left_out,
        unlikely=pile.unlikely,
        duplicates=pile.duplicates,
        read=pile.read,
    )


def _gather(records: Iterable[Record], request: Request) -> _Pile:
    pile, known = _Pile(), set()
    for position, record in enumerate(records):
        pile.read += 1
        if record.id in known:
            pile.duplicates += 1
            continue
        known.add(record.id)
        found = [(column, *column.share_of(record)) for column in request.shares]
        unwanted = next((f"{c.name}={value}" for c, value, wanted in found if not wanted), None)
        if unwanted is not None:
            pile.left_out[unwanted] += 1
            continue
        weight = math.prod(column.weight_of(record) for column in request.weights)
        if not weight:
            pile.unlikely += 1
            continue
        cell = tuple(value for _, value, _ in found)
        rate = -1.0 if record.pass_rate is None else record.pass_rate.rate
        draw = -math.log(_uniform(f"{request.seed}/{record.id}")) / weight
        pile.cells.setdefault(cell, []).append((draw, position, rate))
    return pile


def _uniform(name: str) -> float:
    """A number in (0, 1] that a name stands for."""
    first = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8]
    return (int.from_bytes(first) + 1) / _WHOLE


def _shares(columns: Sequence[Column], cells: Iterable[Cell]) -> dict[Cell, float]:
    """What share of the mix each cell gets; they sum to 1."""
    found: dict[Cell, float] = {(): 1.0}
    seen = sorted(cells)
    for place, column in enumerate(columns):
        numbers = column.numbers or dict.fromkeys((cell[place] for cell in seen), 1.0)
        total = sum(numbers.values())
        found = {
            (*cell, value): share * number / total
            for cell, share in found.items()
            for value, number in numbers.items()
            if number
        }
    return found


def _largest(shares: Mapping[Cell, float], there: Mapping[Cell, int]) -> int:
    """The largest mix whose cells, but for those that have no record, are not short."""
    most = min(there[cell] / share for cell, share in shares.items() if there[cell])
    return max(1, math.floor(most + 1e-9))


def _apportion(size: int, shares: Mapping[Cell, float]) -> dict[Cell, int]:
    """Whole numbers that sum to `size` (largest remainders)."""
    exact = {cell: size * share for cell, share in shares.items()}
    found = {cell: math.floor(number + 1e-9) for cell, number in exact.items()}
    by_remainder = sorted(exact, key=lambda cell: (found[cell] - exact[cell], cell))
    for cell in by_remainder[: size - sum(found.values())]:
        found[cell] += 1
    return found


def _filled(
    taken: Mapping[Cell, int],
    there: Mapping[Cell, int],
    shares: Mapping[Cell, float],
    size: int,
) -> dict[Cell, int]:
    """Give what is lacking to the cells that have more, as long as there are any."""
    full = dict(taken)
    while lacking := size - sum(full.values()):
        open_cells = {cell: shares[cell] for cell in shares if full[cell] < there[cell]}
        if not open_cells:
            break
        total = sum(open_cells.values())
        more = _apportion(lacking, {cell: share / total for cell, share in open_cells.items()})
        for cell, number in more.items():
            full[cell] = min(there[cell], full[cell] + number)
    return full


def _ordered(chosen: list[tuple[float, int, float]], order: Order, seed: int) -> list[int]:
    if order == "curriculum":
        chosen.sort(key=lambda one: (-one[2], one[0], one[1]))
    elif order == "shuffled":
        # Not by the draws themselves: those are smaller where the weight is larger.
        chosen.sort(key=lambda one: _uniform(f"{seed}/order/{one[0]}"))
    else:
        chosen.sort(key=lambda one: one[1])
    return [position for _, position, _ in chosen]


def _why_empty(pile: _Pile) -> str:
    reasons = [f"{count} are {what}" for what, count in pile.left_out.most_common(3)]
    reasons += [f"{pile.unlikely} have a weight of 0"] if pile.unlikely else []
    return ", ".join(reasons) or "the input is empty"
