"""Answers of a run's first steps that its judge grades again and again: has it changed?

Guarantees: the answers and their first grades are kept in the run directory, so that a resumed run
compares with the same ones; a grade is asked for anew, past the judge's cache; answers that cannot
be graded say nothing, and an outage of the judge is no drift.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rewards import Sample, Verdict
from rewards.combine import Rubric
from rewards.grading.running import Pool
from rl.config.guards import JudgeGuard
from rl.episodes.playing import sample_of
from rl.groups import Group
from rl.storage import write_atomically

FILE: Final = "judge_probes.json"
ANEW: Final = "grade_anew"
"""The column that asks a judge to grade past its cache."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far grades have moved."""

    mean: float
    """Mean |reward now - reward then|."""
    shift: float
    """Mean reward now - mean reward then."""
    answers: int
    """That could be graded."""

    @property
    def words(self) -> str:
        """For people."""
        return f"on average by {self.shift:+.3g}, {self.answers} answers"


class Probes:
    """The answers of one run.

    Args:
        config: which, and how many.
        rubric: the run's verifiers.
        run_dir: where they are kept.
    """

    def __init__(self, config: JudgeGuard, rubric: Rubric, run_dir: Path) -> None:
        self._config = config
        self._rubric = rubric
        self._path = run_dir / FILE
        self._probes: list[tuple[Sample, float]] = _read(self._path)
        self._seen = {sample.id.rpartition("#")[0] for sample, _ in self._probes}
        self._is_watched = any(use.spec in config.verifiers for use in rubric.uses())

    def ended(self, group: Group, ending: str) -> None:
        """Keep an answer of a group, while there are too few; other groups cost nothing."""
        config = self._config
        wanted = self._is_watched and config.every > 0 and len(self._probes) < config.answers
        if not wanted or ending == "returned" or group.prompt.id in self._seen:
            return
        for i in group.gradable:
            episode = group.episodes[i]
            tokens = len(episode.trajectories[-1].segments[-1].ids)
            sample = sample_of(group.prompt, f"{group.prompt.id}#{i}", episode, tokens)
            if self._is_judged(sample):
                self._seen.add(group.prompt.id)
                self._probes.append((sample, group.verdicts[i].reward))
                self._write()
                return

    def is_due(self, step: int) -> bool:
        """Whether the judge is to be looked at after this step."""
        every = self._config.every
        are_there = self._is_watched and len(self._probes) >= self._config.answers
        return are_there and every > 0 and step % every == 0

    async def look(self, pool: Pool) -> Drift | None:
        """Grade them again; None where fewer than half can be graded."""
        probes = list(self._probes)
        anew = [replace(sample, metadata={**sample.metadata, ANEW: True}) for sample, _ in probes]
        return drift([then for _, then in probes], await pool.grade(anew))

    def _is_judged(self, sample: Sample) -> bool:
        uses = [self._rubric.main_of(sample)]
        uses += [term.use for term in self._rubric.terms_of(sample)]
        return any(use.spec in self._config.verifiers for use in uses)

    def _write(self) -> None:
        rows = [{**_state(sample), "reward": reward} for sample, reward in self._probes]
        write_atomically(self._path, json.dumps(rows))


def drift(then: Sequence[float], now: Sequence[Verdict]) -> Drift | None:
    """How far grades have moved; None where fewer than half can be graded."""
    moved = [
        verdict.reward - before
        for before, verdict in zip(then, now, strict=True)
        if verdict.is_gradable
    ]
    if not moved or 2 * len(moved) < len(then):
        return None
    return Drift(statistics.fmean(map(abs, moved)), statistics.fmean(moved), len(moved))


def _state(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "prompt": [dict(message) for message in sample.prompt],
        "response": sample.response,
        "reference": sample.reference,
        "task": sample.task,
        "tools": [dict(tool) for tool in sample.tools],
        "metadata": dict(sample.metadata),
        "stop_reason": sample.stop_reason,
        "thinking": sample.thinking,
    }


def _read(path: Path) -> list[tuple[Sample, float]]:
    """What an earlier part of the run has kept; a damaged file is begun anew."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [_probe(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _probe(row: dict[str, Any]) -> tuple[Sample, float]:
    fields = {**row, "prompt": tuple(row["prompt"]), "tools": tuple(row["tools"])}
    reward = float(fields.pop("reward"))
    return Sample(**fields), reward
