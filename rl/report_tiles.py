"""The headline numbers of a report."""

import math
import statistics
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from rl.report_records import History


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline number and what it means."""

    label: str
    value: str
    detail: str


def lead(history: History) -> str:
    """Say in a sentence what the run achieved."""
    evaluations = history.known("eval_accuracy")
    if not evaluations:
        return "The held-out prompts have not been evaluated."
    (first_step, first), (last_step, last) = evaluations[0], evaluations[-1]
    if len(evaluations) == 1:
        return f"Held-out accuracy was {_share(first)} at step {first_step}."
    verb = "rose" if last > first else "fell" if last < first else "stayed"
    way = f"from {_share(first)} to {_share(last)}" if last != first else f"at {_share(last)}"
    return f"Held-out accuracy {verb} {way} in {last_step - first_step} steps."


def tiles(history: History, config_text: str) -> list[Tile]:
    """Give the headline numbers, in order."""
    return [
        _accuracy_tile(history),
        _steps_tile(history, config_text),
        _time_tile(history),
        _samples_tile(history, config_text),
        _speed_tile(history),
        *_lag_tile(history),
        *_lost_tile(history),
    ]


def _accuracy_tile(history: History) -> Tile:
    evaluations = history.known("eval_accuracy")
    if not evaluations:
        return Tile("Held-out accuracy", "none", "no evaluation recorded")
    (first_step, first), (last_step, last) = evaluations[0], evaluations[-1]
    if len(evaluations) == 1:
        return Tile("Held-out accuracy", _share(last), f"at step {last_step}")
    best_step, best = max(evaluations, key=lambda evaluation: evaluation[1])
    detail = f"{100 * (last - first):+.1f} points, step {first_step} to {last_step}"
    if best > last:
        detail += f"; best {_share(best)} at step {best_step}"
    return Tile("Held-out accuracy", f"{_share(first)} \u2192 {_share(last)}", detail)


def _steps_tile(history: History, config_text: str) -> Tile:
    done, planned = history.rows[-1]["step"], _setting(config_text, "train", "steps")
    version = history.known("policy_version")
    detail = f"policy version {version[-1][1]:.0f}" if version else ""
    return Tile("Training steps", f"{done} of {planned}" if planned else f"{done}", detail)


def _time_tile(history: History) -> Tile:
    times = [time for _, time in history.known("time")]
    span = _duration(times[-1] - times[0]) if times else "unknown"
    return Tile("Wall time", span, f"{_duration(history.total('seconds.total'))} in training steps")


def _samples_tile(history: History, config_text: str) -> Tile:
    groups, accepted = history.total("groups_sampled"), history.total("groups_accepted")
    kept = f", {_share(accepted / groups)} accepted" if groups else ""
    size = _setting(config_text, "sampler", "samples_per_prompt")
    if size is None:
        return Tile("Groups sampled", f"{groups:,.0f}", kept.removeprefix(", "))
    return Tile("Answers sampled", f"{groups * size:,.0f}", f"in {groups:,.0f} groups{kept}")


def _speed_tile(history: History) -> Tile:
    speeds = [speed for _, speed in history.known("tokens_per_second")]
    if not speeds:
        return Tile("Tokens a second", "none", "not recorded")
    return Tile("Tokens a second", f"{statistics.median(speeds):,.0f}", "median over the steps")


def _lag_tile(history: History) -> list[Tile]:
    """How old trained tokens were, where any was older than the policy that trained on it."""
    columns = history.column("tokens.trained"), history.column("lag_mean")
    known = [
        (1.0 if count is None else count, lag)
        for count, lag in zip(*columns, strict=True)
        if lag is not None
    ]
    tokens = math.fsum(count for count, _ in known)
    lag = math.fsum(count * lag for count, lag in known) / tokens if tokens else 0.0
    if not lag:
        return []
    oldest = max((lag for _, lag in history.known("lag_max")), default=lag)
    return [Tile("Mean lag", f"{lag:.2f}", f"updates, of a trained token; at most {oldest:.0f}")]


def _lost_tile(history: History) -> list[Tile]:
    """Tokens that were sampled for nothing, where there are any."""
    lost, sampled = history.total("tokens.lost"), history.total("tokens.sampled")
    if not lost:
        return []
    share = f"{_share(lost / sampled)} of those sampled" if sampled else ""
    return [Tile("Tokens lost", f"{lost:,.0f}", share)]


def _setting(config_text: str, section: str, name: str) -> int | None:
    """Give a whole number of the configuration, None where it is absent or unreadable."""
    try:
        config = _parsed(config_text)
    except yaml.YAMLError:
        return None
    settings = config.get(section) if isinstance(config, dict) else None
    value = settings.get(name) if isinstance(settings, dict) else None
    return value if type(value) is int else None


@lru_cache(maxsize=4)
def _parsed(config_text: str) -> Any:
    return yaml.safe_load(config_text)


def _share(value: float) -> str:
    return f"{100 * value:.1f}%"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
