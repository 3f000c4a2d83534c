"""`python -m tests.bench.data [ROWS]`: curation of synthetic mathematics, phase by phase.

Guarantees: rows are made from a seed, as JSON lines in GSM8K's layout, each another exercise; what
is measured is what `plumb data curate` runs, on one process a core, into a temporary folder. Shown
are seconds, CPU seconds of all processes, rows a second by both (CPU seconds tell what idle cores
would do), the seconds of each stage, and the most memory that one process took.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from data.contamination.building import build_index
from data.contamination.evaluations import EvaluationSet
from data.contamination.stage import Contamination
from data.curate.distinct import decide
from data.curate.math import math_checks, math_filters
from data.duplicates.join import Settings
from data.pipeline.block import Stage
from data.pipeline.manifest import Manifest, read_manifest
from data.pipeline.opening import Choice, open_input
from data.pipeline.parts import Parts
from data.pipeline.run import TIMING, run_pipeline
from data.pipeline.source import Source
from data.pipeline.work import RECORDS, Reader
from tests.bench.ending import told
from tests.bench.memory import LargestProcess

ROWS: Final = 1_000_000
CHECKED: Final = 20_000
"""Rows for the checks, which are slower by far."""
EVALUATED: Final = 5_000
_ROOTS: Final = [a + b + c for a in "bdfghjkl" for b in "aeiou" for c in "lmnrst"]
_ENDS: Final = ["a", "e", "i", "o", "u", "an", "er", "is", "ot", "um", "ing", "ed", "le", "ry"]
_THINGS: Final = [
    "pens",
    "boxes",
    "marbles",
    "seats",
    "books",
    "coins",
    "stamps",
    "cards",
    "tickets",
    "stones",
]


@dataclass(frozen=True, slots=True)
class Measured:
    """One phase."""

    what: str
    rows: int
    seconds: float
    cpu: float
    memory: int
    stages: dict[str, float]


def words(draw: random.Random, count: int) -> str:
    """Words that no language has."""
    return " ".join(
        draw.choice(_ROOTS) + draw.choice(_ROOTS) * draw.randrange(2) + draw.choice(_ENDS)
        for _ in range(count)
    )


def row(draw: random.Random) -> dict[str, str]:
    """An exercise in GSM8K's layout and of its length; answers are of several kinds."""
    a, b, c = draw.randrange(2, 5000), draw.randrange(2, 900), draw.randrange(2, 60)
    thing = draw.choice(_THINGS)
    answer = draw.choice(
        [
            str(a * b),
            str(a + b),
            rf"\frac{{{a}}}{{{2 * b + 1}}}",
            rf"{c}\sqrt{{{2 * c + 1}}}",
            f"{a}.{c}",
            f"({a}, {b})",
            rf"\{{{c}, {a + 60}\}}",
            f"{c}x + {b}",
            rf"{c}\%",
        ]
    )
    question = (
        f"In {words(draw, 1).title()}, {words(draw, draw.randint(4, 10))} {a} {thing} "
        f"{words(draw, draw.randint(4, 10))}. If $x \\le {b}$ and $\\frac{{{a}}}{{{b}}} x = {c}$, "
        f"{words(draw, draw.randint(3, 6))}, what is the value of {words(draw, 2)}?"
    )
    solution = f"{words(draw, 18)} {a} {thing}.\n{words(draw, 12)} ${answer}$.\n#### {answer}"
    return {"question": question, "answer": solution}


def write_rows(path: Path, count: int, seed: int) -> Path:
    """Rows as JSON lines."""
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            file.write(json.dumps(row(draw), ensure_ascii=False) + "\n")
    return path


