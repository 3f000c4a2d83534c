"""An update is the same whatever its cut into micro-batches and ranks, and is OpenRLHF's own."""

import dataclasses
import pickle
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from rl.config import RunConfig
from rl.errors import NotFiniteError
from rl.groups import Group
from rl.learn.actor import PolicyActor
from rl.learn.attention import isolate
from rl.learn.head import fit_head
from rl.learn.objective import Models
from rl.learn.openrlhf_parts import Actor, PolicyLoss, compute_approx_kl
from rl.learn.packing import Rows
from rl.learn.policy_gradient import PolicyGradient, Prepared, trained_tokens
from rl.learn.shares import Share, cut
from rl.learn.stepper import Stepper
from rl.tokens import Episode, TokenBatch
from tests.rl.learner_groups import VERSION, make_groups

AGGREGATIONS = ["token-mean", "sequence-mean", "constant"]
CORRECTIONS = ["none", "tis", "icepop", "sequence", "dppo", "bypass"]
MOST_TOKENS = 16
LAGS = 3
K3_LOSS = {"coef": 0.3, "estimator": "k3", "placement": "loss"}


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Iterator[None]:
    """One thread, and OpenRLHF's entropy kernel not compiled, as on any CPU host."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.compiler.set_stance("force_eager"):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def actor() -> PolicyActor:
    return PolicyActor(make_network(chunked=True), temperature=0.7, packing=True)


@pytest.fixture(scope="module")
def whole(actor: PolicyActor) -> Actor:
    """OpenRLHF's own, with whole logits, of the same weights."""
    network = make_network(chunked=False)
    for mine, theirs in zip(network.modules(), actor.model.modules(), strict=True):
        mine._parameters = theirs._parameters
    found = Actor(network, temperature=0.7)
    found.packing_samples = False
    return found


def make_network(*, chunked: bool) -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    network = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=23, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=1, head_dim=8,
        )
    )  # fmt: skip
    if chunked:
        fit_head(network, 5)
        isolate(network)
    return network


def make_config(
    aggregation: str = "token-mean", ranks: int = 1, budget: int = 10_000, **learner: Any
) -> RunConfig:
    settings = {"loss_aggregation": aggregation, "ranks": ranks, "micro_batch_tokens": budget}
    rollout = {"max_response_tokens": MOST_TOKENS}
    return RunConfig.model_validate({"learner": settings | learner, "rollout": rollout})


def make_shares(config: RunConfig, groups: Sequence[Group]) -> list[Share]:
    """One mini-batch, cut for the configuration's ranks."""
    learner = config.learner
    return cut(
        groups,
        ranks=learner.ranks,
        mini_batch_size=99,
        micro_batch_tokens=learner.micro_batch_tokens,
        seed="",
    )


def make_prepared(tokens: TokenBatch, **changes: Any) -> Prepared:
    """Values around the policy's, so that some ratios are clipped on either side.

    They are functions of a token's recorded logprob: the same however the batch was cut.
    """
    rollout = torch.tensor(tokens.logprobs)
    found = Prepared(
        rollout=rollout,
        lags=torch.from_numpy(np.maximum(VERSION - tokens.versions, 0).astype(np.int64)),
        advantages=2 * (777 * rollout).sin(),
        old=-3.1 + 0.5 * (1000 * rollout).sin(),
        reference=-3.1 + 0.5 * (1000 * rollout).cos(),
    )
    return dataclasses.replace(found, **changes)


def make_moved(tokens: TokenBatch, moved: float) -> Prepared:
    """`old` and the rollout's logprobs moved apart, so that every ratio is another."""
    found = make_prepared(tokens)
    assert found.old is not None
    return dataclasses.replace(found, old=found.old + moved, rollout=found.rollout - moved)


