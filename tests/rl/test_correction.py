"""Corrections are their formulas, token by token, and no formula is moved by what was only read."""

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rl.config import CorrectionConfig
from rl.learn.correction import correct

KINDS = ["none", "tis", "icepop", "sequence", "dppo", "bypass"]
LOGPROB = st.floats(-6, -0.01)
Token = tuple[float, float, float, bool]
TOKENS = st.tuples(LOGPROB, LOGPROB, st.sampled_from([-1.5, -0.5, 0.0, 0.5]), st.booleans())
ROWS = st.lists(st.lists(TOKENS, min_size=1, max_size=6), min_size=1, max_size=4)
BOUNDS = st.fixed_dictionaries(
    {
        "cap": st.floats(1, 4),
        "low": st.floats(0, 0.99),
        "high": st.floats(1, 6),
        "threshold": st.floats(0.01, 0.9),
    }
)


def weight(config: CorrectionConfig, token: Token, row: Sequence[Token]) -> float:
    """The formula, written out."""
    learner, rollout, advantage, _ = token
    rho = math.exp(learner - rollout)
    match config.kind:
        case "tis":
            return min(rho, config.cap)
        case "icepop":
            return rho if config.low <= rho <= config.high else 0.0
        case "sequence":
            logs = [one - other for one, other, _, trained in row if trained]
            mean = math.exp(sum(logs) / len(logs))
            return rho if config.low <= mean <= config.high else 0.0
        case "dppo":
            moved = math.exp(learner) - math.exp(rollout)
            if (advantage > 0 and moved > config.threshold) or (
                advantage < 0 and moved < -config.threshold
            ):
                return 0.0
            return min(rho, config.cap)
    return 1.0


def tensors(rows: Sequence[Sequence[Token]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(rows, longest) learner, rollout, advantages, mask."""
    found = torch.zeros(4, len(rows), max(map(len, rows)))
    for i, row in enumerate(rows):
        found[:, i, : len(row)] = torch.tensor(row).T
    learner, rollout, advantages, mask = found
    return learner, rollout, advantages, mask > 0


def near(value: float, *bounds: float) -> bool:
    """So near to a bound that rounding decides on which side it is."""
    return any(abs(value - bound) < 1e-4 for bound in bounds)


@settings(max_examples=60, deadline=None)
@given(ROWS, BOUNDS)
def test_weights_are_the_formulas(rows: list[list[Token]], bounds: dict[str, float]) -> None:
    for kind in KINDS:
        config = CorrectionConfig.model_validate({"kind": kind} | bounds)
        learner, rollout, advantages, mask = tensors(rows)
        # What was only read is no number: it must not be looked at.
        rollout = torch.where(mask, rollout, float("nan"))
        found = correct(config, learner, rollout, advantages, mask)
        assert torch.isfinite(found.weights).all()
        assert not found.weights[~mask].any()
        for i, row in enumerate(rows):
            logs = [a - b for a, b, _, trained in row if trained]
            mean = math.exp(sum(logs) / max(len(logs), 1))
            for j, token in enumerate(row):
                rho, moved = math.exp(token[0] - token[1]), math.exp(token[0]) - math.exp(token[1])
                on_edge = near(rho, config.low, config.high) or near(mean, config.low, config.high)
                if not token[3] or on_edge or near(abs(moved), config.threshold):
                    continue
                wanted = weight(config, token, row)
                assert float(found.weights[i, j]) == pytest.approx(wanted, rel=1e-4)
                assert bool(found.masked[i, j]) is (wanted == 0)
                capped = kind in ("tis", "dppo") and wanted != 0 and rho > config.cap
                assert bool(found.capped[i, j]) is capped or near(rho, config.cap)


@settings(max_examples=30, deadline=None)
@given(ROWS, BOUNDS)
def test_agreement_gives_every_token_weight_one(
    rows: list[list[Token]], bounds: dict[str, float]
) -> None:
    for kind in KINDS:
        config = CorrectionConfig.model_validate({"kind": kind} | bounds)
        learner, _, advantages, mask = tensors(rows)
        found = correct(config, learner, learner.clone(), advantages, mask)
        assert torch.equal(found.weights, mask.float())
        assert not found.masked.any() and not found.capped.any()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_stay_finite_where_policies_have_nothing_in_common(kind: str) -> None:
    config = CorrectionConfig.model_validate({"kind": kind})
    learner, rollout = torch.tensor([[-1e4, 0.0, -1.0]]), torch.tensor([[0.0, -1e4, -1.0]])
    mask = torch.ones(1, 3, dtype=torch.bool)
    found = correct(config, learner, rollout, torch.ones(1, 3), mask)
    assert torch.isfinite(found.weights).all()
    assert found.weights[0, 2] == 1
