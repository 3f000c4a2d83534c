"""`python -m tests.bench.duplicates [ROWS]`: duplicates and contamination of a synthetic data set.

Guarantees: rows are made from a seed: word problems from clauses, a tenth of them from thirty
templates; one in two hundred is a near duplicate of another (a Jaccard similarity of character
5-grams of 0.8 to 0.9), and one in two hundred repeats an evaluation row with other case, spacing
and LaTeX. Printed are seconds, CPU seconds, the memory of the largest process, and what was found.
"""

import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from data.contamination.building import index_of
from data.contamination.index import Index
from data.duplicates.join import join
from data.duplicates.shingles import grams_of, similarity
from data.duplicates.signatures import sign_part
from data.plain_text import plain, squeezed
from data.records import write_records
from data.schema import Record
from tests.bench.ending import told
from tests.retyped import retyped

PART_ROWS: Final = 2048
EVALUATED: Final = 5000
_ROOTS: Final = [a + b + c for a in "bdfghjkl" for b in "aeiou" for c in "lmnrst"]
_ENDS: Final = ["a", "e", "i", "o", "u", "an", "er", "is", "ot", "um", "ing", "ed", "le", "ry"]


def _words(draw: random.Random, count: int) -> str:
    made = (
        draw.choice(_ROOTS) + draw.choice(_ROOTS) * draw.randrange(2) + draw.choice(_ENDS)
        for _ in range(count)
    )
    return " ".join(made)


def _template(number: int) -> Callable[[random.Random], str]:
    fixed = random.Random(number)
    frame = [_words(fixed, fixed.randint(5, 12)) for _ in range(4)]

    def made(draw: random.Random) -> str:
        a, b, c = (draw.randrange(2, 10**5) for _ in range(3))
        return (
            f"{frame[0]} {a} {frame[1]} $\\frac{{{b}}}{{{c}}}$ {frame[2]} {_words(draw, 2)}, "
            f"{frame[3]}?"
        )

    return made


TEMPLATES: Final = [_template(number) for number in range(30)]


def question(draw: random.Random) -> str:
    """A question of 25 to 60 words with numbers and LaTeX."""
    if draw.random() < 0.1:
        return draw.choice(TEMPLATES)(draw)
    a, b = draw.randrange(2, 10**4), draw.randrange(2, 10**4)
    return (
        f"{_words(draw, draw.randint(10, 25))} {a} {_words(draw, draw.randint(8, 20))}. If "
        f"$x \\le {b}$ and $\\frac{{{a}}}{{{b}}} \\cdot x^2 = {a + b:,}$, "
        f"{_words(draw, draw.randint(6, 12))}?"
    )


