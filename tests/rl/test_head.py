"""The chunked head gives what whole logits would, in value and gradient, and never has them."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rl.errors import ModelError
from rl.learn.actor import head_of, prompt_logprobs
from rl.learn.head import ChunkedHead, Scores, Wanted, fit_head
from tests.rl.policy_networks import VOCABULARY, make_actor, make_network, make_rows
from tests.rl.whole_logits import WholeLogits

QWEN3 = Path(__file__).parents[3] / "shared/tokenizers/qwen3"


@pytest.fixture(scope="module", autouse=True)
def quickly() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_head(width: int, vocabulary: int, dtype: torch.dtype, *, bias: bool) -> nn.Linear:
    torch.manual_seed(1)
    head = nn.Linear(width, vocabulary, bias=bias, dtype=dtype)
    nn.init.normal_(head.weight, std=0.5)
    return head


def chunked(head: nn.Linear, hidden: Tensor, wanted: Wanted, rows: int) -> Scores:
    head.__class__ = ChunkedHead
    assert isinstance(head, ChunkedHead)
    head.rows = rows
    with head.asked(wanted):
        found = head(hidden)
    head.__class__ = nn.Linear  # type: ignore[assignment]
    return Scores(*found["scores"])


def whole(head: nn.Linear, hidden: Tensor, wanted: Wanted) -> Scores:
    logits = head(hidden).flatten(0, -2)[wanted.places]
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32)) / wanted.temperature
    logs = logits.log_softmax(-1)
    return Scores(logs.gather(1, wanted.labels[:, None])[:, 0], -(logs.exp() * logs).sum(-1))


def gradients(scores: Scores, of: list[Tensor], *, entropy: bool) -> list[Tensor]:
    count = torch.arange(len(scores.logprobs)) + 1.0
    total = (count.sin() * scores.logprobs).sum()
    if entropy:
        total = total + (count.cos() * scores.entropy).sum()
    return list(torch.autograd.grad(total, of))


def truth(head: nn.Linear, hidden: Tensor, wanted: Wanted) -> tuple[Scores, list[Tensor]]:
    """Values and gradients in float64: sums in float32 differ from one processor to another."""
    double, exact = deepcopy(head).double(), hidden.detach().double().requires_grad_()
    scores = whole(double, exact, wanted)
    given = [exact, *double.parameters()]
    return scores, gradients(scores, given, entropy=wanted.entropy_gradient)


def assert_as_exact(
    found: Iterable[Tensor], usual: Iterable[Tensor], right: Iterable[Tensor], slack: float
) -> None:
    """Fail where tensors are further from the truth than the usual ones, twice and a little."""
    for one, other, true in zip(found, usual, right, strict=True):
        scale = true.abs().max().item() or 1.0
        error, common = ((it - true).abs().max().item() / scale for it in (one, other))
        assert error <= 2 * common + slack


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 50),
    st.sampled_from([0.3, 1.0, 1.7]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_values_and_gradients_are_those_of_whole_logits(
    tokens: int, rows: int, temperature: float, bias: bool, entropy: bool, dtype: torch.dtype
) -> None:
    head = make_head(8, 61, dtype, bias=bias)
    hidden = torch.randn(2, 30, 8).to(dtype).requires_grad_()
    labels = torch.randint(61, (tokens,))
    wanted = Wanted(torch.randperm(60)[:tokens], labels, temperature, entropy)
    reference, found = whole(head, hidden, wanted), chunked(head, hidden, wanted, rows)
    of = [hidden, *head.parameters()]
    got = gradients(found, of, entropy=entropy)
    assert all(one.dtype == dtype for one in got)
    usual = gradients(reference, of, entropy=entropy)
    values, right = truth(head, hidden, wanted)
    slack = 5e-6 if dtype == torch.float32 else 1e-2
    assert_as_exact(found, reference, values, 5e-6)
    assert_as_exact(got, usual, right, slack)


def test_nothing_asked_is_nothing_given_and_has_a_gradient_of_zero() -> None:
    """A rank without rows goes along with the others' backward pass."""
    head = make_head(8, 61, torch.float32, bias=True)
    hidden = torch.randn(1, 3, 8, requires_grad=True)
    none = torch.zeros(0, dtype=torch.long)
    scores = chunked(head, hidden, Wanted(none, none, 1.0), 4)
    scores.logprobs.sum().backward()
    for tensor in (hidden, *head.parameters()):
        assert tensor.grad is not None and not tensor.grad.any()


def test_a_frozen_weight_has_no_gradient() -> None:
    head = make_head(8, 61, torch.float32, bias=False)
    head.weight.requires_grad_(False)
    hidden = torch.randn(1, 9, 8, requires_grad=True)
    wanted = Wanted(torch.arange(9), torch.arange(9), 1.0)
    watch = Largest()
    with watch:
        scores = chunked(head, hidden, wanted, 2)
        scores.logprobs.sum().backward()
    assert head.weight.grad is None and hidden.grad is not None
    assert watch.numbers <= 2 * 61


