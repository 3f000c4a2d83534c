"""The learning rate is a function of the rollout step, however many updates a step has."""

import math
from itertools import pairwise

import pytest

from rl.config import LearnerConfig, RunConfig
from rl.learn.schedule import lr_factor, wsd_decay_steps

STEPS, WARMUP = 40, 8
FALLING = {
    "linear": {"schedule": "linear"},
    "cosine": {"schedule": "cosine", "min_lr_ratio": 0.0},
    "wsd": {"schedule": "wsd", "decay_steps": 10, "min_lr_ratio": 0.3},
}
UPDATES = [1, 2, 3, 7]


def config(**settings: object) -> LearnerConfig:
    return LearnerConfig.model_validate({"warmup_steps": WARMUP} | settings)


def rates(learner: LearnerConfig, updates: int) -> list[float]:
    """Of every update of a run with so many of them in each step."""
    return [
        lr_factor(learner, STEPS, step=step, update=update, updates=updates)
        for step in range(1, STEPS + 1)
        for update in range(updates)
    ]


@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("settings", [{}, *FALLING.values()])
def test_it_rises_to_the_peak_with_the_last_update_of_the_warm_up(
    settings: dict[str, object], updates: int
) -> None:
    found = rates(config(**settings), updates)[: WARMUP * updates]
    wanted = [(i + 1) / (WARMUP * updates) for i in range(WARMUP * updates)]
    assert found == pytest.approx(wanted, abs=1e-12)


def test_constant_stays_at_the_peak() -> None:
    assert set(rates(config(), 3)[WARMUP * 3 :]) == {1.0}
    assert set(rates(config(warmup_steps=0), 3)) == {1.0}


@pytest.mark.parametrize("updates", UPDATES)
@pytest.mark.parametrize("name", FALLING)
def test_it_falls_from_the_peak_and_would_end_after_the_last_update(
    name: str, updates: int
) -> None:
    learner = config(**FALLING[name])
    found = rates(learner, updates)[WARMUP * updates :]
    assert found[0] == 1.0
    assert all(before >= after > learner.min_lr_ratio for before, after in pairwise(found))
    after = lr_factor(learner, STEPS, step=STEPS + 1, update=0, updates=updates)
    assert after == pytest.approx(learner.min_lr_ratio)


@pytest.mark.parametrize(
    ("name", "step", "wanted"),
    [
        # Half and a quarter of the 32 steps of the fall have passed.
        ("linear", WARMUP + 16 + 1, 0.1 + 0.9 / 2),
        ("linear", WARMUP + 8 + 1, 0.1 + 0.9 * 3 / 4),
        ("cosine", WARMUP + 16 + 1, 0.5),
        ("cosine", WARMUP + 8 + 1, (1 + math.sqrt(0.5)) / 2),
        ("wsd", 30, 1.0),
        ("wsd", 31, 1.0),
        ("wsd", 36, 0.3 + 0.7 * (1 - math.sqrt(0.5))),
    ],
)
def test_its_form(name: str, step: int, wanted: float) -> None:
    learner = config(**FALLING[name])
    for updates in UPDATES:
        found = lr_factor(learner, STEPS, step=step, update=0, updates=updates)
        assert found == pytest.approx(wanted)


def test_a_step_with_fewer_updates_does_not_shift_the_ones_after_it() -> None:
    learner = config(**FALLING["cosine"])
    few = [lr_factor(learner, STEPS, step=s, update=0, updates=1 + s % 3) for s in range(9, 41)]
    assert few == rates(learner, 1)[WARMUP:]


def test_wsd_falls_over_a_fifth_of_the_run_unless_told() -> None:
    assert wsd_decay_steps(config(schedule="wsd"), STEPS) == 8
    assert wsd_decay_steps(config(schedule="wsd"), 3) == 1
    found = rates(config(schedule="wsd"), 2)
    assert found.index(1.0) == WARMUP * 2 - 1
    assert max(i for i, rate in enumerate(found) if rate == 1.0) == (STEPS - 8) * 2


def test_a_fall_without_steps_is_refused() -> None:
    short = {"train": {"steps": 20}, "learner": {"schedule": "cosine", "warmup_steps": 20}}
    with pytest.raises(ValueError, match=r"learner\.schedule=cosine has 20 steps of warm-up"):
        RunConfig.model_validate(short)
    short["learner"] = {"schedule": "wsd", "warmup_steps": 5, "decay_steps": 16}
    with pytest.raises(ValueError, match="at least 16 to fall"):
        RunConfig.model_validate(short)
