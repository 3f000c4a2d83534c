"""The charts of a report: which there are, and the numbers that they draw.

Guarantees: a chart has something to show, else it is not there; a number that is absent or not
finite is a gap.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from rl.evaluation_panels import evaluation_panels
from rl.lag_panels import lag_panels, lag_shares
from rl.report_guards import guard_panels
from rl.report_records import History, finite, lookup
from rl.strata_panels import SHARES, strata_panels, strata_shares
from rl.task_panels import measured_panels, task_panels

_PANELS: Final = Path(__file__).parent / "templates" / "panels.yaml"
_PHASES: Final = (
    *("generate", "grade", "learn", "sync", "record"),
    *("evaluate", "checkpoint", "export"),
)
_ROLES: Final = ("key", "spread", "low", "high")
"""What a series draws."""


def charted(history: History) -> History:
    """Add what charts show and no metric is: the rest of a step's time, and some shares."""
    added = [
        {
            "seconds.other": _other_seconds(row),
            "lag_share": lag_shares(row),
            SHARES: strata_shares(row),
        }
        for row in history.rows
    ]
    rows = [{**row, **more} for row, more in zip(history.rows, added, strict=True)]
    return History(rows, history.notes)


def panels_of(history: History) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Give the charts that have something to show, and the titles of those that were not recorded.

    A chart that would show its `unless` and nothing else is in neither.
    """
    every = _every_panel()
    seen = {panel["title"]: _values(history, panel) for panel in every}
    absent = [title for title, values in seen.items() if not values]
    shown = [panel for panel in every if seen[panel["title"]] - {panel.get("unless")}]
    first, rest, last = shown[:1], shown[1:-1], shown[1:][-1:]
    rows = history.rows
    apart = [*evaluation_panels(rows), *task_panels(rows), *strata_panels(rows)]
    more = [*lag_panels(rows), *measured_panels(rows), *guard_panels(rows)]
    return [*first, *apart, *rest, *more, *last], absent


def chart_data(history: History, panels: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Give what the page's script draws: the steps, and a column a key."""
    series = [one for panel in panels for one in panel["series"]]
    keys = [one[role] for one in series for role in _ROLES if role in one]
    columns = {key: [_rounded(value) for value in history.column(key)] for key in keys}
    return {"steps": [row["step"] for row in history.rows], "columns": columns, "panels": panels}


@lru_cache(maxsize=1)
def _every_panel() -> Sequence[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = yaml.safe_load(_PANELS.read_text(encoding="utf-8"))
    return found


def _values(history: History, panel: Mapping[str, Any]) -> set[float]:
    return {value for line in panel["series"] for _, value in history.known(line["key"])}


def _other_seconds(row: Mapping[str, Any]) -> float | None:
    """Give the part of a step's time that no phase accounts for."""
    total = finite(lookup(row, "seconds.total"))
    if total is None:
        return None
    spent = (finite(lookup(row, f"seconds.{phase}")) or 0.0 for phase in _PHASES)
    return max(0.0, total - sum(spent))


def _rounded(value: float | None) -> float | None:
    """Keep what a chart can show; thousands of steps are then still a small page."""
    return None if value is None else float(f"{value:.6g}")
