"""Counts over the groups that ended in a step, trained or not: the numbers before filtering.

Guarantees: only numbers are kept, no tokens and no text; ungradable answers are counted and measure
nothing; answers without a task are in none; a task or a source that a step did not sample is absent
from it; a run with a single source has none by name, and one without modes no mode.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rewards import Verdict
from rl.groups import Group
from rl.prefix_tally import PrefixTally
from rl.strata import StrataTally
from rl.tokens import Episode


@dataclass(slots=True)
class Answers:
    """Sums over some answers."""

    groups: int = 0
    correct: int = 0
    ungradable: int = 0
    rewards: list[float] = field(default_factory=list)
    numbers: dict[str, list[float]] = field(default_factory=dict)
    """What verifiers, terms and environments measured, by name."""
    episodes: int = 0
    tokens: int = 0
    cut: int = 0
    """Episodes that ended at their limit."""

    def add_episodes(self, episodes: Iterable[Episode]) -> None:
        """Add the lengths of a group's episodes."""
        for episode in episodes:
            self.episodes += 1
            self.tokens += episode.sampled
            self.cut += episode.end == "length"

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Add the verdicts of a group."""
        self.groups += 1
        for verdict in verdicts:
            if not verdict.is_gradable:
                self.ungradable += 1
                continue
            self.correct += verdict.is_correct
            self.rewards.append(verdict.reward)
            for name, value in verdict.metrics.items():
                self.numbers.setdefault(name, []).append(value)

    @property
    def accuracy(self) -> float | None:
        """Share of the gradable answers that are correct; None if none is gradable."""
        return self.correct / len(self.rewards) if self.rewards else None

    @property
    def reward_mean(self) -> float | None:
        """None if no answer is gradable."""
        return statistics.fmean(self.rewards) if self.rewards else None

    @property
    def reward_std(self) -> float | None:
        """Population standard deviation; None if no answer is gradable."""
        return statistics.pstdev(self.rewards) if self.rewards else None

    @property
    def measured(self) -> Mapping[str, float]:
        """The mean of each further number, over the answers that have it."""
        return {name: statistics.fmean(self.numbers[name]) for name in sorted(self.numbers)}


class StepTally:
    """What became of the groups that ended since the step before."""

    def __init__(self) -> None:
        self.all = Answers()
        self.endings: Counter[str] = Counter()
        self.tokens = 0
        """Sampled in the groups that ended."""
        self.lost_tokens = 0
        """Sampled in groups that taught something and are sampled again."""
        self._by_task: dict[str, Answers] = {}
        self._by_source: dict[str, Answers] = {}
        self._by_mode: dict[str, Answers] = {}
        self.strata = StrataTally()
        """How hard the groups were."""
        self._episodes = self._turns = self._cut = self._trajectories = 0
        self._environment: dict[str, list[float]] = {}
        self._prefix = PrefixTally()

    def add(self, group: Group, ending: str) -> None:
        """Add a group that has ended; one that is returned had been accepted before."""
        self.endings[ending] += 1
        if ending == "returned":
            self.lost_tokens += group.sampled
            return
        self.all.add(group.verdicts)
        self.strata.add(group)
        if group.prompt.task:
            self._by_task.setdefault(group.prompt.task, Answers()).add(group.verdicts)
        if group.prompt.source:
            self._by_source.setdefault(group.prompt.source, Answers()).add(group.verdicts)
        if group.prompt.mode:
            own = self._by_mode.setdefault(group.prompt.mode, Answers())
            own.add(group.verdicts)
            own.add_episodes(group.episodes)
        for episode in group.episodes:
            self._episodes += 1
            self._turns += episode.turns
            self._trajectories += len(episode.trajectories)
            self._cut += episode.end == "length"
            self.tokens += episode.sampled
            self._prefix.add(episode.records)
            for name, value in episode.metrics.items():
                self._environment.setdefault(name, []).append(value)

    def row(self) -> dict[str, Any]:
        """The step's sampling metrics, under the names of metrics.jsonl."""
        resolved, accepted = self.all.groups, self.endings["accepted"]
        return {
            "accuracy": self.all.accuracy,
            "reward_mean": self.all.reward_mean,
            "reward_std": self.all.reward_std,
            "groups_sampled": resolved,
            "groups_accepted": accepted,
            "acceptance_rate": accepted / resolved if resolved else None,
            "groups_all_correct": self.endings["rejected_correct"],
            "groups_all_incorrect": self.endings["rejected_incorrect"],
            "groups_ungradable": self.endings["ungradable"],
            "ungradable": self.all.ungradable,
            "verdicts": self.all.measured,
            "environment": {
                name: statistics.fmean(values) for name, values in self._environment.items()
            },
            "response_tokens_mean": self._mean(self.tokens),
            "turns_mean": self._mean(self._turns),
            "trajectories_per_episode": self._mean(self._trajectories),
            "truncated": self._mean(self._cut),
            "prefix_hits": self._prefix.row(),
            "tasks": _each(self._by_task),
            "sources": _each(self._by_source),
            "modes": _each_mode(self._by_mode),
        }

    def _mean(self, total: int) -> float | None:
        return total / self._episodes if self._episodes else None


def _each(parts: Mapping[str, Answers]) -> dict[str, dict[str, Any]]:
    """The numbers of each kind of answers apart, by name."""
    return {
        name: {
            "accuracy": parts[name].accuracy,
            "reward_mean": parts[name].reward_mean,
            "groups_sampled": parts[name].groups,
            "ungradable": parts[name].ungradable,
            "verdicts": parts[name].measured,
        }
        for name in sorted(parts)
    }


def _each_mode(parts: Mapping[str, Answers]) -> dict[str, dict[str, Any]]:
    """The numbers of each mode apart: of its kinds of answers, and how long they are."""
    return {
        name: {
            **numbers,
            "response_tokens_mean": parts[name].tokens / parts[name].episodes,
            "truncated": parts[name].cut / parts[name].episodes,
        }
        for name, numbers in _each(parts).items()
    }
