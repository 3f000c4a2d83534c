"""A few answers of a step as a table of bounded size, from the files that the run has written.

The groups are taken evenly over the step, and of each the best answer and the worst, where they
differ: what the policy is to learn from. Only the row groups of those answers are read whole.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rl.trackers.service import Table

COLUMNS: Final = ("prompt_id", "task", "source", "prompt", "response", "reference", "reason")
NUMBERS: Final = ("reward", "advantage", "tokens")
WORDS: Final = ("outcome", "stop_reason", "ending")
_BY: Final = ("group", "reward", "used")
_SHORT: Final = 200  # characters of what is neither a prompt nor an answer


def table_of(path: Path, count: int, characters: int, scrub: Callable[[str], str]) -> Table:
    """Some answers of a file of episodes.

    Args:
        path: the file.
        count: answers at most.
        characters: of a prompt or an answer, at most.
        scrub: takes out what is not shown.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        light = file.read(columns=list(_BY)).to_pylist()
        columns = [*COLUMNS, *NUMBERS, *WORDS]
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        rows = []
        for index in chosen(light, count):
            at, within = _place(index, sizes)
            whole = file.read_row_group(at, columns=columns).slice(within, 1).to_pylist()[0]
            rows.append(_row(whole, characters, scrub))
    return Table(columns, rows)


def chosen(rows: Sequence[Mapping[str, Any]], count: int) -> list[int]:
    """Which rows are shown: of groups evenly, trained ones first, the best and the worst answer."""
    groups: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(row["group"], []).append(at)
    trained = [own for own in groups.values() if any(rows[at]["used"] for at in own)]
    pool = trained or list(groups.values())
    wanted = min(len(pool), max(1, count // 2))
    picked: list[int] = []
    for nth in range(wanted):
        own = pool[nth * len(pool) // wanted]
        graded = sorted((at for at in own), key=lambda at: _reward(rows[at]))
        picked += dict.fromkeys([graded[-1], graded[0]])
    return picked[:count]


def _reward(row: Mapping[str, Any]) -> float:
    reward = row["reward"]
    return float("-inf") if reward is None else float(reward)


def _place(index: int, sizes: Sequence[int]) -> tuple[int, int]:
    """The row group of a row, and its place there."""
    for at, size in enumerate(sizes):
        if index < size:
            return at, index
        index -= size
    raise IndexError(index)


def _row(
    row: Mapping[str, Any], characters: int, scrub: Callable[[str], str]
) -> list[str | float | None]:
    cells: list[str | float | None] = []
    for name in COLUMNS:
        limit = characters if name in {"prompt", "response"} else _SHORT
        cells.append(shortened(row[name] or "", limit, scrub))
    cells += [None if row[name] is None else float(row[name]) for name in NUMBERS]
    cells += [shortened(row[name] or "", _SHORT, scrub) for name in WORDS]
    return cells


def shortened(text: str, limit: int, scrub: Callable[[str], str]) -> str:
    """Text of a bounded length whose characters can all be shown: the rest is named."""
    whole = scrub(text)  # before it is cut: what that would leave of a secret is not seen as one
    kept = "".join(one if one.isprintable() or one in "\n\t" else "�" for one in whole[:limit])
    left = len(whole) - len(kept)
    return f"{kept} [{left:,} more characters]" if left > 0 else kept
