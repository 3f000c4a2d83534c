"""What a step takes on a cluster: seconds by the tokens that are sampled and learnt, GPU-hours.

At max_lag 0 engines and learner take turns; at larger lags the slower one sets the pace. Weights
are published in between. Speeds are described, or measured from the metrics of a run.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data.errors import ForecastError


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a run has.

    Attributes:
        gpus: of all engines and learner ranks.
        engines: that sample at the same time.
        engine_speed: response tokens a second of one engine, at full load.
        learner_speed: response tokens a second that the learner trains on, over all ranks.
        fixed: seconds of a step beside both: publishing weights, the end of grading, records.
    """

    gpus: float
    engines: int
    engine_speed: float
    learner_speed: float
    fixed: float = 0.0

    def __post_init__(self) -> None:
        for name in ("gpus", "engines", "engine_speed", "learner_speed"):
            if not getattr(self, name) > 0:
                raise ForecastError(f"{name} is {getattr(self, name)}; give a number above 0")

    def seconds(self, sampled: float, trained: float, max_lag: int) -> float:
        """Of a step in which so many tokens are sampled and trained on."""
        generate = sampled / (self.engines * self.engine_speed)
        learn = trained / self.learner_speed
        return (max(generate, learn) if max_lag else generate + learn) + self.fixed


@dataclass(frozen=True, slots=True)
class Measured:
    """The speeds of a run, and the answers' tokens."""

    engine_speed: float
    learner_speed: float
    fixed: float
    engines: int
    response_tokens: float


def measured(run_dir: Path) -> Measured:
    """What a run's metrics.jsonl says; its first step, in which everything warms up, is left out.

    Raises:
        ForecastError: there is no run, or it has too few steps.
    """
    rows = [row for row in _rows(run_dir / "metrics.jsonl") if row.get("tokens")]
    rows = rows[1:] or rows
    try:
        seconds = [row["seconds"] for row in rows]
        sampled = sum(row["tokens"]["sampled"] for row in rows)
        busy = sum(s["total"] * (1 - _idle(row)) for s, row in zip(seconds, rows, strict=True))
        trained = sum(row["tokens"].get("trained", 0) for row in rows)
        learn = sum(s["learn"] for s in seconds)
        fixed = sum(s["sync"] + s["record"] + s["grade"] for s in seconds) / len(rows)
        answers = sum(row["tokens"]["sampled"] / row["response_tokens_mean"] for row in rows)
        engines = _engines(run_dir / "config.yaml")
        return Measured(
            sampled / busy / engines, trained / learn, fixed, engines, sampled / answers
        )
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ForecastError(
            f"{run_dir}: its metrics.jsonl has no step that was sampled and learnt; give the "
            "folder of a run that has done some steps, or --tokens-per-second"
        ) from error


def course(run_dir: Path) -> Sequence[Mapping[str, Any]]:
    """A run's steps as metrics.jsonl has them, those of training alone."""
    return [row for row in _rows(run_dir / "metrics.jsonl") if row.get("groups_sampled")]


def _idle(row: Mapping[str, Any]) -> float:
    idle = (row.get("idle") or {}).get("engines")
    return 0.0 if idle is None else float(idle)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise ForecastError(
            f"{path}: cannot be read: {error.strerror or error}; give the folder of a run"
        ) from error
    rows = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            break  # cut short by a kill
        rows += [row] if isinstance(row, dict) else []
    return rows


def _engines(path: Path) -> int:
    try:
        return int(yaml.safe_load(path.read_text("utf-8"))["rollout"]["engines"])
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError):
        return 1
