"""How long `plumb view` lets one wait at 1,000 steps of 2,048 answers.

Usage: python -m tests.bench.view [--steps N] [--rows N] [--folder FOLDER]

Makes the run (about 0.6 GB, deleted afterwards; a --folder is kept, and used again), then asks the
server as the page does. Wall time holds what else the machine does; CPU time is the server's own.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from starlette.testclient import TestClient

from launch.view import indexing
from launch.view.desk import Desk
from launch.view.security import Guard
from launch.view.server import application
from launch.view.shelves import Library, runs_of
from launch.view.text_index import TextIndex
from tests.bench.view_rows import make, rare_word

TIMES: Final = 3
BASE: Final = "http://127.0.0.1:8320"


class Stopwatch:
    """Rows of the table: what was done, its wall and its CPU seconds."""

    def __init__(self) -> None:
        self.table = Table("", "wall s", "CPU s", "", box=None, pad_edge=False)

    @contextmanager
    def timed(self, name: str, note: str = "") -> Iterator[None]:
        """Time a block."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        self.table.add_row(name, f"{wall:.3f}", f"{processor:.3f}", note)


def asked(client: TestClient, path: str) -> Any:
    """An answer of the server."""
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def loaded(client: TestClient, steps: int) -> None:
    """Wait until the light columns of all steps are in memory; the newest are there before."""
    while asked(client, "state")["loaded"] < steps:
        time.sleep(0.05)


def start(run: Path, cache: Path, steps: int, watch: Stopwatch, name: str) -> None:
    """Start, ask the first screen at once, and wait until everything is read."""
    guard = Guard()
    with watch.timed(f"{name}: first screen", "from the start of the server: runs and curves"):
        client = TestClient(application(Desk(runs_of([run]), cache, index=False), guard), BASE)
        client.headers["Authorization"] = f"Bearer {guard.token}"
        client.__enter__()
        asked(client, "state")
        asked(client, "curves")
    with watch.timed(f"{name}: newest 100 answers", "after it; the rest is being read"):
        while not (found := asked(client, "rows?limit=100")["rows"]):
            time.sleep(0.02)
        asked(client, "previews?" + "&".join(f"id={row['id']}" for row in found[:20]))
    with watch.timed(f"{name}: all columns read", "after the first screen"):
        loaded(client, steps)
    client.__exit__(None, None, None)


def filters(steps: int) -> Mapping[str, str]:
    """Filters by each column, and some together."""
    return {
        "outcome": "outcome=incorrect",
        "task": "task=math",
        "source": "source=programs",
        "reason": "kind=wrong answer",
        "stop": "stop=length",
        "ending": "ending=trained",
        "trained on": "used=true",
        "steps": f"step_from={steps // 3}&step_to={steps // 2}",
        "lag": "lag_from=2",
        "length": "tokens_from=850&sort=-tokens",
        "reward": "reward_from=0.5&sort=oldest",
        "advantage": "advantage_from=2&sort=advantage",
        "prompt": "prompt=train/1234",
        "group": f"group={steps * 200}",
        "five together": "outcome=correct&task=math&source=sums&lag_from=1&tokens_from=300",
    }


def ask_filters(client: TestClient, steps: int, watch: Stopwatch) -> None:
    """Each filter: its first 100 rows, and its counts."""
    for kind, path in (("rows", "rows?limit=100&"), ("counts and facets", "counts?")):
        slowest: tuple[float, float, str] = (0.0, 0.0, "")
        for name, words in filters(steps).items():
            best = min(_spent(client, path + words) for _ in range(TIMES))
            slowest = max(slowest, (*best, name))
        watch.table.add_row(
            f"slowest of {len(filters(steps))} filters: {kind}",
            f"{slowest[0]:.3f}", f"{slowest[1]:.3f}", f"{slowest[2]}, best of {TIMES}",
        )  # fmt: skip


def ask_searches(client: TestClient, steps: int, rows: int, watch: Stopwatch) -> None:
    """Searches of several kinds, the first 50 hits."""
    middle = rare_word(steps // 2, rows // 2 // 256 * 256)
    for name, text in {
        "a word of one answer": middle,
        "a word of the oldest step": rare_word(1, 0),
        "a frequent word": "terms",
        "two words": "primed rooter",
        "a phrase": '"row 17"',
        "no answer has it": "nosuchwordanywhere",
        "a frequent word, with a filter": "terms&outcome=incorrect&lag_from=2&tokens_from=880",
    }.items():
        best = min(_spent(client, f"search?limit=50&text={text}") for _ in range(TIMES))
        found = asked(client, f"search?limit=50&text={text}")
        note = f"{len(found['rows'])} hits" + ("" if found["next"] is None else ", and more")
        watch.table.add_row(f"search: {name}", f"{best[0]:.3f}", f"{best[1]:.3f}", note)


def _spent(client: TestClient, path: str) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    asked(client, path)
    return time.perf_counter() - wall, time.process_time() - processor


def measure(run: Path, cache: Path, steps: int, rows: int) -> Table:
    """All figures of a run."""
    watch = Stopwatch()
    start(run, cache, steps, watch, "first start")
    start(run, cache, steps, watch, "second start")
    desk = Desk(runs_of([run]), cache)
    desk.library.look()
    index = TextIndex(desk.snapshots[0].index, writing=True)
    with watch.timed("index of texts", f"{steps:,} steps, in a process of its own otherwise"):
        indexing.add_all(Library(runs_of([run])), [index])
    guard = Guard()
    with TestClient(
        application(desk, guard), BASE, headers={"Authorization": f"Bearer {guard.token}"}
    ) as client:
        loaded(client, steps)
        ask_filters(client, steps, watch)
        ask_searches(client, steps, rows, watch)
        with watch.timed("an answer, its group and its tokens"):
            for path in ("sample", "group", "tokens"):
                asked(client, f"{path}?id=0-{steps}-{rows // 2}")
    return watch.table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args(arguments)
    console = Console(highlight=False)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="plumb-view-"))
    indexing._parent_gone = lambda seconds: False  # nobody starts the process here
    try:
        run = folder / "run"
        if not run.exists():
            began = time.perf_counter()
            make(run, given.steps, given.rows)
            console.print(
                f"made {given.steps * given.rows:,} rows: {time.perf_counter() - began:.0f} s"
            )
        with tempfile.TemporaryDirectory() as cache:
            console.print(measure(run, Path(cache), given.steps, given.rows))
    finally:
        if given.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
