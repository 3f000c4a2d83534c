"""Samples of a pack do not see each other: all is as with padding, and as with each by itself."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rl.errors import ModelError
from rl.learn.attention import isolate, packed_attention, resolve
from rl.learn.packing import WASTE, Rows, lay_out_packed, lay_out_padded, plan_blocks
from tests.rl.policy_networks import make_actor, make_network, make_rows

CPU = torch.device("cpu")
LENGTHS = [12, 3, 9, 1, 30, 11, 2]
lengths_lists = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def learn(actor: Any, rows: Rows) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Logprobs and entropies, and every weight's gradient."""
    actor.zero_grad()
    scores = actor(rows, entropy_gradient=True)
    (scores.logprobs.sin().sum() + scores.entropy.sum()).backward()
    grads = {name: weight.grad.clone() for name, weight in actor.model.named_parameters()}
    return scores.logprobs.detach(), scores.entropy.detach(), grads


@pytest.mark.parametrize(
    ("family", "attention"),
    [
        ("Qwen3", "sdpa"),
        ("Qwen3", "eager"),
        ("Mistral", "sdpa"),  # a sliding window of 5
        ("Mistral", "eager"),
        ("Gemma3", "sdpa"),  # windows in some of its layers
        ("Qwen3Moe", "sdpa"),
    ],
)
def test_packed_samples_do_not_see_each_other(family: str, attention: str) -> None:
    rows = make_rows(LENGTHS)
    packed = learn(make_actor(make_network(family, attention)), rows)
    padded = learn(make_actor(make_network(family, attention), packing=False), rows)
    alone = make_actor(make_network(family, attention))
    ends = np.cumsum(rows.lengths)
    parts = [
        Rows(rows.ids[end - length : end], np.array([length]), rows.trained[end - length : end])
        for length, end in zip(rows.lengths, ends, strict=True)
    ]
    with torch.no_grad():
        each = torch.cat([alone(part).logprobs for part in parts])
    torch.testing.assert_close(packed[0], each, atol=1e-5, rtol=1e-5)
    for one, other in zip(packed[:2], padded[:2], strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    for name, gradient in padded[2].items():
        torch.testing.assert_close(packed[2][name], gradient, atol=3e-5, rtol=1e-4, msg=name)


def test_gradients_of_a_pack_are_the_same_when_it_is_recomputed() -> None:
    rows = make_rows(LENGTHS)
    plain = learn(make_actor(make_network("Qwen3")), rows)
    actor = make_actor(make_network("Qwen3"))
    actor.gradient_checkpointing_enable()
    again = learn(actor, rows)
    assert torch.equal(plain[0], again[0])
    for name, gradient in plain[2].items():
        torch.testing.assert_close(again[2][name], gradient, msg=name)


@settings(max_examples=60, deadline=None)
@given(lengths_lists, st.integers(1, 5))
def test_every_rank_has_its_slice_and_what_is_asked_of_it(lengths: list[int], ranks: int) -> None:
    rows = make_rows(lengths)
    laid = [lay_out_packed(rows, share=i, ranks=ranks, device=CPU) for i in range(ranks)]
    assert len({part.ids.shape for part in laid}) == 1
    ids = torch.cat([part.ids[0] for part in laid])
    positions = torch.cat([part.positions[0] for part in laid])
    assert len(ids) % ranks == 0 and len(ids) < len(rows.ids) + ranks
    assert ids[: len(rows.ids)].tolist() == rows.ids.tolist()
    wanted = [i for length in laid[0].lengths for i in range(length)]
    assert positions.tolist() == wanted
    labels = torch.cat([part.labels for part in laid])
    assert labels.tolist() == rows.ids[rows.trained].tolist()
    assert all(part.counts == laid[0].counts for part in laid)
    for part, count in zip(laid, laid[0].counts, strict=True):
        assert len(part.places) == len(part.labels) == count
    width = len(ids) // ranks
    places = torch.cat([part.places + i * width for i, part in enumerate(laid)])
    assert (places + 1).tolist() == np.flatnonzero(rows.trained).tolist()


@given(lengths_lists)
def test_padding_holds_the_same(lengths: list[int]) -> None:
    rows = make_rows(lengths)
    laid = lay_out_padded(rows, device=CPU)
    assert laid.attention_mask is not None
    assert laid.attention_mask.sum(1).tolist() == lengths
    assert laid.ids[laid.attention_mask.bool()].tolist() == rows.ids.tolist()
    assert laid.ids.flatten()[laid.places + 1].tolist() == laid.labels.tolist()
    assert laid.labels.tolist() == rows.ids[rows.trained].tolist()


@given(lengths_lists)
def test_blocks_hold_every_token_once_and_little_else(lengths: list[int]) -> None:
    blocks = plan_blocks(np.array(lengths, np.int64), CPU)
    tokens = sum(lengths)
    assert blocks.token[blocks.filled].sort().values.tolist() == list(range(tokens))
    assert torch.equal(blocks.token[blocks.position], torch.arange(tokens))
    assert len(blocks.token) <= WASTE * tokens + 1e-9
    assert sum(rows * width for rows, width in blocks.shapes) == len(blocks.token)
    assert blocks.is_whole is (len(lengths) == 1)


def test_attention_costs_the_sum_of_squares() -> None:
    """64 samples of 100 tokens: 640,000 products instead of 41 million."""
    blocks = plan_blocks(np.array([100] * 64, np.int64), CPU)
    assert sum(rows * width**2 for rows, width in blocks.shapes) == 64 * 100**2


def test_a_row_that_begins_with_a_sampled_token_is_an_error() -> None:
    rows = Rows(np.arange(5), np.array([3, 2]), np.array([False, True, True, True, False]))
    for lay_out in (
        lambda: lay_out_packed(rows, share=0, ranks=1, device=CPU),
        lambda: lay_out_padded(rows, device=CPU),
    ):
        with pytest.raises(ValueError, match="nothing says what it follows"):
            lay_out()


@pytest.mark.parametrize(
    ("layers", "stateful", "says"),
    [
        (["full_attention", "linear_attention"], False, "linear_attention"),
        (["chunked_attention", "full_attention"], False, "chunked_attention"),
        (["full_attention"] * 2, True, "keeps a state"),
    ],
)
def test_networks_in_which_samples_would_meet_are_refused(
    layers: list[str], stateful: bool, says: str
) -> None:
    network = make_network("Qwen3")
    network.config.layer_types = layers
    network._is_stateful = stateful
    with pytest.raises(ModelError, match=rf"{says}.*learner\.packing=false"):
        isolate(network)


def test_a_network_with_attention_of_its_own_is_refused() -> None:
    network = make_network("Qwen3")
    network.set_attn_implementation = lambda _: None
    with pytest.raises(ModelError, match=r"of its own.*learner\.packing=false"):
        isolate(network)


def test_attention_that_is_not_told_of_the_pack_or_asks_for_more_is_an_error() -> None:
    q, k = torch.randn(1, 4, 6, 8), torch.randn(1, 2, 6, 8)
    blocks = plan_blocks(np.array([4, 2], np.int64), CPU)
    with pytest.raises(ModelError, match=r"learner\.packing=false"):
        packed_attention(torch.nn.Identity(), q, k, k, None)
    with pytest.raises(ModelError, match="softcap"):
        packed_attention(torch.nn.Identity(), q, k, k, None, blocks=blocks, softcap=30.0)


def test_attention_resolves_to_what_is_there() -> None:
    assert resolve("eager") == "eager"
    assert resolve("auto") in ("sdpa", "flash_attention_2")
