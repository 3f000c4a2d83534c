"""The one table of guards: what each measures, what it usually means, and what to do.

Guarantees: every guard has a row here, and its thresholds in the config section that the row names;
a finding's line holds the value, the threshold, what it usually means and what to do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from rl.errors import EngineError, PlumbError

Level = Literal["warn", "stop"]


class Limits(Protocol):
    """The thresholds of a guard; None: never."""

    @property
    def warn(self) -> float | None:
        """From which a line says so."""

    @property
    def stop(self) -> float | None:
        """From which the run stops."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A row of the table."""

    settings: str
    """The config section with its thresholds."""
    measured: str
    """What was found, with the places of its `value` (or `points`, hundredths) and `subject`."""
    means: str
    """What it usually means."""
    remedy: str
    """What to do."""
    low_is_bad: bool = False


GUARDS: Final[Mapping[str, Guard]] = {
    "canary": Guard(
        "sync.canary",
        "{subject} and the learner differ by {value:.3g} nats a token on the same fixed prompt",
        "the engine does not hold the learner's weights, or computes with them in another way",
        "look at rollout_logprob_gap; run once with sync.verify=true and the other "
        "sync.transport; if the gap stays, this vLLM cannot take new weights of this model; if "
        "model.dtype explains it, raise the threshold",
    ),
    "logprob_gap": Guard(
        "guards.logprob_gap",
        "engines and learner differ by {value:.3g} nats a token on tokens just sampled",
        "they compute two policies: other weights, kernels, precision or sampling settings",
        "where canary_gap is large too, weights arrive damaged (sync.verify=true); else try "
        "model.dtype=fp32 for some steps, top_p=1 and top_k=0, and keep learner.correction",
    ),
    "entropy": Guard(
        "guards.entropy",
        "entropy is {value:.3g} of what it was in the first steps",
        "the policy says the same whatever is drawn, and groups stop to differ",
        "raise learner.clip_high or learner.entropy_coef, lower learner.lr, or go on with harder "
        "prompts",
        low_is_bad=True,
    ),
    "length": Guard(
        "guards.length",
        "answers have {value:.3g} times as many tokens as in the steps before",
        "rambling or repetition is being rewarded, or the end of an answer is unlearnt",
        "read the longest answers in report.html; add the reward term `overlong`, or lower "
        "learner.lr",
    ),
    "truncated": Guard(
        "guards.truncated",
        "{value:.1%} of the answers are cut at their limit",
        "they earn nothing however good they are, and the policy learns to be short, or nothing",
        "raise rollout.max_response_tokens, set learner.mask_truncated, or add the reward term "
        "`overlong`",
    ),
    "held_out": Guard(
        "guards.held_out",
        "accuracy on {subject} is {points:.1f} points below its best while the reward rises",
        "the policy learns the training prompts by heart, or what the reward overlooks",
        "read well-paid answers in report.html; go on from the best checkpoint with more data, a "
        "stricter verifier, learner.kl.coef above 0 or a lower learner.lr",
    ),
    "gradient": Guard(
        "guards.gradient",
        "the gradient norm is {value:.3g} times that of the steps before",
        "a batch pulls hard: odd rewards, very old or very long answers, numbers near overflow",
        "look at the step's rollouts and at correction.ess; learner.max_grad_norm bounds the "
        "step, a lower one or a lower learner.lr helps where it comes again",
    ),
    "judge": Guard(
        "guards.judge",
        "the judge's grades of answers of the first steps have moved by {value:.3g} ({subject})",
        "another model or template answers at its endpoint, or it grades at random",
        "see what the endpoint serves, and `plumb judge calibrate`; rewards of before and after "
        "are not comparable",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A threshold that was passed."""

    guard: str
    step: int
    level: Level
    value: float
    threshold: float
    line: str
    """For people: value, threshold, what it usually means, what to do."""
    subject: str = ""
    """Of which engine or evaluation set, where there are several."""

    @property
    def row(self) -> dict[str, Any]:
        """What metrics.jsonl holds of it."""
        return {
            "level": self.level,
            "value": self.value,
            "threshold": self.threshold,
            "line": self.line,
        }


class GuardError(PlumbError):
    """A guard stopped the run."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.line)
        self.finding = finding


class CanaryError(GuardError, EngineError):
    """An engine does not hold the learner's weights."""


def judged(
    guard: str, value: float, limits: Limits, step: int, *, subject: str = ""
) -> Finding | None:
    """The finding where `value` is beyond a threshold; one that is no number is beyond all."""
    level = _level(guard, value, limits)
    if level is None:
        return None
    threshold: float = getattr(limits, level)
    row = GUARDS[guard]
    measured = row.measured.format(value=value, points=100 * value, subject=subject)
    line = (
        f"guard {guard}, step {step}: {measured} ({row.settings}.{level}={threshold:g}): usually "
        f"{row.means}. {row.remedy[0].upper()}{row.remedy[1:]}."
    )
    if level == "stop":
        line += f" To go on all the same: another {row.settings}.stop, and --resume."
    return Finding(guard, step, level, value, threshold, line, subject)


def worst(findings: Sequence[Finding]) -> Mapping[str, Finding]:
    """The worst finding of each guard."""
    found: dict[str, Finding] = {}
    for one in sorted(findings, key=lambda one: (one.level == "stop", one.value)):
        found[one.guard] = one
    return found


def _level(guard: str, value: float, limits: Limits) -> Level | None:
    if limits.stop is not None and _is_beyond(guard, value, limits.stop):
        return "stop"
    if limits.warn is not None and _is_beyond(guard, value, limits.warn):
        return "warn"
    return None


def _is_beyond(guard: str, value: float, threshold: float) -> bool:
    return math.isnan(value) or (
        value < threshold if GUARDS[guard].low_is_bad else value > threshold
    )
