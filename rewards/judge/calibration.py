"""How far a judge can be trusted: its grades against labels, and what else moves them.

Guarantees: plain arithmetic, the same for rows in any order. What the rows do not determine,
such as a correlation where all labels are equal, is None and never a 0.

Agreement is Pearson's and Spearman's correlation, the mean absolute error, and Cohen's kappa
(1960) of being at or above the threshold. The bias by length is the correlation, and the slope by
least squares, of judge minus label against the binary logarithm of the answer's length: what a
doubling of the length earns.
"""

import math
import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from rewards.judge.results import Winner

ROUNDING: Final = 1e-9  # differences below it come from the arithmetic


@dataclass(frozen=True, slots=True)
class GradedRow:
    """A labelled answer, and what the judge says.

    Attributes:
        label: The right score, on the rubric's scale.
        score: The judge's.
        votes: Of which it is the median.
        length: Characters of the answer.
    """

    id: str
    label: float
    score: float
    votes: tuple[float, ...]
    length: int

    @property
    def error(self) -> float:
        """Judge minus label."""
        return self.score - self.label


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A labelled pair, and what the judge says.

    Attributes:
        label: The better answer.
        winner: The judge's choice.
        shown_first: Its choice where the first answer stood first.
        shown_second: Its choice where that one stood second.
    """

    id: str
    label: Winner
    winner: Winner
    shown_first: Winner
    shown_second: Winner


@dataclass(frozen=True, slots=True)
class GradeAgreement:
    """Of grades and labels.

    Attributes:
        mean_error: Judge minus label; above 0 for a lenient judge.
        within_one: Share of grades that are off by one point at most.
        kappa: Of being at or above the threshold.
        length_correlation: Of judge minus label with the logarithm of the length.
        length_slope: Points that a doubling of the length earns.
        vote_deviation: Standard deviation of an answer's votes, the root of its mean square.
        vote_spread: Mean of an answer's highest minus its lowest vote.
        unanimous: Share of answers whose votes are equal.
    """

    count: int
    pearson: float | None
    spearman: float | None
    mean_absolute_error: float | None
    mean_error: float | None
    within_one: float | None
    kappa: float | None
    length_correlation: float | None
    length_slope: float | None
    vote_deviation: float | None
    vote_spread: float | None
    unanimous: float | None


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Of comparisons and labels.

    Attributes:
        agreed: Share of pairs with the label's winner, a tie being one.
        agreed_decided: The same among pairs in which neither says tie.
        kappa: Cohen's, of the three answers.
        first_preferred: Share of single comparisons that prefer what is shown first, among those
            that prefer any; 0.5 without a bias by position.
        flipped: Share of pairs in which the orders name different winners.
        ties: Share of pairs that end as a tie.
    """

    count: int
    agreed: float | None
    agreed_decided: float | None
    kappa: float | None
    first_preferred: float | None
    flipped: float | None
    ties: float | None


def grade_agreement(rows: Sequence[GradedRow], threshold: float) -> GradeAgreement:
    """What labelled answers say of a judge whose texts are correct from `threshold`."""
    labels = [row.label for row in rows]
    scores = [row.score for row in rows]
    errors = [row.error for row in rows]
    lengths = [math.log2(max(1, row.length)) for row in rows]
    several = [row.votes for row in rows if len(row.votes) > 1]
    return GradeAgreement(
        count=len(rows),
        pearson=correlation(labels, scores),
        spearman=correlation(ranks(labels), ranks(scores)),
        mean_absolute_error=mean([abs(error) for error in errors]),
        mean_error=mean(errors),
        within_one=share([abs(error) <= 1 + ROUNDING for error in errors]),
        kappa=kappa([one >= threshold for one in labels], [one >= threshold for one in scores]),
        length_correlation=correlation(lengths, errors),
        length_slope=slope(lengths, errors),
        vote_deviation=_root(mean([statistics.pvariance(votes) for votes in several])),
        vote_spread=mean([max(votes) - min(votes) for votes in several]),
        unanimous=share([len(set(votes)) == 1 for votes in several]),
    )


def pair_agreement(rows: Sequence[ComparedRow]) -> PairAgreement:
    """What labelled pairs say of a judge."""
    decided = [row for row in rows if "tie" not in (row.label, row.winner)]
    # The second answer stood first where `shown_second` was said.
    places = [(row.shown_first, "first") for row in rows]
    places += [(row.shown_second, "second") for row in rows]
    return PairAgreement(
        count=len(rows),
        agreed=share([row.label == row.winner for row in rows]),
        agreed_decided=share([row.label == row.winner for row in decided]),
        kappa=kappa([row.label for row in rows], [row.winner for row in rows]),
        first_preferred=share([said == first for said, first in places if said != "tie"]),
        flipped=share([{row.shown_first, row.shown_second} == {"first", "second"} for row in rows]),
        ties=share([row.winner == "tie" for row in rows]),
    )


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation; None where one side is constant."""
    if _is_constant(first) or _is_constant(second):
        return None
    return max(-1.0, min(1.0, statistics.correlation(first, second)))


def slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Of the line of least squares; None where `x` is constant."""
    return None if _is_constant(x) else statistics.linear_regression(x, y).slope


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share their mean rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranked = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranked[place] = (start + 1 + end) / 2
        start = end
    return ranked


def kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Cohen's kappa of two raters; None where chance alone agrees always."""
    if not first:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / len(first)
    chance = sum(first.count(one) * second.count(one) for one in set(first)) / len(first) ** 2
    return None if 1 - chance < ROUNDING else (observed - chance) / (1 - chance)


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None


def share(values: Sequence[bool]) -> float | None:
    """The share that is true; None of nothing."""
    return sum(values) / len(values) if values else None


def _is_constant(values: Sequence[float]) -> bool:
    return len(values) < 2 or max(values) - min(values) < ROUNDING


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)
