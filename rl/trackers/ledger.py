"""RUN_DIR/trackers/NAME.json: which run of a tracker a run is, and what it was sent of each step.

Guarantees: a number of a step is sent once, also where the run goes on after a kill, or goes back
to a checkpoint and trains steps again; those are remembered by their number. What is written is
whole.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rl.errors import StorageError
from rl.sinks import read_metrics, scalars_of
from rl.storage import write_atomically

FOLDER: Final = "trackers"
REPORT: Final = "report.html"
UNSHOWN: Final = frozenset({"step", "time"})
"""What a row holds beside what is shown of it."""
_VERSION: Final = 1


class Ledger:
    """What a tracker was sent.

    Args:
        run_dir: the run directory.
        name: the tracker's.
    """

    def __init__(self, run_dir: Path, name: str) -> None:
        self.path = run_dir / FOLDER / f"{name}.json"
        self.id = secrets.token_hex(6)
        """Of the run, made here: a service that has seen it knows the run again."""
        self.home = ""
        """Which project of which server."""
        self.run: str | None = None
        """The service's own id of it."""
        self.later: str | None = None
        """What sends what the service holds back, or may, from before; None: nothing."""
        self.is_closed = True
        """Whether the service has confirmed the end."""
        self.again: list[int] = []
        """Steps that were sent, and then trained again."""
        self._tags: dict[str, int] = {}
        self._steps: dict[int, tuple[float, int]] = {}
        self._report = ""
        self._read()

    def lacks(self, step: int, time: float, tags: Iterable[str]) -> list[str]:
        """Those of a step's tags that were not sent; notes where it was trained again."""
        known, mask = self._steps.get(step, (time, 0))
        if known != time and step not in self.again:
            self.again.append(step)
        return [tag for tag in tags if not mask >> self._tags.get(tag, 1 << 20) & 1]

    def mark(self, step: int, time: float, tags: Iterable[str]) -> None:
        """Some of a step's tags were sent."""
        _, mask = self._steps.get(step, (time, 0))
        for tag in tags:
            mask |= 1 << self._tags.setdefault(tag, len(self._tags))
        self._steps[step] = (time, mask)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sent."""
        return not self._steps

    def lacks_report(self, path: Path) -> bool:
        """Whether there is a report that was not sent."""
        return path.exists() and _stamp(path) != self._report

    def mark_report(self, path: Path) -> None:
        """The report was sent."""
        self._report = _stamp(path)

    def save(self) -> None:
        """Write it."""
        said = {
            "version": _VERSION,
            "id": self.id,
            "home": self.home,
            "run": self.run,
            "later": self.later,
            "closed": self.is_closed,
            "again": self.again,
            "report": self._report,
            "tags": list(self._tags),
            "steps": {step: [time, f"{mask:x}"] for step, (time, mask) in self._steps.items()},
        }
        write_atomically(self.path, json.dumps(said) + "\n")

    def _read(self) -> None:
        try:
            held: Any = json.loads(self.path.read_text("utf-8"))
            self.id, self.home, self.run = held["id"], held["home"], held["run"]
            self.later, self.is_closed = held["later"], held["closed"]
            self.again, self._report = held["again"], held["report"]
            self._tags = {tag: at for at, tag in enumerate(held["tags"])}
            self._steps = {
                int(step): (float(time), int(mask, 16))
                for step, (time, mask) in held["steps"].items()
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(
                f"{self.path}: cannot be read: {error}; remove it, and the whole run is sent anew"
            ) from error


def ledger_of(run_dir: Path, name: str, home: str) -> Ledger:
    """What a tracker was sent at this home; nothing where it was sent elsewhere."""
    ledger = Ledger(run_dir, name)
    if ledger.home not in {"", home}:
        ledger.path.unlink()
        ledger = Ledger(run_dir, name)
    ledger.home = home
    return ledger


def shown(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a step that trackers show, by tag."""
    return {tag: float(at) for tag, at in scalars_of(row) if tag not in UNSHOWN}


def unsent(run_dir: Path, name: str) -> str:
    """What a tracker was not sent, in words; empty where it was sent everything."""
    ledger = Ledger(run_dir, name)
    rows = read_metrics(run_dir / "metrics.jsonl")
    steps = [
        int(row["step"])
        for row in rows
        if ledger.lacks(int(row["step"]), float(row.get("time", 0.0)), shown(row))
    ]
    missing = [f"{len(steps)} of {len(rows)} steps ({_ranges(steps)})"] if steps else []
    if ledger.lacks_report(run_dir / REPORT):
        missing.append("the report")
    return " and ".join(missing)


def _ranges(steps: Sequence[int]) -> str:
    """`3-7, 9`, the first few."""
    runs: list[list[int]] = []
    for step in steps:
        if runs and step == runs[-1][1] + 1:
            runs[-1][1] = step
        else:
            runs.append([step, step])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join([*words[:3], *(["..."] if len(words) > 3 else [])])


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}"