def update(
    actor: PolicyActor, config: RunConfig, share: Share, prepared: Prepared
) -> tuple[Mapping[str, Any], int]:
    """One rank's part of an update, the gradient added to the actor's; its statistics."""
    engine = Namespace(set_gradient_accumulation_boundary=lambda *, is_boundary: None)
    rates = Namespace(set=lambda *, step, update, updates: 1e-3)
    passes = []

    def backward(loss: Tensor, *_: object) -> None:
        passes.append(loss)
        loss.backward()

    policy: Any = Namespace(
        actor=actor,
        engine=engine,
        optimizer=None,
        scheduler=None,
        module=actor.model,
        rates=rates,
    )
    strategy: Any = Namespace(
        backward=backward, optimizer_step=lambda *_: None, get_grad_norm=lambda _: 1.0
    )
    stepper = Stepper(config.learner, strategy, policy, torch.device("cpu"))
    objective = PolicyGradient(config, reduce=lambda values: values)
    sums = stepper.update(share, objective, prepared, step=1, lags=LAGS)
    return sums.summary(lambda values: values, epochs=config.learner.epochs), len(passes)


def gradient(actor: PolicyActor) -> Tensor:
    flat = torch.cat([weight.grad.flatten() for weight in actor.parameters()])
    actor.zero_grad()
    return flat


def padded(share: Share, flat: Tensor | np.ndarray, *, left: int = 2) -> Tensor:
    """Values of a whole batch's tokens with padding on both sides of every row."""
    starts = share.tokens.starts
    width = int(np.diff(starts).max()) + left + 1
    flat = torch.as_tensor(flat)
    found = torch.zeros(share.tokens.rows, width, dtype=flat.dtype)
    for row in range(share.tokens.rows):
        own = flat[int(starts[row]) : int(starts[row + 1])]
        found[row, left : left + len(own)] = own
    return found


def openrlhf_loss(
    actor: Actor, config: RunConfig, share: Share, prepared: Prepared, **arguments: Any
) -> Tensor:
    """OpenRLHF's loss, called once on the whole batch."""
    learner = config.learner
    tokens = share.tokens
    mask = padded(share, tokens.mask)[:, 1:].float()
    attention = padded(share, np.ones(len(tokens.ids), np.int64))
    logprobs = actor(padded(share, tokens.ids).long(), mask, attention)
    old = logprobs.detach() if prepared.old is None else padded(share, prepared.old)[:, 1:] * mask
    rollout = padded(share, prepared.rollout)[:, 1:] * mask
    advantages = padded(share, prepared.advantages)[:, 1:] * mask
    aggregation = learner.loss_aggregation
    by_token = aggregation != "sequence-mean"
    loss: Tensor = PolicyLoss(
        learner.clip_low,
        learner.clip_high,
        dual_clip=learner.dual_clip,
        token_level_loss=by_token,
        **arguments,
    )(logprobs, old, advantages, action_mask=mask, rollout_log_probs=rollout)[0]
    if prepared.reference is not None and learner.kl.placement == "loss":
        reference = padded(share, prepared.reference)[:, 1:] * mask
        kl = mask * compute_approx_kl(
            logprobs, reference, old, kl_estimator=learner.kl.estimator, unbiased_gradient=True
        )
        penalty = kl.sum() / mask.sum() if by_token else (kl.sum(1) / mask.sum(1)).mean()
        loss = loss + learner.kl.coef * penalty
    if aggregation == "constant":
        loss = loss * mask.sum() / (tokens.rows * MOST_TOKENS)
    return loss


OPENRLHF_CORRECTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "none"}, {}),
    (
        {"kind": "tis", "cap": 1.2},
        {"is_correction_level": "token", "is_correction_mode": "clip",
         "is_correction_threshold": [0.0, 1.2]},
    ),
    (
        {"kind": "icepop", "low": 0.8, "high": 1.3},
        {"is_correction_level": "token", "is_correction_threshold": [0.8, 1.3]},
    ),
    (
        {"kind": "sequence", "low": 0.95, "high": 1.05},
        {"is_correction_level": "seq", "is_correction_threshold": [0.95, 1.05]},
    ),
]  # fmt: skip


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize(("correction", "arguments"), OPENRLHF_CORRECTIONS)
@pytest.mark.parametrize("learner", [{"clip_high": 0.28}, {"dual_clip": 1.1}])
def test_loss_and_gradient_are_openrlhfs(
    aggregation: str,
    correction: dict[str, Any],
    arguments: dict[str, Any],
    learner: dict[str, Any],
    actor: PolicyActor,
    whole: Actor,
) -> None:
    config = make_config(aggregation, budget=60, correction=correction, **learner)
    (share,) = make_shares(config, make_groups(1, rows=1))
    prepared = make_prepared(share.tokens, reference=None)
    wanted = openrlhf_loss(whole, config, share, prepared, **arguments)
    wanted.backward()
    wanted_gradient = gradient(actor)
    stats, _ = update(actor, config, share, prepared)
    torch.testing.assert_close(gradient(actor), wanted_gradient, atol=1e-6, rtol=1e-4)
    assert stats["loss"] == pytest.approx(wanted.item(), abs=1e-5)
    if correction["kind"] in ("icepop", "sequence"):
        assert 0 < stats["correction"]["masked"] < 1
    assert stats["clip_fraction"] > 0


