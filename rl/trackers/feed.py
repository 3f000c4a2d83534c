"""Sends a tracker what the run has written since, each number of a step once.

A step is sent once the next one is there, or some seconds after it was written: what the loop adds
to a row right after writing it, such as the time of a checkpoint, then goes along. What is added
later (evaluations beside training) is sent by itself. A failure changes nothing: the same is sent
again the next time.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rl.secret_words import Scrubber
from rl.sinks import read_metrics
from rl.trackers.ledger import REPORT, ledger_of, shown
from rl.trackers.samples import table_of
from rl.trackers.service import Ending, Opening, Point, Service, Table

SETTLE_SECONDS: Final = 10.0
SAMPLES: Final = "samples"

Open = Callable[[Opening], Service]


class Feed:
    """A run on its way to a tracker.

    Args:
        run_dir: the run directory.
        name: the tracker's.
        trackers: the section `trackers` of the run's settings.
        config: the run's settings.
        open: opens the run at the service.
        say: prints a line, for a person.
    """

    def __init__(
        self,
        run_dir: Path,
        name: str,
        trackers: Mapping[str, Any],
        config: Mapping[str, Any],
        open: Open,
        say: Callable[[str], None],
    ) -> None:
        self._run_dir = run_dir
        self._trackers = trackers
        self._settings: Mapping[str, Any] = trackers[name]
        self._scrubber = Scrubber(os.environ)
        self._config = self._scrubber.tree(config)
        self._open = open
        self._say = say
        home = self._scrubber.text(home_of(self._settings, os.environ))
        self._ledger = ledger_of(run_dir, name, home)
        self._told_again = len(self._ledger.again)
        self._earlier = self._ledger.later
        self._service: Service | None = None
        self._read: tuple[int, int, int] | None = None
        self._tells_samples = True

    def send(self, *, whole: bool) -> float | None:
        """Send what is there; seconds until more of it is due, if some is.

        Args:
            whole: nothing is added any more.
        """
        service = self._opened()
        path = self._run_dir / "metrics.jsonl"
        stamp = _stamp(path)
        if stamp == self._read and not whole:
            return None
        rows = read_metrics(path)
        now = time.time()
        fresh = [one for one in rows[-1:] if now - _time(one) < SETTLE_SECONDS and not whole]
        points: list[Point] = []
        settled = rows[: len(rows) - len(fresh)]
        for row in settled:
            if point := self._point(row):
                points.append(point)
            if len(points) == service.at_once:
                self._send(service, points)
                points = []
        self._send(service, points)
        self._say_again(service)
        for row in settled:
            if not self._send_samples(service, row):
                break
        self._read = None if fresh else stamp
        return max(0.5, SETTLE_SECONDS - (now - _time(fresh[0]))) if fresh else None

    def close(self, ending: Ending) -> None:
        """Send the report, and end the run at the service."""
        service = self._opened()
        report = self._run_dir / REPORT
        if self._ledger.lacks_report(report):
            self._report(service, report)
            self._ledger.mark_report(report)
            self._ledger.save()
        service.close(ending)
        self._ledger.later, self._ledger.is_closed = self._later(service), True
        self._ledger.save()

    def _opened(self) -> Service:
        if self._service is None:
            ledger = self._ledger
            self._service = service = self._open(
                Opening(
                    run_dir=self._run_dir,
                    settings=self._settings,
                    name=self._settings.get("name") or self._run_dir.name,
                    id=ledger.id,
                    run=ledger.run,
                    config=self._config,
                    wait=float(self._trackers["wait"]),
                )
            )
            ledger.run, ledger.later, ledger.is_closed = service.run, self._later(service), False
            ledger.save()
            self._say(service.where)
        return self._service

    def _later(self, service: Service) -> str | None:
        """What sends what is held back: this time, and before, which nobody has confirmed."""
        held = dict.fromkeys(one for one in (self._earlier, service.later) if one)
        return " && ".join(held) or None

    def _point(self, row: Mapping[str, Any]) -> Point | None:
        """What is to be sent of a step."""
        step, at, values = int(row["step"]), _time(row), shown(row)
        tags = self._ledger.lacks(step, at, values)
        return Point(step, at, {tag: values[tag] for tag in tags}) if tags else None

    def _send(self, service: Service, points: Sequence[Point]) -> None:
        if not points:
            return
        self._say_again(service)
        service.send(points)
        for point in points:
            self._ledger.mark(point.step, point.time, point.values)
        self._ledger.later = self._later(service)
        self._ledger.save()

    def _say_again(self, service: Service) -> None:
        """Say which steps were trained again, if there are others by now."""
        if len(self._ledger.again) > self._told_again:
            service.again(self._ledger.again)
            self._told_again = len(self._ledger.again)

    def _send_samples(self, service: Service, row: Mapping[str, Any]) -> bool:
        """Send a step's answers; whether the next can be. What fails keeps no number back."""
        step, at = int(row["step"]), _time(row)
        if not self._trackers["samples"] or step % self._trackers["samples_every"]:
            return True
        path = self._run_dir / "rollouts" / f"step_{step:06d}.parquet"
        if not path.exists() or not self._ledger.lacks(step, at, [SAMPLES]):
            return True
        try:
            service.samples(step, self._table(path))
        except FileNotFoundError:  # the run has gone back to a checkpoint
            return True
        except Exception as error:
            if self._tells_samples:
                self._say(f"answers are not shown: {in_a_line(error)}")
            self._tells_samples = False
            return False
        self._ledger.mark(step, at, [SAMPLES])
        self._ledger.save()
        return True

    def _table(self, path: Path) -> Table:
        trackers = self._trackers
        count, characters = trackers["samples"], trackers["sample_characters"]
        return table_of(path, count, characters, self._scrubber.text)

    def _report(self, service: Service, path: Path) -> None:
        """Send a copy without secrets; services copy what they keep."""
        text = self._scrubber.text(path.read_text("utf-8", "replace"))
        with tempfile.TemporaryDirectory(prefix="plumb-report-") as folder:
            copy = Path(folder) / path.name
            copy.write_text(text, "utf-8", "replace")
            service.report(copy)


def home_of(settings: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Which project of which server a run is sent to."""
    keys = ("project", "entity", "space", "experiment", "uri")
    named = [f"{key}={settings[key]}" for key in keys if settings.get(key)]
    servers = {
        "uri": ["MLFLOW_TRACKING_URI"],
        "space": ["TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"],
    }
    asked = ["WANDB_BASE_URL"] if "entity" in settings else []
    for key, variables in servers.items():
        asked += variables if key in settings and not settings[key] else []
    found = {name: environment.get(name, "").partition("?")[0] for name in asked}  # ?write_token=
    named += [f"{name}={value}" for name, value in found.items() if value]
    return ", ".join(named)


def in_a_line(error: Exception) -> str:
    """An error of a library, shortened."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."


def _time(row: Mapping[str, Any]) -> float:
    return float(row.get("time") or 0.0)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
