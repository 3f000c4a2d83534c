"""The learning rate as a function of the rollout step alone.

Guarantees: nothing is counted or kept, so that a resumed run, and one whose steps differ in their
number of optimizer steps, have the rate that the settings say; no update is made at a rate of 0.

With u updates in a rollout step, update i (from 0) of step s lies from s - 1 + i/u to
s - 1 + (i + 1)/u. Up to `warmup_steps` the rate is linear in the end of that interval; after it, it
falls by the interval's start from 1 to `min_lr_ratio`, which it would reach after the last step:

    constant  1
    linear    m + (1 - m) (1 - x)
    cosine    m + (1 - m) (1 + cos(pi x)) / 2                                  arXiv:1608.03983
    wsd       1, then m + (1 - m) (1 - sqrt(x)) over the last `decay_steps`    arXiv:2405.18392

with m = `min_lr_ratio` and x from 0 to 1 over the steps of the fall.
"""

import math

from rl.config import LearnerConfig


def lr_factor(config: LearnerConfig, steps: int, *, step: int, update: int, updates: int) -> float:
    """What peak learning rates are multiplied by.

    Args:
        config: the schedule.
        steps: rollout steps of the whole run.
        step: the rollout step, from 1.
        update: which of the step's optimizer steps, from 0.
        updates: how many it has.
    """
    end = step - 1 + (update + 1) / updates
    if end <= config.warmup_steps:
        return end / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    start = step - 1 + update / updates
    first = config.warmup_steps
    if config.schedule == "wsd":
        first = max(first, steps - wsd_decay_steps(config, steps))
    fallen = min(1.0, max(0.0, (start - first) / max(1, steps - first)))
    return config.min_lr_ratio + (1 - config.min_lr_ratio) * _left(config.schedule, fallen)


def wsd_decay_steps(config: LearnerConfig, steps: int) -> int:
    """Rollout steps of the fall under `wsd`: `decay_steps`, or a fifth of the run."""
    return config.decay_steps or max(1, steps // 5)


def _left(schedule: str, fallen: float) -> float:
    if schedule == "linear":
        return 1 - fallen
    if schedule == "cosine":
        return (1 + math.cos(math.pi * fallen)) / 2
    return 1 - math.sqrt(fallen)