@pytest.mark.parametrize("aggregation", AGGREGATIONS[:2])
@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_the_kl_term_is_openrlhfs_with_its_unbiased_gradient(
    aggregation: str, estimator: str, actor: PolicyActor, whole: Actor
) -> None:
    kl = {"coef": 0.3, "estimator": estimator, "placement": "loss"}
    config = make_config(aggregation, budget=60, correction={"kind": "none"}, kl=kl)
    (share,) = make_shares(config, make_groups(1, rows=1))
    prepared = make_prepared(share.tokens)
    openrlhf_loss(whole, config, share, prepared).backward()
    wanted = gradient(actor)
    stats, _ = update(actor, config, share, prepared)
    torch.testing.assert_close(gradient(actor), wanted, atol=1e-6, rtol=1e-4)
    assert stats["kl"] is not None


@pytest.mark.parametrize("kind", CORRECTIONS[1:])
def test_the_kl_terms_weight_is_from_the_policy_that_sampled(
    kind: str, actor: PolicyActor, whole: Actor
) -> None:
    """As if `old` were the rollout's, which is what OpenRLHF calls the same thing."""
    config = make_config(correction={"kind": kind}, kl=K3_LOSS)
    (share,) = make_shares(config, make_groups(1, rows=1))
    prepared = make_prepared(share.tokens)
    still = dataclasses.replace(prepared, advantages=0 * prepared.advantages)
    update(actor, config, share, still)
    found = gradient(actor)
    openrlhf_loss(whole, config, share, dataclasses.replace(still, old=still.rollout)).backward()
    torch.testing.assert_close(found, gradient(actor), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", ["none", "bypass"])
def test_gspo_is_openrlhfs_where_a_row_has_one_advantage(
    kind: str, actor: PolicyActor, whole: Actor
) -> None:
    """With `bypass` it is theirs with a correction, whose GSPO takes the rollout's logprobs."""
    config = make_config(loss="gspo", clip_low=0.05, clip_high=0.02, correction={"kind": kind})
    (share,) = make_shares(config, make_groups(1, rows=1))
    prepared = make_prepared(share.tokens, reference=None)
    rows = np.repeat(np.arange(share.tokens.rows), np.diff(share.tokens.starts))
    advantages = torch.from_numpy(np.sin(rows + 1.0).astype(np.float32))
    prepared = dataclasses.replace(prepared, advantages=advantages)
    if kind == "bypass":
        prepared = dataclasses.replace(prepared, old=prepared.rollout)
    sequence = make_config("sequence-mean", clip_low=0.05, clip_high=0.02)
    level = {"is_correction_level": "token" if kind == "bypass" else "off"}
    wanted = openrlhf_loss(whole, sequence, share, prepared, policy_loss_type="gspo", **level)
    wanted.backward()
    wanted_gradient = gradient(actor)
    stats, _ = update(actor, config, share, prepared)
    torch.testing.assert_close(gradient(actor), wanted_gradient, atol=1e-6, rtol=1e-4)
    assert stats["loss"] == pytest.approx(wanted.item(), abs=1e-5)
    assert 0 < stats["clip_fraction"] < 1


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(AGGREGATIONS),
    st.sampled_from(["ppo", "gspo", "cispo", "gmpo"]),
    st.sampled_from(CORRECTIONS),
    st.sampled_from([{}, {"kl": K3_LOSS, "entropy_coef": 0.5}]),
    st.integers(1, 4),
    st.integers(1, 120),
)
def test_an_update_does_not_depend_on_its_cut(
    actor: PolicyActor,
    seed: int,
    aggregation: str,
    loss: str,
    correction: str,
    terms: dict[str, Any],
    ranks: int,
    budget: int,
) -> None:
    """Episodes have several rows and turns; ranks and micro-batches different numbers of them."""
    groups = make_groups(seed)
    learner: dict[str, Any] = {
        "loss": loss,
        "correction": {"kind": correction, "high": 1.5},
        **terms,
    }
    whole_config = make_config(aggregation, **learner)
    (whole,) = make_shares(whole_config, groups)
    config = make_config(aggregation, ranks, budget, **learner)
    shares = make_shares(config, groups)
    # A ratio may lie on a bound, this side of it or that as rounding has it: moved, it does not.
    for moved in (0.0, 1e-3):
        prepared = make_moved(whole.tokens, moved)
        wanted_stats, _ = update(actor, whole_config, whole, prepared)
        wanted = gradient(actor)
        found = [update(actor, config, share, make_moved(share.tokens, moved)) for share in shares]
        # DeepSpeed averages the gradients of the ranks.
        averaged = gradient(actor) / ranks
        if torch.allclose(averaged, wanted, atol=3e-6, rtol=1e-3):
            break
    torch.testing.assert_close(averaged, wanted, atol=3e-6, rtol=1e-3)
    assert len({passes for _, passes in found}) == 1
    losses = sum(stats["loss"] for stats, _ in found)
    assert losses == pytest.approx(wanted_stats["loss"], abs=1e-5)
    trained = sum(stats["tokens"]["trained"] for stats, _ in found)
    assert trained == wanted_stats["tokens"]["trained"] == int(whole.tokens.mask.sum())


