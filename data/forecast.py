"""What pass rates foretell: how many prompts of a data set will teach something, and how many not.

Guarantees: numpy alone; the same evidence gives the same numbers. A prompt's posterior is a mixture
of Betas: of the prior's Beta(a, b), with weights fitted to all the evidence, c right and w wrong
answers make Beta(a + c, b + w), each as likely as it explains them. A single Beta as the prior
cannot be both near 0 and in the middle: on a set of impossible and of fair prompts it promises up
to a quarter too many groups of 16. Answers of a prompt count as independent draws at its pass rate,
so that a prompt that was asked until its stratum was clear counts as it should.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from data.errors import ForecastError
from data.schema import Record

Floats = NDArray[np.float64]
Way = Literal["odds", "failures", "both"]
"""In which pass rates move as a model improves."""

_LOGITS: Final = np.linspace(-16.0, 16.0, 321)
"""Where pass rates are, as log odds: from 1e-7 to 1 - 1e-7."""
_MEANS: Final = np.linspace(-10.0, 10.0, 41)
"""Of the prior's Betas, as log odds."""
_CONCENTRATION: Final = 64.0
"""a + b of each of them: a standard deviation of 0.06 at a mean of a half."""
_LEAST: Final = 1e-12
_ROUNDS: Final = 300
"""Of the fit, which by then has changed acceptances of groups by less than 1 % for long."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How often prompts were answered right: one entry for all prompts with the same counts."""

    answers: NDArray[np.int64]
    correct: NDArray[np.int64]
    prompts: NDArray[np.int64]
    """How many prompts have these counts."""

    @property
    def total(self) -> int:
        """All prompts."""
        return int(self.prompts.sum())

    @classmethod
    def of_counts(cls, counts: Iterable[tuple[int, int]]) -> "Evidence":
        """From (graded, right) of each prompt.

        Raises:
            ForecastError: there is no prompt.
        """
        found = Counter(counts)
        if not found:
            raise ForecastError(
                "no prompt has a pass rate: measure them first by plumb data difficulty"
            )
        pairs = np.array(sorted(found), np.int64)
        prompts = np.array([found[k, c] for k, c in sorted(found)], np.int64)
        return cls(pairs[:, 0], pairs[:, 1], prompts)

    @classmethod
    def of_records(cls, records: Iterable[Record]) -> "Evidence":
        """From the pass rates of records; those without one are left out."""
        rates = (record.pass_rate for record in records)
        return cls.of_counts((rate.k, rate.correct) for rate in rates if rate is not None)


@dataclass(frozen=True, slots=True)
class Population:
    """The pass rates of a data set's prompts, as far as they are known.

    Attributes:
        logits: (X,) log odds of pass rates.
        posteriors: (U, X) of each kind of evidence, how likely each of them is; rows sum to 1.
        prompts: (U,) prompts with that evidence.
    """

    logits: Floats
    posteriors: Floats
    prompts: Floats

    @property
    def pass_rate(self) -> float:
        """The mean over all prompts."""
        return float(self._weights @ _expit(self.logits))

    def density(self) -> tuple[Floats, Floats]:
        """Pass rates, and the share of the prompts at each."""
        return _expit(self.logits), self._weights

    def acceptance(self, group: int) -> float:
        """Share of prompts of whose `group` answers some are right and some are not."""
        return float(self._weights @ mixed(self.logits, group))

    def rejected(self, group: int) -> tuple[float, float]:
        """Share of prompts of whose `group` answers all are right, and of which all are wrong."""
        p = _expit(self.logits)
        return float(self._weights @ p**group), float(self._weights @ (1 - p) ** group)

    def acceptance_error(self, group: int) -> float:
        """Standard deviation of `acceptance` by what is not known of each prompt."""
        values = mixed(self.logits, group)
        variance = self.posteriors @ values**2 - (self.posteriors @ values) ** 2
        return float(np.sqrt(np.maximum(self.prompts @ variance, 0)) / self.prompts.sum())

    def moved(self, pass_rate: float, way: Way = "both") -> "Population":
        """The same prompts for a model whose mean pass rate is this.

        Args:
            pass_rate: the mean.
            way: `odds`: all log odds move alike, so that what was hopeless stays so for long;
                `failures`: of each prompt's failures the same share goes (of its successes, where
                the mean falls), so that it is learnt with the rest; `both`: halfway, as in runs of
                the quickstart, which begin by the first and end by the second.

        Raises:
            ForecastError: the rate is not between 0 and 1.
        """
        if not 0 < pass_rate < 1:
            raise ForecastError(f"a mean pass rate of {pass_rate:g} is not between 0 and 1")
        if way == "odds":
            return self._shifted(pass_rate)
        if way == "failures":
            return self._scaled(pass_rate)
        ways = self._shifted(pass_rate), self._scaled(pass_rate)
        logits = np.concatenate([one.logits for one in ways])
        posteriors = np.concatenate([one.posteriors / 2 for one in ways], axis=1)
        return Population(logits, posteriors, self.prompts)

    def _scaled(self, pass_rate: float) -> "Population":
        p = _expit(self.logits)
        now = self.pass_rate
        failing = (1 - p) * (1 - pass_rate) / (1 - now)
        p = 1 - failing if pass_rate >= now else p * pass_rate / now
        p = np.clip(p, _LEAST, 1 - _LEAST)
        return Population(np.log(p / (1 - p)), self.posteriors, self.prompts)

    def _shifted(self, pass_rate: float) -> "Population":
        low, high, weights = -64.0, 64.0, self._weights
        for _ in range(60):
            middle = (low + high) / 2
            rate = weights @ _expit(self.logits + middle)
            low, high = (middle, high) if rate < pass_rate else (low, middle)
        return Population(self.logits + (low + high) / 2, self.posteriors, self.prompts)

    @property
    def _weights(self) -> Floats:
        weights: Floats = self.prompts @ self.posteriors / self.prompts.sum()
        return weights


