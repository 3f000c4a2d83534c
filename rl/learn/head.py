"""The output head a chunk at a time: logprobs and entropies of some tokens, never all their logits.

A vocabulary of 150,000 and 16,384 tokens make 10 GB of float32 logits, of which training keeps
several copies. Here they exist for `rows` tokens at once, and are computed again in the backward
pass: one matrix product in four is the price. Only tokens that are trained on reach the head.

With z = (W h + b) / temperature, p = softmax(z), L = log p[label] and H = -sum p log p:

    dL/dz = onehot(label) - p          dH/dz = -p (log p + H)

Guarantees: values are those of whole logits, which are rounded to the weights' type and then
float32, as the network itself would; the gradient of the weight is summed over chunks in float32;
the head stays the module that owns the weight, so that ZeRO-3 gathers it as it does any other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rl.errors import ModelError


class Scores(NamedTuple):
    """Of each token that was asked for, (tokens,) float32, nats."""

    logprobs: Tensor
    entropy: Tensor
    """Of the distribution that the token was drawn from."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tokens a head is asked for."""

    places: Tensor
    """(tokens,) int64: the position, over all rows of the hidden states, that each was drawn at."""
    labels: Tensor
    """(tokens,) int64: their ids."""
    temperature: float
    entropy_gradient: bool = False
    """Whether the entropy is differentiated, which takes another pass over each chunk's logits."""


class ChunkedHead(nn.Linear):
    """A network's output layer by its class alone: parameters, ties and hooks stay as they are."""

    rows: int
    """Tokens whose logits exist at once."""
    wanted: Wanted | None = None

    @contextmanager
    def asked(self, wanted: Wanted) -> Iterator[None]:
        """While this is open, a pass of the network gives `Scores` as its logits."""
        self.wanted = wanted
        try:
            yield
        finally:
            self.wanted = None

    def forward(self, hidden: Tensor) -> "InPlaceOfLogits":  # type: ignore[override]
        """(rows, positions, width) hidden states to the two rows of `Scores` as one tensor.

        As one, because ZeRO-3 hooks each tensor that leaves a module: how many of them are
        differentiated must not depend on whether a rank has tokens.
        """
        wanted = self.wanted
        if wanted is None:
            raise RuntimeError("the head has no whole logits: ask through ChunkedHead.asked")
        chosen = hidden.flatten(0, -2).index_select(0, wanted.places)
        scores = _Chunks.apply(chosen, self.weight, self.bias, wanted, self.rows)  # type: ignore[no-untyped-call]
        return InPlaceOfLogits(scores=scores)


class InPlaceOfLogits(dict[str, Tensor]):
    """`Scores`, where a network expects its logits.

    DeepSpeed looks into dictionaries for tensors to hook. Arithmetic on one fails, so that what a
    network does to its logits is not done to something else; a change of type is for logits alone.
    """

    def float(self) -> "InPlaceOfLogits":
        """Itself: values are float32."""
        return self

    def to(self, *_: object, **__: object) -> "InPlaceOfLogits":
        """Itself."""
        return self

    def contiguous(self) -> "InPlaceOfLogits":
        """Itself."""
        return self