def test_a_rank_with_fewer_rows_goes_along_without_adding_anything(actor: PolicyActor) -> None:
    config = make_config(ranks=2, budget=1)
    (group,) = make_groups(6, [1], rows=1)
    busy, idle = make_shares(config, [group])
    assert idle.tokens.rows == 0
    prepared = make_prepared(idle.tokens)
    stats, passes = update(actor, config, idle, prepared)
    assert not gradient(actor).any()
    assert passes == len(busy.mini_batches[0].passes) == 1
    assert (stats["loss"], stats["entropy"], stats["tokens"]) == (0.0, None, {"trained": 0})


def test_an_episode_weighs_the_same_however_many_rows_it_has(actor: PolicyActor) -> None:
    """With sequence-mean two equal rows of one episode count as one of their tokens does."""
    config = make_config("sequence-mean")
    (group,) = make_groups(8, [1], rows=1)
    (one,) = make_shares(config, [group])
    (episode,) = group.episodes
    twice = dataclasses.replace(episode, trajectories=episode.trajectories * 2)
    (two,) = make_shares(config, [dataclasses.replace(group, episodes=(twice,))])
    assert (two.tokens.rows, two.mini_batches[0].episodes) == (2, 1)
    update(actor, config, one, make_prepared(one.tokens))
    wanted = gradient(actor)
    update(actor, config, two, make_prepared(two.tokens))
    torch.testing.assert_close(gradient(actor), wanted, atol=1e-6, rtol=1e-4)


def test_the_aggregations_weigh_long_answers_differently(actor: PolicyActor) -> None:
    gradients = []
    for aggregation in AGGREGATIONS:
        config = make_config(aggregation)
        (share,) = make_shares(config, make_groups(4))
        update(actor, config, share, make_prepared(share.tokens))
        gradients.append(gradient(actor))
    by_token, by_sequence, constant = gradients
    assert nn.functional.cosine_similarity(by_token, by_sequence, dim=0) < 0.999
    (mini_batch,) = share.mini_batches
    torch.testing.assert_close(
        constant * (mini_batch.episodes * MOST_TOKENS), by_token * mini_batch.tokens
    )


