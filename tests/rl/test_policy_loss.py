"""An update is the same whatever its cut into micro-batches and ranks, and is OpenRLHF's own."""

from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

from rl.config import RunConfig
from rl.hardware import Hardware
from rl.learn.batching import TrainBatch, share
from rl.learn.openrlhf_parts import Actor, PolicyLoss, compute_approx_kl
from rl.learn.stats import StepStats
from rl.learner import Learner, Prepared

AGGREGATIONS = ["token-mean", "sequence-mean", "constant"]
MOST_TOKENS = 16
SAMPLES = 11


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def actor() -> Actor:
    torch.manual_seed(0)
    network = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=23, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=1, head_dim=8,
        )
    )  # fmt: skip
    found = Actor(network, temperature=0.7)
    found.packing_samples = False
    return found


def make_batch() -> TrainBatch:
    torch.manual_seed(1)
    prompts = torch.randint(1, 9, (SAMPLES,)).tolist()
    answers = torch.randint(1, MOST_TOKENS, (SAMPLES,)).tolist()
    return TrainBatch(
        [torch.randint(0, 23, (count,)).tolist() for count in prompts],
        [torch.randint(0, 23, (count,)).tolist() for count in answers],
        [[-1.0] * count for count in answers],
        [0.0] * SAMPLES,
        list(range(SAMPLES)),
        [True] * SAMPLES,
    )


def make_prepared(batch: TrainBatch) -> Prepared:
    """Old logprobs around the policy's, so that some ratios are clipped on either side."""
    torch.manual_seed(2)
    sizes = [len(answer) for answer in batch.response_ids]
    near = {i: -3.1 + 0.5 * torch.randn(size) for i, size in enumerate(sizes)}
    base = {i: -3.1 + 0.5 * torch.randn(size) for i, size in enumerate(sizes)}
    return Prepared(near, base, {i: torch.randn(size) for i, size in enumerate(sizes)})


def make_config(
    aggregation: str, ranks: int = 1, budget: int = 10_000, **learner: Any
) -> RunConfig:
    settings = {"loss_aggregation": aggregation, "ranks": ranks, "micro_batch_tokens": budget}
    rollout = {"max_response_tokens": MOST_TOKENS}
    return RunConfig.model_validate({"learner": settings | learner, "rollout": rollout})


def update(
    actor: Actor, config: RunConfig, rank: int, batch: TrainBatch, prepared: Prepared
) -> tuple[Mapping[str, float | None], int]:
    """One rank's part of a learner's update, the gradient added to the actor's; its statistics."""
    learner = Learner(config, Hardware("cpu", 1), rank)
    engine = Namespace(
        set_gradient_accumulation_boundary=lambda *, is_boundary: None, get_lr=lambda: [1e-3]
    )
    passes = []

    def backward(loss: Tensor, *_: object) -> None:
        passes.append(loss)
        loss.backward()

    parts: dict[str, Any] = {
        "_policy": Namespace(actor=actor, engine=engine, optimizer=None, scheduler=None),
        "_strategy": Namespace(
            backward=backward, optimizer_step=lambda *_: None, get_grad_norm=lambda _: 1.0
        ),
        "_device": torch.device("cpu"),
        "_loss": PolicyLoss(
            clip_eps_low=config.learner.clip_low,
            clip_eps_high=config.learner.clip_high,
            token_level_loss=config.learner.loss_aggregation != "sequence-mean",
        ),
    }
    vars(learner).update(parts)
    cut = list(range(len(batch)))
    lengths = [batch.tokens(sample) for sample in cut]
    part = share(cut, lengths, rank, config.learner.ranks)
    stats = StepStats()
    learner._update(batch, cut, part, lengths, prepared, stats)
    return stats.summary(lambda values: values), len(passes)


def gradient(actor: Actor) -> Tensor:
    flat = torch.cat([weight.grad.flatten() for weight in actor.parameters()])
    actor.zero_grad()
    return flat