def similar(text: str, draw: random.Random) -> str:
    """The text with words exchanged, at a similarity of 0.8 to 0.9."""
    grams = grams_of(squeezed(plain(text)))
    words = text.split(" ")
    while True:
        changed = [*words]
        for _ in range(max(1, len(words) // 20)):
            at = draw.randrange(len(words))
            if words[at].isalpha():
                changed[at] = _words(draw, 1)
        made = " ".join(changed)
        alike = similarity(grams, grams_of(squeezed(plain(made))))
        if 0.8 <= alike < 0.9:
            return made
        words = changed if alike >= 0.9 else text.split(" ")


def texts_of(part: int, rows: int) -> Iterator[tuple[str, str, str]]:
    """Source id, text and answer of each row of a part; planted ones say what they are."""
    draw = random.Random(part)
    made: list[tuple[str, str]] = []
    for row in range(rows):
        kind = draw.randrange(200)
        if kind == 0 and made:
            text, answer = draw.choice(made)
            yield f"near {row}", similar(text, draw), answer
        elif kind == 1:
            number = draw.randrange(EVALUATED)
            yield f"planted {number}", retyped(question(random.Random(10**9 + number)), draw), "1"
        else:
            made.append((question(draw), str(draw.randrange(10**6))))
            yield f"row {row}", *made[-1]


def write_part(folder: Path, part: int, rows: int) -> Path:
    """Write a part of the data set."""
    path = folder / f"part_{part:06d}.parquet"
    records = (
        Record.model_construct(
            id=f"{part}-{row}", messages=({"role": "user", "content": text},), task="math",
            reference=answer, source_id=name, source="bench",
        )
        for row, (name, text, answer) in enumerate(texts_of(part, rows))
    )  # fmt: skip
    write_records(path, records)
    return path


def sign(paths: tuple[Path, Path]) -> int:
    """Sign one part; gives the process's largest memory in KiB."""
    sign_part(*paths)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def look(paths: tuple[Path, Path]) -> tuple[list[str | None], list[str], int]:
    """The evaluation rows that a part's rows repeat, and their source ids."""
    from pyarrow import parquet

    table = parquet.read_table(paths[0], columns=["messages", "source_id"])
    texts = [messages[0]["content"] for messages in table["messages"].to_pylist()]
    hits = _index(paths[1]).hits(texts)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return [hit and hit.row for hit in hits], table["source_id"].to_pylist(), memory


def _index(path: Path, held: dict[Path, Index] = {}) -> Index:  # noqa: B006 (a cache)
    return held.setdefault(path, Index.load(path)) if path not in held else held[path]


def main() -> int:
    """Run the benchmark; returns the exit code."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    return told(lambda: _run(rows))


def _run(rows: int) -> int:
    console = Console(highlight=False, soft_wrap=True)
    workers = len(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessPoolExecutor(workers, get_context("forkserver")) as pool,
    ):
        folder = Path(name)
        sizes = [min(PART_ROWS, rows - start) for start in range(0, rows, PART_ROWS)]
        count = len(sizes)
        parts = list(pool.map(write_part, [folder] * count, range(count), sizes))
        load = os.getloadavg()[0]
        console.print(f"{rows:,} rows in {count} parts, {workers} processes, load {load:.1f}")

        def timed(what: str, do: Callable[[], Any]) -> Any:
            wall, cpu = time.perf_counter(), _cpu()
            found = do()
            console.print(f"{what}: {time.perf_counter() - wall:.1f} s, CPU {_cpu() - cpu:.1f} s")
            return found

        signed = [folder / f"{part.stem}.arrow" for part in parts]
        pairs = list(zip(parts, signed, strict=True))
        memory = timed("signatures", lambda: list(pool.map(sign, pairs, chunksize=4)))
        found = timed("join", lambda: join(signed, folder / "scratch"))
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        console.print(f"memory: {max(memory) // 1024} MiB a worker, {own // 1024} MiB for the join")
        _report_duplicates(console, parts, found)
        evaluated = [
            ("bench", str(n), question(random.Random(10**9 + n))) for n in range(EVALUATED)
        ]
        index_of(evaluated).save(folder / "index.npz")
        looked = [(part, folder / "index.npz") for part in parts]
        hits = timed("13-grams", lambda: list(pool.map(look, looked, chunksize=4)))
        console.print(f"memory: {max(one[2] for one in hits) // 1024} MiB a worker")
        _report_hits(console, hits)
    return 0


def _report_duplicates(console: Console, parts: Sequence[Path], found: Any) -> None:
    from pyarrow import parquet

    planted = seen = wrong = others = 0
    for part, verdicts in zip(parts, found.verdicts, strict=True):
        for row, name in enumerate(parquet.read_table(part, columns=["source_id"])["source_id"]):
            kind, is_dropped = str(name).partition(" ")[0], row in verdicts.against
            planted += kind == "near"
            seen += kind == "near" and is_dropped
            others += kind == "row"
            wrong += kind == "row" and is_dropped
    console.print(
        f"near duplicates: {seen:,} of {planted:,} planted found ({seen / planted:.2%}), "
        f"{wrong} of {others:,} distinct rows dropped ({wrong / others:.4%}); {found.counts}, "
        f"{found.siblings:,} siblings"
    )


def _report_hits(console: Console, hits: Sequence[tuple[list[str | None], list[str], int]]) -> None:
    planted = seen = wrong = others = 0
    for rows, names, _ in hits:
        for row, name in zip(rows, names, strict=True):
            kind, _, number = name.partition(" ")
            planted += kind == "planted"
            seen += kind == "planted" and row == number
            others += kind == "row"
            wrong += kind == "row" and row is not None
    console.print(
        f"contamination: {seen:,} of {planted:,} planted found ({seen / planted:.2%}), "
        f"{wrong} of {others:,} others hit"
    )


def _cpu() -> float:
    """CPU seconds of this process and its workers, as far as the system tells."""
    import psutil

    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family)


if __name__ == "__main__":
    sys.exit(main())