@torch.no_grad()
def current_logprobs(actor: PolicyActor, share: Share) -> Tensor:
    """(T,) logprobs of every token but the first of a row."""
    tokens = share.tokens
    asked = np.ones(len(tokens.ids), np.bool_)
    asked[tokens.starts[:-1]] = False
    found = torch.zeros(len(tokens.ids))
    rows = Rows(tokens.ids.astype(np.int64), np.diff(tokens.starts), asked)
    found[torch.from_numpy(asked)] = actor(rows).logprobs
    return found


@pytest.mark.parametrize(
    ("ratio", "advantage", "learner", "learns"),
    [
        (1.25, 1.0, {}, False),
        (1.25, 1.0, {"clip_high": 0.28}, True),
        (1.35, 1.0, {"clip_high": 0.28}, False),
        (1.25, -1.0, {}, True),
        (0.75, -1.0, {}, False),
        (0.75, -1.0, {"clip_high": 0.28}, False),
        (0.75, -1.0, {"clip_low": 0.3}, True),
        (0.75, 1.0, {}, True),
        (3.5, -1.0, {"dual_clip": 3.0}, False),
        (2.5, -1.0, {"dual_clip": 3.0}, True),
        (1.25, 1.0, {"loss": "gspo"}, False),
        (1.25, -1.0, {"loss": "gspo"}, True),
        (1.25, 1.0, {"loss": "gmpo"}, False),
        (0.75, -1.0, {"loss": "gmpo"}, False),
        (1.25, -1.0, {"loss": "gmpo"}, True),
    ],
)
def test_clipping_stops_what_has_gone_far_enough(
    ratio: float, advantage: float, learner: dict[str, Any], learns: bool, actor: PolicyActor
) -> None:
    """Clip-higher lets tokens grow further, and leaves the way down as it is."""
    config = make_config(correction={"kind": "none"}, **learner)
    (share,) = make_shares(config, make_groups(5))
    current = current_logprobs(actor, share)
    old = current - torch.tensor(ratio).log()
    pushes = torch.full_like(current, advantage)
    prepared = make_prepared(share.tokens, old=old, advantages=pushes)
    stats, _ = update(actor, config, share, prepared)
    assert (float(gradient(actor).abs().max()) > 1e-6) is learns
    assert stats["clip_fraction"] == pytest.approx(0.0 if learns else 1.0)
    assert stats["policy_kl"] == pytest.approx(-float(torch.tensor(ratio).log()), abs=1e-5)


@pytest.mark.parametrize("kind", CORRECTIONS)
def test_without_old_logprobs_the_first_step_is_on_policy(kind: str, actor: PolicyActor) -> None:
    """A single-step update saves a forward pass; ratio and rho are those of the pass it makes."""
    config = make_config(correction={"kind": kind})
    (share,) = make_shares(config, make_groups(4))
    prepared = make_prepared(share.tokens, old=None)
    update(actor, config, share, prepared)
    short = gradient(actor)
    update(actor, config, share, make_prepared(share.tokens, old=current_logprobs(actor, share)))
    torch.testing.assert_close(short, gradient(actor), atol=1e-6, rtol=1e-4)


class ForwardError(Exception):
    """A forward pass was made that none needed."""


def refuse() -> Tensor:
    raise ForwardError


@pytest.mark.parametrize(
    ("learner", "mini_batch_size", "passes"),
    [
        ({}, 99, False),
        ({}, 4, True),
        ({"epochs": 2}, 99, True),
        ({"epochs": 2, "correction": {"kind": "bypass"}}, 4, False),
        ({"kl": {"coef": 0.1}}, 99, True),
        ({"kl": {"coef": 0.1}, "correction": {"kind": "bypass"}}, 99, False),
        ({"kl": K3_LOSS}, 99, False),
    ],
)
def test_a_forward_pass_before_the_update_is_made_only_where_one_is_needed(
    learner: dict[str, Any], mini_batch_size: int, passes: bool
) -> None:
    config = make_config(**learner)
    (share,) = cut(
        make_groups(4), ranks=1, mini_batch_size=mini_batch_size, micro_batch_tokens=99, seed=""
    )
    base = torch.zeros(len(share.tokens.ids))
    models = Models(policy=refuse, reference=(lambda: base) if "kl" in learner else None)
    objective = PolicyGradient(config, reduce=lambda values: values)
    if passes:
        with pytest.raises(ForwardError):
            objective.prepare(share, models, version=VERSION)
        return
    prepared = objective.prepare(share, models, version=VERSION)
    bypass = config.learner.correction.kind == "bypass"
    assert (prepared.old is not None) is bypass
    if prepared.old is not None:
        assert torch.equal(prepared.old, torch.tensor(share.tokens.logprobs))


