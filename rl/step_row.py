"""A step's row in metrics.jsonl: what was sampled, what was learnt, and where the time went."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rl.groups import Batch
from rl.step_tally import StepTally
from rl.strata import strata_row


def step_row(
    step: int,
    batch: Batch,
    tally: StepTally,
    learned: Mapping[str, Any],
    seconds: Mapping[str, float],
    *,
    canary_gap: float | None,
    engines_idle: float | None,
    engines_lost: int,
) -> dict[str, Any]:
    """Everything that is known of a step when its weights have been published.

    Args:
        step: the step, which is the policy version that it made.
        batch: what it trained on.
        tally: over the groups that ended since the step before, before filtering.
        learned: the learner's metrics, with lags and `tokens.trained`.
        seconds: wall time by phase, that for which the batch was `waited` for among them, and the
            step's `total`, from the end of the step before.
        canary_gap: mean |engine - learner| of a fixed prompt's logprobs, nats; None: not measured.
        engines_idle: share of the time in which engines had nothing to decode.
        engines_lost: tokens that engines made for nothing, as they died or answers were dropped.
    """
    total = seconds["total"]
    apart = seconds["record"] + seconds["evaluate"]
    learned = dict(learned)
    trained: Mapping[str, int] = learned.pop("tokens", {})
    return {
        "step": step,
        "time": time.time(),
        "policy_version": step,
        **tally.row(),
        "groups_trained": len(batch.groups),
        "trained_by_source": dict(sorted(Counter(_sources(batch)).items())),
        **strata_row(tally.strata, batch.groups),
        "groups_carried": batch.ready,
        "groups_returned": batch.endings["returned"],
        "canary_gap": canary_gap,
        "idle": {
            "engines": engines_idle,
            "learner": max(0.0, 1 - seconds["learn"] / total) if total else None,
        },
        "tokens": {
            "sampled": tally.tokens,
            "lost": tally.lost_tokens + engines_lost,
            **trained,
        },
        "seconds": _split(batch, seconds),
        "tokens_per_second": tally.tokens / (total - apart) if total else None,
        **learned,
    }


def _sources(batch: Batch) -> Iterator[str]:
    """The source of each group, where there are several."""
    return (group.prompt.source for group in batch.groups if group.prompt.source)


def _split(batch: Batch, seconds: Mapping[str, float]) -> dict[str, float]:
    """The phases, with the time for which the batch was waited for cut by what went on in it."""
    phases = dict(seconds)
    waited = phases.pop("waited")
    grade, generate = batch.seconds.get("grade", 0.0), batch.seconds.get("generate", 0.0)
    share = grade / (grade + generate) if grade + generate else 0.0
    return {"generate": waited * (1 - share), "grade": waited * share, **phases}