def expected(actor: Actor, config: RunConfig, batch: TrainBatch, prepared: Prepared) -> Tensor:
    """OpenRLHF's loss, called once on the whole batch, padded on both sides."""
    width = max(map(len, batch.prompt_ids)) + max(map(len, batch.response_ids))
    rows = len(batch)
    sequences, attention = torch.zeros(2, rows, width, dtype=torch.long)
    mask = torch.zeros(rows, width - 1)
    old, base, advantages = torch.zeros(3, rows, width - 1)
    for i in range(rows):
        start = max(map(len, batch.prompt_ids)) - len(batch.prompt_ids[i])
        first, end = max(map(len, batch.prompt_ids)), start + batch.tokens(i)
        sequences[i, start:end] = torch.tensor(batch.prompt_ids[i] + batch.response_ids[i])
        attention[i, start:end] = 1
        mask[i, first - 1 : end - 1] = 1
        old[i, first - 1 : end - 1] = prepared.old_logprobs[i]
        base[i, first - 1 : end - 1] = prepared.reference_logprobs[i]
        advantages[i, first - 1 : end - 1] = prepared.advantages[i]
    logprobs = actor(sequences, mask, attention)
    aggregation = config.learner.loss_aggregation
    loss: Tensor = PolicyLoss(
        config.learner.clip_low,
        config.learner.clip_high,
        token_level_loss=aggregation != "sequence-mean",
    )(logprobs, old, advantages, action_mask=mask)[0]
    kl = compute_approx_kl(logprobs, base, kl_estimator=config.learner.kl.estimator) * mask
    if aggregation == "sequence-mean":
        penalty = (kl.sum(1) / mask.sum(1)).mean()
    else:
        penalty = kl.sum() / mask.sum()
    if config.learner.kl.placement == "loss":
        loss = loss + config.learner.kl.coef * penalty
    if aggregation == "constant":
        loss = loss * mask.sum() / (rows * MOST_TOKENS)
    return loss


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize(("ranks", "budget"), [(1, 10_000), (1, 1), (1, 40), (2, 40), (3, 60)])
@pytest.mark.parametrize("kl", [{}, {"coef": 0.3, "estimator": "k3", "placement": "loss"}])
def test_an_update_does_not_depend_on_its_cut(
    aggregation: str,
    ranks: int,
    budget: int,
    kl: dict[str, Any],
    actor: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = make_batch()
    prepared = make_prepared(batch)
    config = make_config(aggregation, ranks, budget, kl=kl)
    whole = expected(actor, config, batch, prepared)
    whole.backward()
    whole_gradient = gradient(actor)

    # Another rank has 9 micro-batches: this one must go along without adding to the gradient.
    monkeypatch.setattr("torch.distributed.all_reduce", lambda value, op: value.fill_(9))
    found = [update(actor, config, rank, batch, prepared) for rank in range(ranks)]
    # DeepSpeed averages the gradients of the ranks.
    torch.testing.assert_close(gradient(actor) / ranks, whole_gradient, atol=1e-5, rtol=1e-4)
    assert ranks == 1 or [passes for _, passes in found] == [9] * ranks
    if not kl:
        losses = [stats["loss"] for stats, _ in found]
        assert sum(loss for loss in losses if loss) == pytest.approx(whole.item(), abs=1e-5)


def test_the_aggregations_weigh_long_answers_differently(actor: Actor) -> None:
    batch = make_batch()
    prepared = make_prepared(batch)
    gradients = []
    for aggregation in AGGREGATIONS:
        update(actor, make_config(aggregation), 0, batch, prepared)
        gradients.append(gradient(actor))
    by_token, by_sequence, constant = gradients
    assert nn.functional.cosine_similarity(by_token, by_sequence, dim=0) < 0.999
    tokens = sum(len(answer) for answer in batch.response_ids)
    torch.testing.assert_close(constant * (SAMPLES * MOST_TOKENS), by_token * tokens)


@pytest.mark.parametrize(
    ("ratio", "advantage", "settings", "learns"),
    [
        (1.25, 1.0, {}, False),
        (1.25, 1.0, {"clip_high": 0.28}, True),
        (1.35, 1.0, {"clip_high": 0.28}, False),
        (1.25, -1.0, {}, True),
        (0.75, -1.0, {}, False),
        (0.75, -1.0, {"clip_high": 0.28}, False),
        (0.75, -1.0, {"clip_low": 0.3}, True),
        (0.75, 1.0, {}, True),
    ],
)
def test_clipping_stops_what_has_gone_far_enough(
    ratio: float, advantage: float, settings: dict[str, Any], learns: bool, actor: Actor
) -> None:
    """Clip-higher lets tokens grow further, and leaves the way down as it is."""
    batch = make_batch()
    config = make_config("token-mean", **settings)
    learner_inputs = make_prepared(batch)
    current = current_logprobs(actor, batch)
    old = {i: values - torch.tensor(ratio).log() for i, values in current.items()}
    pushes = {i: torch.full_like(values, advantage) for i, values in current.items()}
    stats, _ = update(
        actor, config, 0, batch, Prepared(old, learner_inputs.reference_logprobs, pushes)
    )
    assert (float(gradient(actor).abs().max()) > 1e-6) is learns
    assert stats["clip_fraction"] == pytest.approx(0.0 if learns else 1.0)
    assert stats["policy_kl"] == pytest.approx(-float(torch.tensor(ratio).log()), abs=1e-5)


@torch.no_grad()
def current_logprobs(actor: Actor, batch: TrainBatch) -> dict[int, Tensor]:
    found = {}
    for i in range(len(batch)):
        tokens = torch.tensor([batch.prompt_ids[i] + batch.response_ids[i]])
        mask = torch.ones(1, tokens.shape[1] - 1)
        logprobs = actor(tokens, mask, torch.ones_like(tokens))
        found[i] = logprobs[0, len(batch.prompt_ids[i]) - 1 :]
    return found


def test_without_old_logprobs_the_first_step_is_on_policy(actor: Actor) -> None:
    """A single-step update saves a forward pass; its gradient is that of ratio 1."""
    batch = make_batch()
    prepared = make_prepared(batch)
    update(actor, make_config("token-mean"), 0, batch, Prepared({}, {}, prepared.advantages))
    short = gradient(actor)
    current = Prepared(current_logprobs(actor, batch), {}, prepared.advantages)
    update(actor, make_config("token-mean"), 0, batch, current)
    torch.testing.assert_close(short, gradient(actor), atol=1e-6, rtol=1e-4)
