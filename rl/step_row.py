"""A step's row in metrics.jsonl: what was sampled, what was learnt, and where the time went."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rl.groups import Batch
from rl.step_tally import StepTally
from rl.strata import strata_row


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall seconds of a step."""

    waited: float
    """For the batch."""
    learn: float
    sync: float
    record: float
    """Writing what the policy wrote."""
    total: float
    """The whole step, from the end of the one before."""


def step_row(
    step: int,
    batch: Batch,
    tally: StepTally,
    learned: Mapping[str, Any],
    spent: Spent,
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
        spent: wall time.
        canary_gap: mean |engine - learner| of a fixed prompt's logprobs, nats; None: not measured.
        engines_idle: share of the time in which engines had nothing to decode.
        engines_lost: tokens that engines made for nothing, as they died or answers were dropped.
    """
    total = spent.total
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
            "learner": max(0.0, 1 - spent.learn / total) if total else None,
        },
        "tokens": {
            "sampled": tally.tokens,
            "lost": tally.lost_tokens + engines_lost,
            **trained,
        },
        "seconds": {
            **_waiting(batch, spent.waited),
            "learn": spent.learn,
            "sync": spent.sync,
            "record": spent.record,
            "total": total,
        },
        "tokens_per_second": tally.tokens / (total - spent.record) if total else None,
        **learned,
    }


def _sources(batch: Batch) -> Iterator[str]:
    """The source of each group, where there are several."""
    return (group.prompt.source for group in batch.groups if group.prompt.source)


def _waiting(batch: Batch, waited: float) -> dict[str, float]:
    """The time for which a batch was waited for, by what went on in it."""
    grade, generate = batch.seconds.get("grade", 0.0), batch.seconds.get("generate", 0.0)
    share = grade / (grade + generate) if grade + generate else 0.0
    return {"generate": waited * (1 - share), "grade": waited * share}
