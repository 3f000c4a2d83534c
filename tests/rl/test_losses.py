"""Losses without a counterpart in OpenRLHF are their papers' formulas, in value and gradient."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rl.config import LearnerConfig
from rl.learn.losses import Norm, is_by_token, kl_to_reference, make_loss

LOW, HIGH = 0.2, 0.28
Formula = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def make(seed: int, *, one_advantage: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logprobs, old ones around them, advantages and a mask with holes; each row has a token."""
    torch.manual_seed(seed)
    rows, width = 4, 7
    logprobs = -3 + 0.3 * torch.randn(rows, width, dtype=torch.double)
    old = logprobs + 0.3 * torch.randn(rows, width, dtype=torch.double)
    advantages = torch.randn(rows, 1 if one_advantage else width).expand(rows, width).double()
    mask = torch.rand(rows, width) < 0.6
    mask[:, 3] = True
    return logprobs.requires_grad_(), old, advantages, mask


def norm_of(mask: Tensor, *, by_token: bool, ranks: int = 1) -> Norm:
    tokens, rows = float(mask.sum()), float(len(mask))
    return Norm(by_token, ranks, tokens, rows, weights=torch.ones(len(mask), 1))


def cispo(logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor) -> Tensor:
    """arXiv:2506.13585, equations 4 and 5; the mean over all tokens."""
    total = torch.zeros((), dtype=torch.double)
    for i, j in mask.nonzero().tolist():
        ratio = (logprobs[i, j] - old[i, j]).exp().detach().clamp(1 - LOW, 1 + HIGH)
        total = total - ratio * advantages[i, j] * logprobs[i, j]
    return total / mask.sum()


def gspo(logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor) -> Tensor:
    """arXiv:2507.18071, equations 5 and 7: one ratio a sequence; the mean over sequences."""
    total = torch.zeros((), dtype=torch.double)
    for i in range(len(mask)):
        advantage = advantages[i, 0]
        ratio = (logprobs[i] - old[i])[mask[i]].mean().exp()
        total = total - torch.min(ratio * advantage, ratio.clamp(1 - LOW, 1 + HIGH) * advantage)
    return total / len(mask)


def gmpo(logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor) -> Tensor:
    """arXiv:2507.20673: the geometric mean of clipped ratios; the mean over sequences."""
    total = torch.zeros((), dtype=torch.double)
    for i in range(len(mask)):
        advantage = advantages[i, 0]
        sign = advantage.sign()
        logs = sign * (logprobs[i] - old[i])[mask[i]]
        bound = torch.min(logs, sign * (sign * logs).clamp(-LOW, HIGH))
        total = total - advantage * (sign * bound).mean().exp()
    return total / len(mask)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([cispo, gspo, gmpo]))
def test_value_and_gradient_are_the_papers(seed: int, formula: Formula) -> None:
    name = formula.__name__
    config = LearnerConfig.model_validate({"loss": name, "clip_low": LOW, "clip_high": HIGH})
    logprobs, old, advantages, mask = make(seed, one_advantage=name != "cispo")
    wanted = formula(logprobs, old, advantages, mask)
    (wanted_gradient,) = torch.autograd.grad(wanted, logprobs)
    norm = norm_of(mask, by_token=is_by_token(config))
    # Outside of the mask stands nothing that may be read.
    hidden = torch.where(mask, old, 1e9)
    found, clipped = make_loss(config)(
        logprobs, hidden, advantages, torch.ones_like(old), mask, norm
    )
    (gradient,) = torch.autograd.grad(found, logprobs)
    assert float(found.detach()) == pytest.approx(float(wanted.detach()), rel=1e-6)
    torch.testing.assert_close(gradient, wanted_gradient, atol=1e-7, rtol=1e-5)
    assert not clipped[~mask].any()
    assert not gradient[~mask].any()


@pytest.mark.parametrize("name", ["ppo", "gspo", "cispo", "gmpo"])
def test_a_token_with_weight_zero_has_no_gradient_and_the_others_keep_theirs(name: str) -> None:
    """Which is why rows' ratios carry each token's own gradient."""
    config = LearnerConfig.model_validate({"loss": name})
    logprobs, old, advantages, mask = make(1, one_advantage=True)
    loss, norm = make_loss(config), norm_of(mask, by_token=is_by_token(config))
    dropped = torch.zeros_like(mask)
    dropped[:, 3] = True
    found = []
    for weights in (torch.ones_like(old), (~dropped).double()):
        total, _ = loss(logprobs, old, advantages, weights, mask, norm)
        found.append(torch.autograd.grad(total, logprobs)[0])
    whole, rest = found
    assert whole[dropped].any() and not rest[dropped].any()
    torch.testing.assert_close(rest[~dropped], whole[~dropped])


@pytest.mark.parametrize("name", ["ppo", "gspo", "cispo", "gmpo"])
@pytest.mark.parametrize("aggregation", ["token-mean", "sequence-mean"])
@pytest.mark.parametrize("dual_clip", [None, 1.1])
def test_a_correction_is_a_factor_of_its_tokens_loss(
    name: str, aggregation: str, dual_clip: float | None
) -> None:
    settings = {"loss": name, "loss_aggregation": aggregation, "dual_clip": dual_clip}
    config = LearnerConfig.model_validate(settings)
    logprobs, old, advantages, mask = make(2, one_advantage=False)
    norm = norm_of(mask, by_token=is_by_token(config))
    weights = torch.rand(mask.shape, dtype=torch.double)
    whole, _ = make_loss(config)(logprobs, old, advantages, weights, mask, norm)
    parts = 0.0
    for token in mask.nonzero().tolist():
        alone = torch.zeros_like(weights)
        alone[*token] = 1.0
        part, _ = make_loss(config)(logprobs, old, advantages, alone, mask, norm)
        parts += float(weights[*token] * part.detach())
    assert float(whole.detach()) == pytest.approx(parts)


def test_ranks_undo_the_average_that_deepspeed_makes() -> None:
    values, mask = torch.rand(2, 3), torch.ones(2, 3, dtype=torch.bool)
    for by_token in (True, False):
        one = norm_of(mask, by_token=by_token)(values, mask)
        assert norm_of(mask, by_token=by_token, ranks=3)(values, mask) == pytest.approx(3 * one)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_the_gradient_of_the_kl_is_that_of_the_reverse_kl(estimator: str) -> None:
    """The estimate's mean over everything that can be sampled is the KL's exact gradient."""
    torch.manual_seed(0)
    logits, base, sampled = 0.4 * torch.randn(3, 5, dtype=torch.double)
    logits.requires_grad_()
    base, sampled = base.log_softmax(-1), (logits.detach() + sampled).log_softmax(-1)
    policy = logits.log_softmax(-1)
    exact = (policy.exp() * (policy - base)).sum()
    (wanted,) = torch.autograd.grad(exact, logits, retain_graph=True)
    estimates = kl_to_reference(policy, base, sampled, estimator)
    (found,) = torch.autograd.grad((sampled.exp() * estimates).sum(), logits)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    values = {"k1": policy - base, "k2": (policy - base) ** 2 / 2}
    values["k3"] = (base - policy).exp() - 1 - (base - policy)
    torch.testing.assert_close(
        estimates, values[estimator], atol=1e-6, rtol=1e-6, check_dtype=False
    )
