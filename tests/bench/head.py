"""`python -m tests.bench.head`: what the chunked head costs and saves beside whole logits.

Both in one run, on the same weights and tokens, all of which are trained on; whole logits are
OpenRLHF's own Actor, whose entropy, a metric, is computed row by row without a gradient. Memory is
the most that torch held beyond what was there before, over a forward and a backward pass of a
one-layer network with the vocabulary of Qwen3; of whole logits extrapolated from what fits. Times
are medians of passes that alternate.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rl.learn.actor import PolicyActor
from rl.learn.attention import isolate
from rl.learn.head import ChunkedHead, Scores, Wanted, fit_head
from rl.learn.packing import Rows
from rl.learn.slices import Slices
from tests.rl.whole_logits import WholeLogits

VOCABULARY = 151_936
TOKENS = 16_384
MEMORY_LIMIT, HEAD_LIMIT, UPDATE_LIMIT, SHARE = 1 / 10, 1.4, 1.15, 0.15


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    fitting: tuple[int, int]
    """Tokens of the two passes with whole logits whose memory is extrapolated."""
    tokens: int
    """Tokens of the pass by chunks."""
    head: tuple[int, int, int, int]
    """Tokens, width, vocabulary and rows of a chunk where the head alone is timed."""
    update: tuple[int, int, int]
    """Tokens, layers and vocabulary of the whole update."""
    dtype: torch.dtype


CPU = Size((256, 512), TOKENS, (1024, 512, VOCABULARY, 512), (1024, 14, 8192), torch.float32)
GPU = Size((1024, 2048), TOKENS, (8192, 4096, VOCABULARY, 1024), (8192, 16, 16_384), torch.bfloat16)
DRY = Size((64, 128), 512, (128, 16, 4096, 32), (64, 2, 512), torch.float32)
"""Seconds, for a dry run: its ratios mean nothing."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Chunks over whole logits, each."""

    chunked_bytes: int
    whole_bytes: float
    head: float
    update: float
    share: float
    """The head's part of the update, by the weights that tokens are multiplied with."""

    @property
    def memory(self) -> float:
        """Of the most memory."""
        return self.chunked_bytes / self.whole_bytes


def measure(size: Size, device: torch.device) -> Figures:
    """Measure everything; minutes on a CPU."""
    chunked, whole = _memory(size, device)
    update, share = _update(size, device)
    return Figures(chunked, whole, _head(size, device), update, share)


def _memory(size: Size, device: torch.device) -> tuple[int, float]:
    """Bytes of a pass by chunks, and what whole logits would take for as many tokens."""
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1}

    def taken(kind: str, tokens: int) -> int:
        actor = _actor(kind, VOCABULARY, size, device, **shape)
        rows = _rows(tokens, VOCABULARY)
        return peak_bytes(lambda: _learn(actor, rows), device)

    small, large = size.fitting
    low, high = (taken("whole", tokens) for tokens in size.fitting)
    each = (high - low) / (large - small)
    return taken("chunked", size.tokens), low + each * (size.tokens - small)


def _head(size: Size, device: torch.device) -> float:
    """Forward and backward pass of the head alone."""
    tokens, width, vocabulary, rows = size.head
    torch.manual_seed(0)
    head = nn.Linear(width, vocabulary, bias=False, dtype=size.dtype, device=device)
    hidden = torch.randn(1, tokens, width, dtype=size.dtype, device=device, requires_grad=True)
    labels = torch.randint(vocabulary, (tokens,), device=device)
    places = torch.arange(tokens, device=device)
    whole = _WholePath(_Head(head, hidden), temperature=0.7)

    def by_chunks() -> None:
        head.__class__ = ChunkedHead
        assert isinstance(head, ChunkedHead)
        head.rows = rows
        with head.asked(Wanted(places, labels, 0.7)):
            found = Scores(*head(hidden)["scores"])
        head.__class__ = nn.Linear  # type: ignore[assignment]
        found.logprobs.mean().backward()

    def by_whole_logits() -> None:
        sequences = labels[None]
        mask = torch.ones(1, tokens - 1, device=device)
        logprobs, _ = whole.scores(sequences, mask, torch.ones_like(sequences))
        logprobs.mean().backward()

    return _ratio(by_chunks, by_whole_logits, device)


def _update(size: Size, device: torch.device) -> tuple[float, float]:
    """A whole update with AdamW, and the head's share of it."""
    tokens, layers, vocabulary = size.update
    shape = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": layers}
    rows = _rows(tokens, vocabulary)

    def step_of(kind: str) -> tuple[Callable[[], None], float]:
        actor = _actor(kind, vocabulary, size, device, **shape)
        optimizer = torch.optim.AdamW(actor.parameters(), lr=1e-6, foreach=True)
        weights = [w.numel() for n, w in actor.named_parameters() if "embed" not in n]

        def step() -> None:
            _learn(actor, rows)
            optimizer.step()
            optimizer.zero_grad()

        return step, vocabulary * 256 / sum(weights)

    chunked, share = step_of("chunked")
    return _ratio(chunked, step_of("whole")[0], device), share


