"""What an evaluation says: pass@k without bias, its confidence interval, majority votes.

Guarantees: answers that could not be graded measure nothing; a number of nothing is None, never 0.
"""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rl.groups import Group

Z95 = 1.959964
"""Standard deviations of a two-sided interval of 95 %."""


def summary(groups: Sequence[Group], samples: int) -> dict[str, Any]:
    """The numbers of an evaluation, by name, for its step's metrics.

    Args:
        groups: one a prompt, with its graded answers.
        samples: answers asked of each prompt.
    """
    counts = [_counts(group) for group in groups]
    graded = [(correct, total) for correct, total in counts if total]
    tokens = [episode.sampled for group in groups for episode in group.episodes]
    cut = [episode.end == "length" for group in groups for episode in group.episodes]
    versions = sorted({g.start for g in groups} | {v for g in groups for v in _versions(g)})
    return {
        "accuracy": mean_pass(graded, 1),
        "interval": interval(graded),
        "pass_at": {str(k): mean_pass(graded, k) for k in _ks(samples)},
        "majority": majority(groups) if samples > 2 else None,
        "accuracy_by_task": _accuracies([group.prompt.task for group in groups], counts),
        "accuracy_by_source": _accuracies([group.prompt.source for group in groups], counts),
        "prompts": len(groups),
        "ungradable": sum(len(g.verdicts) for g in groups) - sum(total for _, total in counts),
        "response_tokens_mean": statistics.fmean(tokens) if tokens else None,
        "truncated": statistics.fmean(cut) if cut else None,
        "mixed_versions": len(versions) > 1,
    }


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
    the normal one of a mean of prompts: answers to one prompt are no independent draws.
    """
    if not counts:
        return None
    shares = [correct / total for correct, total in counts]
    size, mean = len(shares), statistics.fmean(shares)
    if all(total == 1 for _, total in counts):
        scale = 1 + Z95**2 / size
        middle = (mean + Z95**2 / (2 * size)) / scale
        half = Z95 / scale * math.sqrt(mean * (1 - mean) / size + Z95**2 / (4 * size**2))
    else:
        middle = mean
        half = Z95 * statistics.stdev(shares) / math.sqrt(size) if size > 1 else 1.0
    # Rounding alone could put the mean itself outside.
    return max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half))


def majority(groups: Sequence[Group]) -> float | None:
    """Share of the prompts whose most frequent final answer is right (maj@k, arXiv:2203.11171).

    Answers agree where their boxed answers, or without a box their whole texts, are equal; of
    equally frequent ones the first given counts. Ungradable answers have no vote.
    """
    right = []
    for group in groups:
        votes = [(_vote(group, i), group.verdicts[i].is_correct) for i in group.gradable]
        if votes:
            (winner, _), *_ = Counter(vote for vote, _ in votes).most_common(1)
            right.append(next(correct for vote, correct in votes if vote == winner))
    return statistics.fmean(right) if right else None


def _vote(group: Group, i: int) -> str:
    from rewards.math.answers import NoAnswerError, final_answer  # slow: not at a run's start

    episode = group.episodes[i]
    try:
        answer = final_answer(episode.response, opened=episode.thinking)
    except NoAnswerError:
        answer = episode.response
    return " ".join(answer.split())


def _accuracies(names: Sequence[str], counts: Sequence[tuple[int, int]]) -> dict[str, float | None]:
    """Accuracy by the names of the prompts, over those that have one and were graded."""
    known: dict[str, list[tuple[int, int]]] = {}
    for name, (correct, total) in zip(names, counts, strict=True):
        if name and total:
            known.setdefault(name, []).append((correct, total))
    return {name: mean_pass(known[name], 1) for name in sorted(known)}


def _counts(group: Group) -> tuple[int, int]:
    """Right answers of a prompt, and graded ones."""
    verdicts = [group.verdicts[i] for i in group.gradable]
    return sum(verdict.is_correct for verdict in verdicts), len(verdicts)


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