def prepare(config: RunConfig, share: Share, old: Tensor) -> Prepared:
    objective = PolicyGradient(config, reduce=lambda values: values)
    reference = old - 0.1 if config.learner.kl.coef else None
    models = Models(lambda: old, None if reference is None else lambda: reference)
    return objective.prepare(share, models, version=VERSION)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(CORRECTIONS),
    st.sampled_from(
        [{}, {"epochs": 2, "kl": {"coef": 0.1}}, {"loss": "gmpo"}, {"loss": "gspo", "kl": K3_LOSS}]
    ),
)
def test_what_was_only_read_has_no_logprob_that_matters(
    actor: PolicyActor, seed: int, kind: str, learner: dict[str, Any]
) -> None:
    """Observations' logprobs become nan, and nothing changes."""
    config = make_config(budget=60, correction={"kind": kind}, **learner)
    (share,) = make_shares(config, make_groups(seed))
    unread = np.where(share.tokens.mask, share.tokens.logprobs, np.float32("nan"))
    assert np.isnan(unread).any()
    masked = dataclasses.replace(share, tokens=dataclasses.replace(share.tokens, logprobs=unread))
    old = current_logprobs(actor, share)
    found = []
    for one in (share, masked):
        stats, _ = update(actor, config, one, prepare(config, one, old))
        found.append((stats, gradient(actor)))
    (stats, wanted), (other, got) = found
    assert torch.equal(wanted, got)
    assert stats == other
    assert torch.isfinite(wanted).all()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["ppo", "gspo", "cispo", "gmpo"]), st.integers(1, 2))
def test_where_learner_and_rollout_agree_no_correction_changes_anything(
    actor: PolicyActor, seed: int, loss: str, epochs: int
) -> None:
    """Every kind has the gradient and the loss of `none`, whatever the number of steps."""
    (share,) = make_shares(make_config(), make_groups(seed))
    logprobs = current_logprobs(actor, share)
    share = sampled_with(share, logprobs)
    found = {}
    for kind in CORRECTIONS:
        config = make_config(epochs=epochs, loss=loss, correction={"kind": kind})
        stats, _ = update(actor, config, share, prepare(config, share, logprobs))
        found[kind] = gradient(actor)
        assert stats["correction"]["ess"] == pytest.approx(1)
        assert stats["correction"]["k3"] == pytest.approx(0, abs=1e-6)
        assert stats["correction"]["masked"] == stats["correction"]["capped"] == 0
        assert stats["rollout_logprob_gap"] in (None, pytest.approx(0, abs=1e-5))
    for kind in CORRECTIONS:
        torch.testing.assert_close(found[kind], found["none"], atol=1e-6, rtol=1e-4)


def sampled_with(share: Share, logprobs: Tensor) -> Share:
    """As if its tokens had been sampled with these (T,) logprobs."""
    recorded = np.where(share.tokens.mask, logprobs.numpy(), 0).astype(np.float32)
    return dataclasses.replace(share, tokens=dataclasses.replace(share.tokens, logprobs=recorded))


def test_a_small_mismatch_leaves_tis_at_none_up_to_its_size(actor: PolicyActor) -> None:
    """At lag 0 with one step, tis differs from none by the engine's own mismatch alone."""
    (share,) = make_shares(make_config(), make_groups(4))
    noise = 1e-3 * torch.arange(len(share.tokens.ids)).sin()
    share = sampled_with(share, current_logprobs(actor, share) + noise)
    found = []
    for kind in ("none", "tis"):
        config = make_config(correction={"kind": kind})
        update(actor, config, share, prepare(config, share, torch.zeros(0)))
        found.append(gradient(actor))
    assert 0 < float((found[0] - found[1]).norm() / found[0].norm()) < 5e-3


