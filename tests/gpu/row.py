"""A row of the table that `tests/gpu/check.sh` prints: what was measured, and what it has to be.

A check is a module `tests/gpu/check_NAME.py` with `def check(device: str) -> list[Row]`. Its
docstring's first line is its title. `device` is `cuda`, or `cpu` for a dry run on a tiny model, in
which everything runs that a CPU can. Each check has a process of its own; one that raises, or dies,
is a row that failed.
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "fail", "info", "skipped"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    name: str
    """What was measured, such as `canary after CUDA IPC`."""
    value: str
    """With its unit; for a row that is skipped: why."""
    wanted: str = ""
    """What it has to be; empty where there is nothing to hold it to."""
    verdict: Verdict = "info"


def info(name: str, value: object) -> Row:
    """A number or a version that is only told."""
    return Row(name, str(value))


def skipped(name: str, why: str) -> Row:
    """What this machine cannot show."""
    return Row(name, why, verdict="skipped")


def holds(name: str, value: object, is_so: bool, wanted: str) -> Row:
    """A fact that has to be so."""
    return Row(name, str(value), wanted, "pass" if is_so else "fail")


def at_most(name: str, value: float, limit: float, unit: str = "") -> Row:
    """A number that has to be at most `limit`; one that is not finite fails."""
    return holds(name, _said(value, unit), value <= limit, f"at most {_said(limit, unit)}")


def at_least(name: str, value: float, limit: float, unit: str = "") -> Row:
    """A number that has to be at least `limit`; one that is not finite fails."""
    good = limit <= value < float("inf")
    return holds(name, _said(value, unit), good, f"at least {_said(limit, unit)}")


def _said(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".strip()
