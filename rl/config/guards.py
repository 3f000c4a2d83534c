"""Settings of the guards: the thresholds at which a run warns or stops. rl/README.md says why."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from rl.config.section import Section


class GuardConfig(Section):
    """What every guard has: `warn`, `stop`, and whether a low value is the bad one."""

    low_is_bad: ClassVar[bool] = False
    warn: float | None
    """A line is printed from here on; null: never."""
    stop: float | None
    """The run stops here, and saves its last step; null: never."""

    @model_validator(mode="after")
    def _warns_before_it_stops(self) -> Self:
        if self.warn is None or self.stop is None:
            return self
        if self.warn < self.stop if self.low_is_bad else self.warn > self.stop:
            side = "above" if self.low_is_bad else "below"
            raise ValueError(f"warn={self.warn:g} has to be {side} stop={self.stop:g}")
        return self


class LogprobGapGuard(GuardConfig):
    """`rollout_logprob_gap`: do engines and learner compute the same policy?"""

    warn: float | None = Field(default=0.1, gt=0)
    """Mean |engine - learner| of fresh tokens' logprobs from which a line says so, nats."""
    stop: float | None = Field(default=0.5, gt=0)
    """The same, from which the run stops; null: never."""
    steps: int = Field(default=3, ge=1)
    """Steps in a row that have to be beyond a threshold."""


class EntropyGuard(GuardConfig):
    """Entropy collapse: does the policy still explore?"""

    low_is_bad: ClassVar[bool] = True
    warn: float | None = Field(default=0.1, gt=0, lt=1)
    """Entropy over that of the first `start` steps, below which a line says so."""
    stop: float | None = Field(default=None, gt=0, lt=1)
    """The same, below which the run stops; null: never."""
    start: int = Field(default=5, ge=1)
    """First steps whose mean entropy is what the others are compared with."""
    steps: int = Field(default=3, ge=1)
    """Steps in a row that have to be beyond a threshold."""


class LengthGuard(GuardConfig):
    """Length explosion: do answers grow faster than learning explains?"""

    warn: float | None = Field(default=2.0, gt=1)
    """Mean tokens of an answer over their median in the `window` steps before, from which a line
    says so."""
    stop: float | None = Field(default=None, gt=1)
    """The same, from which the run stops; null: never."""
    window: int = Field(default=20, ge=5)
    """Steps before, whose median is compared with; at least 5 of them have to be there."""
    steps: int = Field(default=3, ge=1)
    """Steps in a row that have to be beyond a threshold."""


class TruncatedGuard(GuardConfig):
    """Truncated share: do answers fit into `rollout.max_response_tokens`?"""

    warn: float | None = Field(default=0.5, gt=0, le=1)
    """Share of a step's answers cut at their limit, from which a line says so."""
    stop: float | None = Field(default=None, gt=0, le=1)
    """The same, from which the run stops; null: never."""
    steps: int = Field(default=3, ge=1)
    """Steps in a row that have to be beyond a threshold."""


class HeldOutGuard(GuardConfig):
    """Held-out accuracy that falls while the reward rises."""

    warn: float | None = Field(default=0.05, gt=0, le=1)
    """Accuracy lost since the best evaluation, from which a line says so; it counts where the 95 %
    intervals of the two are apart and the mean reward has risen meanwhile."""
    stop: float | None = Field(default=0.2, gt=0, le=1)
    """The same, from which the run stops; null: never."""
    evaluations: int = Field(default=2, ge=1)
    """Evaluations in a row that have to be beyond a threshold."""
    sets: list[str] = ["held_out"]
    """Evaluation sets that are watched."""


class GradientGuard(GuardConfig):
    """Gradient spikes."""

    warn: float | None = Field(default=10.0, gt=1)
    """Gradient norm over its median in the `window` steps before, from which a line says so."""
    stop: float | None = Field(default=None, gt=1)
    """The same, from which the run stops; null: never."""
    window: int = Field(default=20, ge=5)
    """Steps before, whose median is compared with; at least 5 of them have to be there."""
    steps: int = Field(default=1, ge=1)
    """Steps in a row that have to be beyond a threshold."""


class JudgeGuard(GuardConfig):
    """Judge drift: answers of the run's first steps are graded again, past any cache."""

    warn: float | None = Field(default=0.3, gt=0)
    """Mean |reward now - reward then| from which a line says so, in units of the reward."""
    stop: float | None = Field(default=0.6, gt=0)
    """The same, from which the run stops; null: never."""
    every: int = Field(default=10, ge=0)
    """Steps between two looks; 0: never."""
    answers: int = Field(default=16, ge=4)
    """Answers that are graded again, each to another prompt."""
    verifiers: list[str] = ["judge"]
    """Verifiers, by their specs, whose grades are watched; where no sample goes to one of them,
    nothing is graded again."""


class GuardsConfig(Section):
    """What is watched beside `sync.canary`; defaults are those of a run that goes well."""

    logprob_gap: LogprobGapGuard = LogprobGapGuard()
    """`rollout_logprob_gap`."""
    entropy: EntropyGuard = EntropyGuard()
    """Entropy collapse."""
    length: LengthGuard = LengthGuard()
    """Length explosion."""
    truncated: TruncatedGuard = TruncatedGuard()
    """Truncated share."""
    held_out: HeldOutGuard = HeldOutGuard()
    """Held-out accuracy that falls while the reward rises."""
    gradient: GradientGuard = GradientGuard()
    """Gradient spikes."""
    judge: JudgeGuard = JudgeGuard()
    """Judge drift."""