def turn_returns(episode: Episode) -> list[float]:
    """What its turns earned by themselves, from each of them on."""
    earned = [s.reward for t in episode.trajectories for s in t.segments if s.logprobs is not None]
    return [sum(earned[turn:]) for turn in range(len(earned))]


def test_rewards_reach_all_rows_of_an_episode_and_turns_their_own_tokens() -> None:
    """Written out: returns over the sampled tokens of all rows, in their order.

    The episode's reward is compared with its group's, and a turn's return with those of the
    group's episodes that had such a turn, on whatever rank they are.
    """
    groups = make_groups(9, rows=3)
    config = make_config(estimator="dr_grpo")
    for share in make_shares(make_config(ranks=2, estimator="dr_grpo"), groups):
        prepared = prepare(config, share, torch.zeros(len(share.tokens.ids)))
        assert not prepared.advantages[~share.tokens.mask].any()
        for member, places in zip(*trained_tokens(share), strict=True):
            index, place = share.members[member].tolist()
            group = next(group for group in groups if group.index == index)
            rewards = [group.verdicts[i].reward for i in group.gradable]
            own = group.verdicts[place].reward - sum(rewards) / len(rewards)
            segments = [s for t in group.episodes[place].trajectories for s in t.segments]
            lengths = [len(segment.ids) for segment in segments if segment.logprobs is not None]
            turns = turn_returns(group.episodes[place])
            others = [turn_returns(group.episodes[i]) for i in group.gradable]
            wanted: list[float] = []
            for turn, length in enumerate(lengths):
                alike = [one[turn] for one in others if len(one) > turn]
                wanted += [own + turns[turn] - sum(alike) / len(alike)] * length
            assert prepared.advantages[places].tolist() == pytest.approx(wanted, abs=1e-5)


def test_a_truncated_answer_is_masked_and_still_in_the_baseline(actor: PolicyActor) -> None:
    groups = make_groups(12, [4, 4])
    config = make_config(estimator="dr_grpo")
    arguments = {"ranks": 1, "mini_batch_size": 99, "micro_batch_tokens": 99, "seed": ""}
    (plain,) = cut(groups, **arguments)  # type: ignore[arg-type]
    (masked,) = cut(groups, **arguments, mask_truncated=True)  # type: ignore[arg-type]
    episodes = {(g.index, i): e for g in groups for i, e in enumerate(g.episodes)}
    found = []
    for share in (plain, masked):
        prepared = prepare(config, share, torch.zeros(0))
        found.append({
            tuple(share.members[member].tolist()): prepared.advantages[places]
            for member, places in zip(*trained_tokens(share), strict=True)
        })  # fmt: skip
    whole, rest = found
    assert 0 < len(rest) < len(whole)
    for member, values in whole.items():
        assert (member in rest) is (episodes[member].end != "length")
        if member in rest:
            torch.testing.assert_close(rest[member], values)
    assert len(masked.rewards) == len(plain.rewards)


@pytest.mark.parametrize("poisoned", range(3))
@pytest.mark.parametrize("correction", ["none", "tis", "sequence"])
def test_a_poisoned_sample_stops_the_update_and_names_its_forward_pass(
    actor: PolicyActor, correction: str, poisoned: int
) -> None:
    config = make_config(budget=60, correction={"kind": correction})
    (share,) = make_shares(config, make_groups(poisoned))
    prepared = make_prepared(share.tokens)
    row = 5 * poisoned
    trained = share.tokens.mask.nonzero()[0]
    (first, *_) = trained[trained >= share.tokens.starts[row]]
    prepared.advantages[first] = float("nan")
    with pytest.raises(NotFiniteError, match=r"lower learner\.lr") as caught:
        update(actor, config, share, prepared)
    actor.zero_grad()
    passes = [rows for mini_batch in share.mini_batches for rows in mini_batch.passes]
    (within,) = [rows for rows in passes if row in rows]
    wanted = {int(share.groups[share.episodes[other]]) for other in within}
    assert set(caught.value.groups) == wanted
    assert len(wanted) < len(set(share.groups.tolist())), "not every prompt of the batch"
    sent = pickle.loads(pickle.dumps(caught.value))  # as from a rank to the driver
    assert (str(sent), sent.groups) == (str(caught.value), caught.value.groups)