def population(evidence: Evidence, prior: Evidence | None = None) -> Population:
    """The posterior of every prompt.

    Args:
        evidence: of the data set.
        prior: what the prior is fitted to; none: `evidence`. A data set that was chosen by pass
            rates needs what it was chosen from: of the prompts with 4 of 5 right some were lucky,
            which nobody can tell who sees only those with 1 to 4.
    """
    density = _fitted_prior(prior or evidence)
    posteriors = _likelihood(evidence) * density
    posteriors /= posteriors.sum(axis=1, keepdims=True)
    return Population(_LOGITS, posteriors, evidence.prompts.astype(np.float64))


def mixed(logits: Floats, group: int) -> Floats:
    """How likely a group of answers is neither all right nor all wrong."""
    p = _expit(logits)
    found: Floats = 1 - p**group - (1 - p) ** group
    return np.maximum(found, 0.0)


@dataclass(frozen=True, slots=True)
class Path:
    """A stated course of the mean pass rate: straight lines between points (step, pass rate)."""

    points: Sequence[tuple[float, float]]

    def at(self, step: float) -> float:
        """The mean pass rate at a step; before the first and after the last point it stays."""
        steps, rates = zip(*self.points, strict=True)
        return float(np.interp(step, steps, rates))

    @classmethod
    def parse(cls, text: str) -> "Path":
        """Read `0:0.3,100:0.7`.

        Raises:
            ForecastError: says what is wrong.
        """
        points = []
        for part in text.split(","):
            step, _, rate = part.partition(":")
            try:
                points.append((float(step), float(rate)))
            except ValueError:
                points = []
                break
        fine = all(0 < rate < 1 and step >= 0 for step, rate in points)
        rising = all(a[0] < b[0] for a, b in pairwise(points))
        if not points or not fine or not rising:
            raise ForecastError(
                f"the path {text!r} is not understood; write STEP:PASS_RATE,... with steps that "
                "rise and rates between 0 and 1, such as 0:0.3,100:0.7"
            )
        return cls(points)


def _fitted_prior(evidence: Evidence) -> Floats:
    """(X,) the prior: a mixture of Betas, with the weights of the greatest likelihood (by EM)."""
    kernels = _kernels()
    explained = _likelihood(evidence) @ kernels  # (U, M)
    explained /= explained.max(axis=1, keepdims=True)
    weights = np.full(kernels.shape[1], 1 / kernels.shape[1])
    prompts = evidence.prompts.astype(np.float64)
    for _ in range(_ROUNDS):
        share = explained * weights
        share /= share.sum(axis=1, keepdims=True)
        weights = prompts @ share / prompts.sum()
    density: Floats = kernels @ weights
    return density


def _kernels() -> Floats:
    """(X, M) the prior's Betas on the grid of log odds; columns sum to 1."""
    means = _expit(_MEANS)
    a, b = means * _CONCENTRATION, (1 - means) * _CONCENTRATION
    logs = _log_odds_power(a, b)
    found = np.exp(logs - logs.max(axis=0))
    columns: Floats = found / found.sum(axis=0)
    return columns


def _likelihood(evidence: Evidence) -> Floats:
    """(U, X) of the counts at each pass rate, but for a factor."""
    correct = evidence.correct.astype(np.float64)
    wrong = (evidence.answers - evidence.correct).astype(np.float64)
    logs = _log_odds_power(correct, wrong).T
    found: Floats = np.exp(logs - logs.max(axis=1, keepdims=True))
    return found


def _log_odds_power(a: Floats, b: Floats) -> Floats:
    """(X, ...) log of p^a (1 - p)^b, which in log odds is the density of Beta(a, b)."""
    log_p, log_q = -np.logaddexp(0, -_LOGITS), -np.logaddexp(0, _LOGITS)
    found: Floats = np.multiply.outer(log_p, a) + np.multiply.outer(log_q, b)
    return found


def _expit(logits: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-logits))
    return found
