"""What a step reports: means over tokens by lag, over all ranks together."""

import pytest
import torch
from torch import Tensor

from rl.errors import NotFiniteError
from rl.learn.stats import TOKEN_SUMS, StepSums


def values(count: int, **known: list[float]) -> dict[str, Tensor]:
    found = {name: torch.zeros(count) for name in TOKEN_SUMS}
    for name in ("tokens", "compared", "weight", "weight_squared"):
        found[name] = torch.ones(count)
    return found | {name: torch.tensor(given) for name, given in known.items()}


def alone(flat: Tensor) -> Tensor:
    return flat


def test_means_are_over_tokens_and_by_lag() -> None:
    sums = StepSums(lags=4)
    sums.add(
        0.5,
        torch.tensor([0, 2, 2]),
        values(3, gap=[0.1, 5.0, 7.0], k3=[0.0, 1.0, 2.0], weight=[1.0, 2.0, 1.0],
               weight_squared=[1.0, 4.0, 1.0], masked=[0.0, 1.0, 0.0], clipped=[1.0, 0.0, 0.0]),
    )  # fmt: skip
    sums.add(0.25, torch.tensor([0]), values(1, gap=[0.3], weight=[1.0], weight_squared=[1.0]))
    sums.finish_update(2.0, 1e-3)
    row = sums.summary(alone, epochs=1)
    assert (row["loss"], row["grad_norm"], row["lr"], row["optimizer_steps"]) == (0.75, 2, 1e-3, 1)
    assert row["rollout_logprob_gap"] == pytest.approx(0.2)  # of fresh tokens alone
    assert (row["lag_mean"], row["lag_max"], row["tokens"]) == (1.0, 2, {"trained": 4})
    assert row["clip_fraction"] == 0.25
    correction = row["correction"]
    assert correction["k3"] == 0.75
    assert correction["ess"] == pytest.approx(5**2 / (4 * 7))
    assert correction["masked"] == 0.25
    assert list(correction["by_lag"]) == ["0", "2"]
    old = correction["by_lag"]["2"]
    assert (old["tokens"], old["k3"], old["masked"], old["clip_fraction"]) == (2, 1.5, 0.5, 0.0)
    assert (old["rollout_logprob_gap"], old["ess"]) == (6.0, pytest.approx(9 / 10))
    assert row["kl"] is None


def test_two_ranks_report_what_one_would() -> None:
    parts = [
        (torch.tensor([0, 1, 1]), values(3, entropy=[1.0, 2.0, 3.0], gap=[1.0, 2.0, 3.0])),
        (torch.tensor([2]), values(1, entropy=[6.0], gap=[4.0])),
    ]
    one, ranks = StepSums(3), [StepSums(3), StepSums(3)]
    for rank, (lags, given) in zip(ranks, parts, strict=True):
        for sums in (one, rank):
            sums.add(0.5, lags, given)
    for sums in (one, *ranks):
        sums.finish_update(1.0, 1e-3)
    flats: list[Tensor] = []

    def gather(flat: Tensor) -> Tensor:
        flats.append(flat)
        return flat

    for rank in ranks:
        rank.summary(gather, epochs=1)
    together = ranks[1].summary(lambda _: flats[0] + flats[1], epochs=1)
    assert together == one.summary(alone, epochs=1)


def test_epochs_do_not_count_tokens_twice() -> None:
    sums = StepSums(1)
    for _ in range(2):
        sums.add(1.0, torch.tensor([0, 0]), values(2))
        sums.finish_update(1.0, 1e-3)
    row = sums.summary(alone, epochs=2)
    assert (row["tokens"], row["loss"], row["optimizer_steps"]) == ({"trained": 2}, 1.0, 2)


def test_a_step_without_anything_to_train_on_has_no_means() -> None:
    row = StepSums(1).summary(alone, epochs=1)
    assert row["tokens"] == {"trained": 0} and row["optimizer_steps"] == 0
    for name in ("loss", "entropy", "grad_norm", "rollout_logprob_gap", "lag_mean", "lag_max"):
        assert row[name] is None


def test_a_gradient_that_is_no_number_stops_the_run() -> None:
    with pytest.raises(NotFiniteError, match=r"lower learner\.lr"):
        StepSums(1).finish_update(float("nan"), 1e-3)