class _WholePath(WholeLogits):
    """Whole logits as they are used where entropy is a metric."""

    def scores(self, ids: Tensor, mask: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
        logprobs, output = super(WholeLogits, self).forward(
            ids, mask, attention, return_output=True
        )
        with torch.no_grad():
            entropy = []
            for logits in output["logits"][:, :-1]:
                logs = torch.log_softmax(logits, dim=-1)
                entropy.append(-(logs.exp() * logs).sum(-1))
        return logprobs, torch.stack(entropy)


class _Head(nn.Module):
    """A network that is a head alone."""

    def __init__(self, head: nn.Linear, hidden: Tensor) -> None:
        super().__init__()
        self.head = head
        self.hidden = hidden

    def forward(self, *_: Any, **__: Any) -> dict[str, Tensor]:
        """Logits of the same hidden states, whatever is asked."""
        return {"logits": self.head(self.hidden)}


def _actor(kind: str, vocabulary: int, size: Size, device: torch.device, **shape: int) -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=vocabulary, num_attention_heads=4, num_key_value_heads=2, head_dim=64,
        tie_word_embeddings=False, **shape,
    )  # fmt: skip
    config._attn_implementation = "sdpa"
    network = Qwen3ForCausalLM(config).to(device, size.dtype).train()
    if kind == "whole":
        return _WholePath(network, temperature=0.7)
    fit_head(network, 1024 if size is not DRY else 64)
    isolate(network)
    return PolicyActor(network, temperature=0.7, packing=True, slices=Slices(device=device))


def _learn(actor: Any, rows: Rows) -> None:
    if isinstance(actor, PolicyActor):
        logprobs = actor(rows).logprobs
    else:
        device = next(actor.parameters()).device
        ids = torch.from_numpy(rows.ids).view(len(rows.lengths), -1).to(device)
        ones = torch.ones_like(ids)
        logprobs = actor.scores(ids, ones[:, 1:], ones)[0].flatten()
    logprobs.mean().backward()


def _rows(tokens: int, vocabulary: int) -> Rows:
    """Sixteen rows; but for the first of each all tokens are trained on."""
    draw = np.random.default_rng(0)
    width = tokens // 16
    lengths = np.full(tokens // width, width, np.int64)
    trained = np.arange(tokens) % width > 0
    return Rows(draw.integers(0, vocabulary, tokens, np.int64), lengths, trained)


def _ratio(one: Callable[[], None], other: Callable[[], None], device: torch.device) -> float:
    """Median seconds of `one` over those of `other`, which take turns."""
    seconds: dict[int, list[float]] = {0: [], 1: []}
    for turn in range(4):
        for which, work in enumerate((one, other)):
            _wait(device)
            start = time.perf_counter()
            work()
            _wait(device)
            if turn:  # the first is a warm-up
                seconds[which].append(time.perf_counter() - start)
    return statistics.median(seconds[0]) / statistics.median(seconds[1])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_bytes(work: Callable[[], None], device: torch.device) -> int:
    """The most bytes that torch held during `work` beyond what it held before."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        work()
    results: Any = found.profiler
    events = [e for e in results.kineto_results.events() if e.name() == "[memory]"]
    held = np.cumsum([event.nbytes() for event in sorted(events, key=lambda e: e.start_ns())])
    return int(held.max(initial=0))


def main() -> int:
    """Print the figures; 1 where one is beyond its limit."""
    with torch.compiler.set_stance("force_eager"):
        found = measure(CPU, torch.device("cpu"))
    rows = [
        (f"memory at {TOKENS:,} tokens, vocabulary {VOCABULARY:,}", found.memory, MEMORY_LIMIT),
        ("time of the head", found.head, HEAD_LIMIT),
        (f"time of an update, {found.share:.0%} of it the head", found.update, UPDATE_LIMIT),
    ]
    gib = found.chunked_bytes / 2**30, found.whole_bytes / 2**30
    print(f"chunks {gib[0]:.2f} GiB, whole logits {gib[1]:.1f} GiB (extrapolated)")
    for name, ratio, limit in rows:
        print(f"{name:55} {ratio:.3f} of whole logits' (at most {limit:g})")
    return int(found.share > SHARE or any(ratio > limit for _, ratio, limit in rows))


if __name__ == "__main__":
    sys.exit(main())