class _Chunks(torch.autograd.Function):
    """To (2, tokens): logprobs and entropy."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        wanted: Wanted,
        rows: int,
    ) -> Tensor:
        labels = wanted.labels
        scores = hidden.new_empty((2, len(labels)), dtype=torch.float32)
        logprobs, entropy = scores
        total = torch.empty_like(logprobs)
        for chunk, label in zip(_cut(len(labels), rows), labels.split(rows), strict=True):
            logits = _logits(hidden[chunk], weight, bias, wanted.temperature)
            of_label = logits.gather(1, label[:, None])[:, 0]
            logs = logits.log_softmax(-1)
            logprobs[chunk] = logs.gather(1, label[:, None])[:, 0]
            total[chunk] = of_label - logprobs[chunk]
            entropy[chunk] = torch.exp(logs, out=logits).mul_(logs).sum(-1).neg_()
        # Where ZeRO-3 shards it, the parameter itself is filled again before the backward pass.
        ctx.save_for_backward(hidden, weight, bias, total, scores)
        ctx.wanted, ctx.rows = wanted, rows
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        hidden, weight, bias, total, scores = ctx.saved_tensors
        labels, temperature = ctx.wanted.labels, ctx.wanted.temperature
        (of_logprobs, of_entropy), entropy = grads[0], scores[1]
        of_hidden = torch.empty_like(hidden)
        of_weight = of_bias = None
        if ctx.needs_input_grad[1]:
            of_weight = torch.zeros_like(weight, dtype=torch.float32)
        if bias is not None and ctx.needs_input_grad[2]:
            of_bias = torch.zeros_like(bias, dtype=torch.float32)
        for chunk, label in zip(_cut(len(labels), ctx.rows), labels.split(ctx.rows), strict=True):
            logits = _logits(hidden[chunk], weight, bias, temperature)
            change = _of_logits(
                logits.sub_(total[chunk, None]),
                label,
                of_logprobs[chunk],
                of_entropy[chunk] if ctx.wanted.entropy_gradient else None,
                entropy[chunk],
            )
            change = change.div_(temperature).to(hidden.dtype)
            of_hidden[chunk] = change @ weight
            if of_weight is not None:
                _add_product(of_weight, change, hidden[chunk])
            if of_bias is not None:
                of_bias += change.sum(0, dtype=torch.float32)
        if of_weight is not None:
            of_weight = of_weight.to(weight.dtype)
        if of_bias is not None:
            of_bias = of_bias.to(bias.dtype)
        return of_hidden, of_weight, of_bias, None, None


def _cut(tokens: int, rows: int) -> list[slice]:
    """Chunks of `rows`; as `Tensor.split` does it, a single empty one where there is no token."""
    return [slice(start, start + rows) for start in range(0, max(tokens, 1), rows)]


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, temperature: float) -> Tensor:
    """(tokens, vocabulary) float32, of the policy at this temperature; the caller may write it."""
    logits = nn.functional.linear(hidden, weight, bias).float()
    return logits if temperature == 1.0 else logits.div_(temperature)


def _of_logits(
    logs: Tensor, label: Tensor, of_logprobs: Tensor, of_entropy: Tensor | None, entropy: Tensor
) -> Tensor:
    """The gradient of logits / temperature from log p, which is overwritten."""
    if of_entropy is None:
        change = logs.exp_().mul_(-of_logprobs[:, None])
    else:
        p = logs.exp()
        logs.add_(entropy[:, None]).mul_(-of_entropy[:, None]).sub_(of_logprobs[:, None])
        change = logs.mul_(p)
    return change.scatter_add_(1, label[:, None], of_logprobs[:, None])


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left^T right in float32."""
    if left.dtype == torch.float32:
        total.addmm_(left.t(), right)
    else:
        total.add_(left.t() @ right)


def fit_head(network: Any, rows: int) -> None:
    """Make a network's head a `ChunkedHead`; nothing of its weights is read.

    Raises:
        ModelError: What the head gives is not the product alone, or the network changes it.
    """
    name = type(network).__name__
    head = network.get_output_embeddings()
    if type(head) is not nn.Linear:
        kind = "none" if head is None else type(head).__name__
        raise ModelError(
            f"{name} cannot be trained: its output layer has to be plain and linear, but is {kind}"
        )
    if not _gives_logits_unchanged(network, head):
        capped = {
            key: value
            for key in KNOWN_CHANGES
            if (value := getattr(network.config, key, None)) not in (None, 1, 1.0)
        }
        what = ", ".join(f"{key}={value}" for key, value in capped.items())
        raise ModelError(
            f"{name} cannot be trained: it changes its logits after the output layer "
            f"({what or 'soft-capping or scaling'}), and the learner computes them chunk by chunk "
            "without it"
        )
    head.__class__ = ChunkedHead
    cast(ChunkedHead, head).rows = rows


KNOWN_CHANGES = (
    "final_logit_softcapping", "logit_softcapping", "logit_scale", "logits_scaling",
    "lm_head_multiplier", "output_multiplier_scale",
)  # fmt: skip
"""Names of settings by which networks change logits, for the error message alone."""


class _LastHidden(dict[Any, Any]):
    """Output of a network's body of which nothing is known but the last hidden states."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self.hidden = hidden

    def __getitem__(self, key: Any) -> Any:
        return self.hidden if key in (0, "last_hidden_state") else None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.hidden if name == "last_hidden_state" else None


@torch.no_grad()
def _gives_logits_unchanged(network: Any, head: nn.Linear) -> bool:
    """Whether what a network returns is what its head does.

    Asked by a pass in which its body and its head only hand over what they are given; a network
    that cannot make such a pass is taken at its word, since arithmetic on the chunked head's output
    is an error anyway.
    """
    body = network.base_model
    logits = torch.linspace(-60, 60, 21).view(1, 3, 7)
    hidden = torch.zeros(1, 3, head.in_features)
    ids = torch.zeros(1, 3, dtype=torch.long)
    with (
        _forward_is(body, lambda *_, **__: _LastHidden(hidden)),
        _forward_is(head, lambda *_: logits.clone()),
    ):
        try:
            found = network(input_ids=ids, use_cache=False)["logits"]
        except (TypeError, AttributeError, KeyError, IndexError, ValueError, RuntimeError):
            return True
    return found.shape == logits.shape and torch.allclose(found.float(), logits)


@contextmanager
def _forward_is(module: nn.Module, function: Callable[..., Any]) -> Iterator[None]:
    """A module's forward pass is another function meanwhile."""
    module.__dict__["forward"] = function
    try:
        yield
    finally:
        del module.__dict__["forward"]