class Largest(TorchDispatchMode):
    """The largest tensor that was made meanwhile, in numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given_in = {leaf.untyped_storage().data_ptr() for leaf in tensors((args, kwargs))}
        found = func(*args, **(kwargs or {}))
        for leaf in tensors(found):
            if leaf.untyped_storage().data_ptr() not in given_in:
                self.numbers = max(self.numbers, leaf.numel())
        return found


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@pytest.mark.parametrize("entropy", [False, True])
def test_no_tensor_holds_more_logits_than_a_chunk_of_the_real_vocabulary(entropy: bool) -> None:
    """Whole logits of 96 tokens would be 14.6 million numbers."""
    vocabulary = 151_936
    if QWEN3.is_dir():
        known = json.loads((QWEN3 / "tokenizer.json").read_text("utf-8"))["added_tokens"]
        assert max(token["id"] for token in known) < vocabulary
    head = make_head(4, vocabulary, torch.float32, bias=False)
    hidden = torch.randn(1, 100, 4, requires_grad=True)
    wanted = Wanted(torch.arange(96), torch.randint(vocabulary, (96,)), 0.7, entropy)
    watch = Largest()
    with watch:
        found = chunked(head, hidden, wanted, 8)
        got = gradients(found, [hidden, head.weight], entropy=entropy)
    assert watch.numbers == 8 * vocabulary
    reference = whole(head, hidden, wanted)
    usual = gradients(reference, [hidden, head.weight], entropy=entropy)
    values, right = truth(head, hidden, wanted)
    assert_as_exact(found, reference, values, 1e-6)
    assert_as_exact(got, usual, right, 1e-6)


@pytest.mark.parametrize(
    ("family", "how"),
    [
        ("Qwen3", {}),
        ("Qwen3", {"tie_word_embeddings": True}),
        ("Phi", {}),  # its head has a bias
        ("Qwen3Moe", {}),
        ("Llama", {}),
    ],
)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_network_learns_the_same_as_with_whole_logits(
    family: str, how: dict[str, Any], checkpointing: bool
) -> None:
    rows = make_rows([9, 14, 2, 8])
    found = []
    for actor in (
        WholeLogits(make_network(family, **how), temperature=0.7),
        make_actor(make_network(family, **how)),
    ):
        if checkpointing:
            actor.gradient_checkpointing_enable()
        scores = actor(rows, entropy_gradient=True)
        (scores.logprobs.sin().sum() + scores.entropy.sum()).backward()
        named = dict(actor.model.named_parameters())
        found.append((scores, {name: weight.grad for name, weight in named.items()}))
    (reference, wanted), (scores, got) = found
    for one, other in zip(scores, reference, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    assert got.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, atol=2e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize(
    ("family", "says"),
    [
        ("Gemma2", "final_logit_softcapping=30.0"),
        ("Granite", "logits_scaling=2.0"),
        ("Cohere", "logit_scale=0.0625"),
    ],
)
def test_a_network_that_changes_its_logits_is_refused_by_name(family: str, says: str) -> None:
    with pytest.raises(ModelError, match=f"{family}ForCausalLM .*{says}"):
        fit_head(make_network(family), 8)


def test_a_change_that_no_setting_names_is_found_too() -> None:
    network = make_network("Qwen3")
    plain = network.forward

    def scaled(*args: Any, **kwargs: Any) -> Any:
        output = plain(*args, **kwargs)
        output["logits"] = output["logits"] * 1.5
        return output

    network.forward = scaled
    with pytest.raises(ModelError, match="soft-capping or scaling"):
        fit_head(network, 8)


def test_a_head_that_is_something_else_is_refused() -> None:
    class Odd(nn.Linear):
        """Something of its own."""

    network = make_network("Qwen3")
    network.lm_head.__class__ = Odd
    with pytest.raises(ModelError, match="Odd"):
        fit_head(network, 8)


def test_an_adapter_on_the_head_is_refused() -> None:
    from peft import LoraConfig, get_peft_model

    network = make_network("Qwen3")
    fit_head(network, 8)
    assert head_of(get_peft_model(network, LoraConfig(r=2, target_modules=["q_proj"])))
    network = make_network("Qwen3")
    fit_head(network, 8)
    with pytest.raises(ModelError, match="output layer"):
        head_of(get_peft_model(network, LoraConfig(r=2, target_modules=["q_proj", "lm_head"])))


def test_the_canary_is_scored_at_temperature_one() -> None:
    network = make_network("Qwen3")
    ids = list(range(3, 20))
    with torch.no_grad():
        logits = network(torch.tensor([ids])).logits[0, :-1]
    actor = make_actor(network)
    found = prompt_logprobs(actor, ids)
    assert actor.temperature == 0.7 and not actor.training
    wanted = logits.log_softmax(-1)[range(16), ids[1:]]
    assert found == pytest.approx(wanted.tolist(), abs=1e-5)
    assert max(ids) < VOCABULARY