class Bench:
    """The phases over one file of rows."""

    def __init__(self, folder: Path, raw: Path, workers: int) -> None:
        self._folder = folder
        self._raw = raw
        self._workers = workers
        self.found: list[Measured] = []

    def run(self, name: str, source: Source, stages: Sequence[Stage], reader: Reader) -> Manifest:
        """Run a pipeline of these stages and note what it took."""
        out = self._folder / name.replace(" ", "_").replace(",", "")
        with self._measured(name) as note:
            manifest = run_pipeline(
                source, stages, out, command="bench", reader=reader, workers=self._workers
            )
            timing = json.loads((out / TIMING).read_text())
            note(source.total() or 0, timing["stages"])
        return manifest

    @contextmanager
    def _measured(self, what: str) -> Iterator[Callable[[int, dict[str, float]], None]]:
        said: list[Any] = [0, {}]
        memory = LargestProcess()
        with memory.watched():
            began, cpu = time.perf_counter(), _cpu()
            yield lambda rows, stages: said.__setitem__(slice(None), [rows, stages])
            seconds = time.perf_counter() - began
        used = memory.cpu - cpu
        self.found.append(Measured(what, said[0], seconds, used, memory.peak, said[1]))

    def whole(self, checked: Path, evaluation: Path) -> None:
        """All phases."""
        opened = open_input(str(self._raw), Choice())
        first = self.run("parse and filters", opened.source, math_filters(), opened.reader)
        self.duplicates(first)
        self.contamination(evaluation)
        few = open_input(str(checked), Choice())
        stages = (*math_filters(), *math_checks())
        self.run("filters and checks", few.source, stages, few.reader)

    def duplicates(self, first: Manifest) -> None:
        """Signatures, join and verification of the rows that passed the filters."""
        with self._measured("duplicates") as note:
            decide(
                self._folder / "parse_and_filters",
                first,
                self._folder / "signatures",
                Settings(),
                workers=self._workers,
                on_part=lambda rows: None,
                on_share=lambda share: None,
            )
            note(first.counts.kept, {})

    def contamination(self, evaluation: Path) -> None:
        """13-grams against the evaluation rows."""
        index = self._folder / "evaluations.index"
        digest = build_index([EvaluationSet("bench", str(evaluation))], index)
        parts = Parts(self._folder / "parse_and_filters")
        self.run("13-grams", parts, (Contamination(str(index), digest),), RECORDS)


def _cpu() -> float:
    return LargestProcess.cpu_now()


def main() -> int:
    """Run the benchmark; returns the exit code."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    return told(lambda: _run(rows))


def _run(rows: int) -> int:
    console = Console(highlight=False, soft_wrap=True)
    workers = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="plumb-bench-") as name:
        folder = Path(name)
        raw = write_rows(folder / "raw.jsonl", rows, seed=0)
        checked = write_rows(folder / "checked.jsonl", min(rows, CHECKED), seed=1)
        evaluation = write_rows(folder / "evaluation.jsonl", EVALUATED, seed=2)
        size = raw.stat().st_size
        load = os.getloadavg()[0]
        console.print(
            f"{rows:,} rows, {size / rows:.0f} bytes each; {workers} processes; load {load:.1f}"
        )
        bench = Bench(folder, raw, workers)
        bench.whole(checked, evaluation)
        kept = read_manifest(folder / "filters_and_checks")
        assert kept is not None
        console.print(_table(bench.found, workers))
        console.print(f"filters and checks: {kept.counts.model_dump()}")
    return 0


def _table(found: Sequence[Measured], workers: int) -> Table:
    table = Table(title="Curation")
    for column in ("phase", "rows", "s", "rows/s", "CPU s", "rows/s idle", "MB", "stages, s"):
        is_text = column in {"phase", "stages, s"}
        table.add_column(column, justify="left" if is_text else "right")
    for one in found:
        table.add_row(
            one.what,
            f"{one.rows:,}",
            f"{one.seconds:.1f}",
            f"{one.rows / one.seconds:,.0f}",
            f"{one.cpu:.1f}",
            f"{one.rows / (one.cpu / workers):,.0f}",
            f"{one.memory / 1e6:.0f}",
            ", ".join(f"{name} {seconds:.1f}" for name, seconds in one.stages.items()),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
