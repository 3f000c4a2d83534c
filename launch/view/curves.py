"""What a run's metrics say, as the page draws them: charts, headline numbers, where time went."""

import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from launch.view.shelves import Run, Stamp
from rl.errors import PlumbError
from rl.fault_log import read_faults
from rl.report_charts import chart_data, charted, panels_of
from rl.report_guards import findings_of
from rl.report_records import History, ReportError, finite, lookup, read_history
from rl.report_tiles import lead, tiles
from rl.status import WRITE_SECONDS, read_status

STALE: Final = 5 * WRITE_SECONDS
"""Seconds after which a run that writes nothing is said to stand still."""
SLOWEST: Final = 20
FAULTS: Final = 50
_DRAWN: Final = ("metrics.jsonl", "results.json", "forecast.json")
"""What a run's charts and tables are made of."""
_ENGINE: Final = re.compile(r"(?:rollout )?engine \d+")


class Metrics:
    """The metrics of a run, read again when the file has changed.

    Args:
        run: whose.
    """

    def __init__(self, run: Run) -> None:
        self._path = run.path / "metrics.jsonl"
        self._run = run
        self._reading = threading.Lock()
        self._stamp: Stamp | None = None
        self._history: History | None = None
        self._drawn_of: History | None = None
        self._drawn: dict[str, Any] = {}

    @property
    def stamp(self) -> str:
        """Differs when the metrics do, or what else is drawn of the run."""
        stamps = (_stamp_of(self._run.path / name) for name in _DRAWN)
        return ",".join(f"{one.size}-{one.changed}" if one else "" for one in stamps)

    def history(self) -> History | None:
        """The metrics; None where there are none yet."""
        with self._reading:
            stamp = _stamp_of(self._path)
            if stamp is None or stamp != self._stamp:
                try:
                    self._history = read_history(self._path)
                except (OSError, ReportError):
                    self._history, stamp = None, None
                self._stamp = stamp
            return self._history

    def drawn(self) -> dict[str, Any]:
        """Charts, numbers, notes and findings of guards; empty where there are no metrics yet."""
        history = self.history()
        if history is None:
            return {}
        with self._reading:
            if self._drawn_of is not history:
                self._drawn, self._drawn_of = self._draw(history), history
            return self._drawn

    def _draw(self, history: History) -> dict[str, Any]:
        whole = charted(history)
        panels, absent = panels_of(whole)
        return {
            **chart_data(whole, panels),
            "absent": absent,
            "lead": lead(history),
            "tiles": [asdict(tile) for tile in tiles(history, config_text(self._run.path))],
            "notes": list(history.notes),
            "guards": [asdict(one) for one in findings_of(history) or ()],
        }


def _stamp_of(path: Path) -> Stamp | None:
    with suppress(OSError):
        status = path.stat()
        return Stamp(status.st_size, status.st_mtime_ns)
    return None


def config_text(run: Path) -> str:
    """The run's settings, as text."""
    try:
        return (run / "config.yaml").read_text("utf-8", "replace")
    except OSError:
        return ""


def status_of(run: Path) -> dict[str, Any]:
    """What a run does now: `state`, `step`, `steps`, `doing`, `waits_for`."""
    try:
        found = read_status(run)
    except (PlumbError, OSError):
        found = None
    if found is None:
        model = results_of(run).get("model")
        return {"state": f"evaluation of {model}" if model else "no status yet", "live": False}
    silent = time.time() - found.time
    live = found.state == "running" and silent <= STALE
    state = found.state
    if found.state == "running" and not live:
        state = f"standing still or gone: nothing was told for {silent:.0f} s"
    return {
        "state": state,
        "live": live,
        "step": found.step,
        "steps": found.steps,
        "doing": found.doing,
        "waits_for": list(found.waits_for),
        "quiet": found.quiet,
    }


def faults_of(run: Path) -> list[dict[str, Any]]:
    """What went wrong around a run, the last first."""
    try:
        return read_faults(run)[-FAULTS:][::-1]
    except OSError:
        return []


def slowest_calls(history: History) -> dict[str, list[dict[str, Any]]]:
    """The slowest calls of verifiers, and the time of each verifier's slowest by name."""
    calls = list(_calls(history))
    by_name: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        by_name[call["verifier"]].append(call["seconds"])
    return {
        "calls": sorted(calls, key=lambda call: -call["seconds"])[:SLOWEST],
        "verifiers": sorted(
            (
                {"verifier": name, "slowest": max(found), "calls": len(found)}
                for name, found in by_name.items()
            ),
            key=lambda one: -float(one["slowest"]),
        ),
    }


def engines_of(run: Path, status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is said of engines by name: what is waited for now, and in faults."""
    told: dict[str, list[str]] = defaultdict(list)
    now = [f"now: {line}" for line in status.get("waits_for", ())]
    for line in [*now, *(str(fault.get("line", "")) for fault in faults_of(run))]:
        if named := _ENGINE.search(line):
            told[named[0]].append(line)
    return [
        {"engine": name, "lines": lines[:5], "count": len(lines)}
        for name, lines in sorted(told.items(), key=lambda one: -len(one[1]))
    ]


def evaluations_of(run: Path, history: History | None) -> list[dict[str, Any]]:
    """Every evaluation: its set, its step (0 of what `plumb eval` leaves) and its numbers."""
    measured = [(row["step"], row.get("evaluations")) for row in history.rows] if history else []
    measured += [(0, results_of(run).get("sets"))]
    return [
        {"step": step, "set": name, **numbers}
        for step, sets in measured
        for name, numbers in (sets.items() if isinstance(sets, Mapping) else ())
        if isinstance(numbers, Mapping)
    ]


def results_of(folder: Path) -> Mapping[str, Any]:
    """What `plumb eval` has left; empty where it left nothing."""
    try:
        found: Any = json.loads((folder / "results.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def forecast_of(run: Path, history: History | None) -> list[dict[str, Any]]:
    """What `plumb data forecast --json RUN_DIR/forecast.json` foretold, beside what came."""
    try:
        told: Any = json.loads((run / "forecast.json").read_text("utf-8"))
        steps: Sequence[Any] = told["steps"]
        foretold = {int(one["step"]): one for one in steps}
    except (OSError, ValueError, KeyError, TypeError):
        return []
    came = {row["step"]: row for row in history.rows} if history is not None else {}
    return [
        {"step": step, **{name: _pair(one, came.get(step), *keys) for name, *keys in _FORETOLD}}
        for step, one in sorted(foretold.items())
    ]


_FORETOLD: Final = (
    ("pass_rate", "pass_rate", "accuracy"),
    ("acceptance", "acceptance", "acceptance_rate"),
    ("groups", "sampled", "groups_sampled"),
    ("tokens", "tokens", "tokens.sampled"),
    ("seconds", "seconds", "seconds.total"),
)
"""A number's name, and its keys in a forecast and in a step's row."""


def _pair(told: Any, came: Any, there: str, here: str) -> list[float | None]:
    return [finite(lookup(told, there)), finite(lookup(came, here))]


def _calls(history: History) -> Iterator[dict[str, Any]]:
    for row in history.rows:
        calls = row.get("grade_slowest")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, list) and len(call) == 3 and finite(call[2]) is not None:
                verifier, prompt, seconds = call
                yield {
                    "step": row["step"],
                    "verifier": str(verifier),
                    "prompt": str(prompt),
                    "seconds": float(seconds),
                }
