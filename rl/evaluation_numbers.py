"""What an evaluation says: pass@k without bias, its confidence interval, majority votes.

Guarantees: answers that could not be graded measure nothing; a number of nothing is None, never 0.
"""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewards.thinking import Opened
from rl.groups import Group

Z95 = 1.959964
"""Standard deviations of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What counts of one answer."""

    correct: bool | None
    """None: it could not be graded."""
    vote: str
    """Its final answer, from `vote_of`; empty where there is no vote."""
    tokens: int
    cut: bool
    """Whether it was cut at its limit."""
    answered: bool = True
    """Whether anything was sampled; else it has no length."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What counts of one prompt."""

    task: str
    source: str
    attempts: tuple[Attempt, ...]
    mode: str = ""
    """The reasoning mode; empty: there are none."""

    @property
    def counts(self) -> tuple[int, int]:
        """Right answers, and graded ones."""
        known = [one.correct for one in self.attempts if one.correct is not None]
        return sum(known), len(known)


def summary(groups: Sequence[Group], samples: int) -> dict[str, Any]:
    """The numbers of an evaluation, by name, for its step's metrics.

    Args:
        groups: one a prompt, with its graded answers.
        samples: answers asked of each prompt.
    """
    versions = {g.start for g in groups} | {v for g in groups for v in _versions(g)}
    found = numbers_of([asked_of(group, votes=votes_count(samples)) for group in groups], samples)
    return {**found, "mixed_versions": len(versions) > 1}


def numbers_of(asked: Sequence[Asked], samples: int) -> dict[str, Any]:
    """The numbers of an evaluation, by name.

    Args:
        asked: one a prompt.
        samples: answers asked of each prompt.
    """
    graded = [one.counts for one in asked if one.counts[1]]
    attempts = [attempt for one in asked for attempt in one.attempts]
    spoken = [attempt for attempt in attempts if attempt.answered]
    return {
        "accuracy": mean_pass(graded, 1),
        "interval": interval(graded),
        "pass_at": {str(k): mean_pass(graded, k) for k in _ks(samples)},
        "majority": majority(asked) if votes_count(samples) else None,
        "accuracy_by_task": accuracies(asked, [one.task for one in asked]),
        "accuracy_by_source": accuracies(asked, [one.source for one in asked]),
        "accuracy_by_mode": accuracies(asked, [one.mode for one in asked]),
        "response_tokens_by_mode": _tokens_by_mode(asked),
        "prompts": len(asked),
        "ungradable": sum(one.correct is None for one in attempts),
        "response_tokens_mean": statistics.fmean(a.tokens for a in spoken) if spoken else None,
        "truncated": statistics.fmean(a.cut for a in spoken) if spoken else None,
    }


def votes_count(samples: int) -> bool:
    """Whether so many answers have a majority that says more than the first of them."""
    return samples > 2


def asked_of(group: Group, *, votes: bool) -> Asked:
    """What counts of a group, with the answers' votes or without."""
    pairs = zip(group.episodes, group.verdicts, strict=True)
    attempts = tuple(
        Attempt(
            verdict.is_correct if verdict.is_gradable else None,
            vote_of(episode.response, episode.thinking) if votes else "",
            episode.sampled,
            episode.end == "length",
        )
        for episode, verdict in pairs
    )
    return Asked(group.prompt.task, group.prompt.source, attempts, group.prompt.mode)


def pass_at_k(correct: int, total: int, k: int) -> float:
    """The chance that of `k` answers, drawn from `total` with `correct` right ones, one is right.

    Unbiased for the policy's own pass@k: 1 - C(total - correct, k) / C(total, k), arXiv:2107.03374.
    """
    if total - correct < k:
        return 1.0
    return 1.0 - math.comb(total - correct, k) / math.comb(total, k)


def mean_pass(counts: Sequence[tuple[int, int]], k: int) -> float | None:
    """Mean pass@k over the prompts that have `k` graded answers; None if none has."""
    known = [pass_at_k(correct, total, k) for correct, total in counts if total >= k]
    return statistics.fmean(known) if known else None


def interval(counts: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """A 95 % confidence interval of the accuracy, over the drawing of prompts.

    With one answer a prompt Wilson's (JASA 22, 1927), which also holds near 0 and 1. With several,
    the normal one of a mean of prompts: answers to one prompt are no independent draws. Where all
    prompts agree, that would have no width; Wilson's over the prompts stands for it.
    """
    if not counts:
        return None
    shares = [correct / total for correct, total in counts]
    size, mean = len(shares), statistics.fmean(shares)
    if all(total == 1 for _, total in counts) or (size > 1 and len(set(shares)) == 1):
        scale = 1 + Z95**2 / size
        middle = (mean + Z95**2 / (2 * size)) / scale
        half = Z95 / scale * math.sqrt(mean * (1 - mean) / size + Z95**2 / (4 * size**2))
    else:
        middle = mean
        half = Z95 * statistics.stdev(shares) / math.sqrt(size) if size > 1 else 1.0
    # Rounding alone could put the mean itself outside.
    return max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half))


def majority(asked: Sequence[Asked]) -> float | None:
    """Share of the prompts whose most frequent final answer is right (maj@k, arXiv:2203.11171).

    Answers agree where their boxed answers, or without a box their whole texts, are equal; of
    equally frequent ones the first given counts. Ungradable answers have no vote.
    """
    right = []
    for one in asked:
        votes = [(a.vote, a.correct) for a in one.attempts if a.correct is not None]
        if votes:
            (winner, _), *_ = Counter(vote for vote, _ in votes).most_common(1)
            right.append(next(correct for vote, correct in votes if vote == winner))
    return statistics.fmean(right) if right else None


def vote_of(response: str, opened: Opened | None) -> str:
    """The final answer of a response: what is boxed, or without a box the whole text.

    Args:
        response: an answer.
        opened: whether its prompt opened the thinking, as `Episode.thinking`.
    """
    from rewards.math.answers import NoAnswerError, final_answer  # slow: not at a run's start

    try:
        answer = final_answer(response, opened=opened)
    except NoAnswerError:
        answer = response
    return " ".join(answer.split())


def accuracies(asked: Sequence[Asked], names: Sequence[str]) -> dict[str, float | None]:
    """Accuracy by a name of each prompt, over those that have one and were graded."""
    known: dict[str, list[tuple[int, int]]] = {}
    for name, one in zip(names, asked, strict=True):
        if name and one.counts[1]:
            known.setdefault(name, []).append(one.counts)
    return {name: mean_pass(known[name], 1) for name in sorted(known)}


def _tokens_by_mode(asked: Sequence[Asked]) -> dict[str, float]:
    """Mean tokens of an answer in each mode."""
    known: dict[str, list[int]] = {}
    for one in asked:
        if one.mode:
            known.setdefault(one.mode, []).extend(a.tokens for a in one.attempts if a.answered)
    return {name: statistics.fmean(known[name]) for name in sorted(known) if known[name]}


def _versions(group: Group) -> list[int]:
    return [
        span.version
        for episode in group.episodes
        for trajectory in episode.trajectories
        for segment in trajectory.segments
        for span in segment.versions
    ]


def _ks(samples: int) -> list[int]:
    """1, 2, 4, ... and the number of samples itself."""
    powers = [2**power for power in range(samples.bit_length()) if 2**power <= samples]
    return sorted({*powers, samples})


def headline(numbers: Mapping[str, Any]) -> str:
    """An evaluation in a few words, for the terminal."""
    if numbers["accuracy"] is None:
        return "nothing could be graded"
    low, high = numbers["interval"]
    words = f"{numbers['accuracy']:.1%} ({low:.1%} to {high:.1%})"
    (most, best), *_ = reversed(numbers["pass_at"].items())
    if int(most) > 1 and best is not None:
        words += f", pass@{most} {best:.1%}"
    return words
