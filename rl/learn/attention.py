"""Attention in which the samples of a pack do not see each other, whole or spread over ranks.

    flash_attention_2   flash-attn is told where samples end
    sdpa                one call of torch's a block of like lengths (`rl.learn.packing.Blocks`)
    eager               the network's own mask, of all positions by all

Over several ranks (Ulysses, arXiv:2309.14509) each holds a slice of every pack, and in attention
all positions for its part of the heads.
"""

import importlib.util
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor

from rl.errors import ModelError
from rl.learn.packing import Blocks, Ids, plan_blocks

PACKED: Final = "plumb_packed"
"""transformers' name for `packed_attention`; it makes no mask for names that it does not know."""
PLAIN_LAYERS: Final = {"full_attention", "sliding_attention"}
"""Kinds of layers that hand nothing from one sample to the next if their attention does not."""
UNSERVED: Final = ("softcap", "s_aux", "position_bias")
"""Arguments of some networks that torch's attention has no counterpart for."""


def resolve(choice: str) -> str:
    """Resolve `model.attention`."""
    if choice != "auto":
        return choice
    # The fallback of rl/learn/flash_attn_fallback.py has no file; the real package has one.
    spec = importlib.util.find_spec("flash_attn")
    return "flash_attention_2" if spec is not None and spec.origin else "sdpa"


def isolate(network: Any) -> None:
    """Let a network's attention tell samples of a pack apart.

    Raises:
        ModelError: It has layers through which samples would see each other all the same.
    """
    config = network.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    leaking = sorted(kinds - PLAIN_LAYERS)
    if leaking or getattr(network, "_is_stateful", False):
        raise ModelError(
            f"samples of a pack would see each other in {type(network).__name__} "
            f"({', '.join(leaking) or 'it keeps a state along the sequence'}): set "
            "learner.packing=false"
        )
    if network.config._attn_implementation == "sdpa":
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        ALL_ATTENTION_FUNCTIONS.register(PACKED, packed_attention)
        network.set_attn_implementation(PACKED)
        if network.config._attn_implementation != PACKED:
            raise ModelError(
                f"{type(network).__name__} attends by code of its own, which knows no packs: set "
                "learner.packing=false"
            )


def arguments(implementation: str, lengths: Ids, device: torch.device) -> dict[str, Any]:
    """What a network's attention has to be told of a pack's rows."""
    if implementation == PACKED:
        return {"blocks": plan_blocks(lengths, device)}
    if not implementation.startswith("flash"):
        return {}
    ends = torch.from_numpy(lengths).cumsum(0, dtype=torch.int32)
    bounds = torch.nn.functional.pad(ends, (1, 0)).to(device)
    longest = int(lengths.max())
    return {
        "cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds,
        "max_length_q": longest, "max_length_k": longest,
    }  # fmt: skip


def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    blocks: Blocks | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each row of a pack, by torch's own.

    Args:
        module: the network's attention layer.
        query: (1, heads, tokens, width); `key` and `value` may have fewer heads.
        attention_mask: none; `blocks` says more.
        blocks: the pack's.
        scaling: of products; none: by the width.
        dropout: of weights.
        sliding_window: tokens that one may look back, itself included; none: all.

    Returns:
        (1, tokens, heads, width), and no weights.

    Raises:
        ModelError: The network does not say where samples end, or asks for what is not served.
    """
    asked = [name for name in UNSERVED if others.get(name) is not None]
    if blocks is None or asked:
        what = f"asks its attention for {', '.join(asked)}" if asked else "does not say it the pack"
        raise ModelError(
            f"{type(module).__name__} {what}: set learner.packing=false, or model.attention to "
            "flash_attention_2 or eager"
        )
    by_token = [states[0].transpose(0, 1) for states in (query, key, value)]
    whole = blocks.is_whole
    padded = by_token if whole else [_Pad.apply(states, blocks) for states in by_token]  # type: ignore[no-untyped-call]
    sizes = [rows * width for rows, width in blocks.shapes]
    parts = zip(*(states.split(sizes) for states in padded), blocks.shapes, strict=True)
    found = []
    for *states, (rows, width) in parts:
        q, k, v = (of.unflatten(0, (rows, width)).transpose(1, 2) for of in states)
        found.append(_causal(module, q, k, v, sliding_window, scaling, dropout).flatten(0, 1))
    context = torch.cat(found) if len(found) > 1 else found[0]
    return (context if whole else _Unpad.apply(context, blocks))[None], None  # type: ignore[no-untyped-call]


def _causal(
    module: Any, query: Tensor, key: Tensor, value: Tensor,
    window: int | None, scaling: float | None, dropout: float,
) -> Tensor:  # fmt: skip
    """(rows, heads, positions, width) to (rows, positions, heads, width)."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    mask = None
    width = query.shape[2]
    if window is not None and window < width:
        near = torch.ones(width, width, dtype=torch.bool, device=query.device)
        mask = near.tril().triu(1 - window)
    context: Tensor = sdpa_attention_forward(
        module, query, key, value, mask, dropout=dropout, scaling=scaling, is_causal=True
    )[0]
    return context


class _Pad(torch.autograd.Function):
    """Tokens of a pack to positions of its blocks, (tokens, ...) to (positions, ...)."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, blocks: Blocks) -> Tensor:
        ctx.blocks = blocks
        # Padding repeats some token: no other looks at it, being on its left.
        return states.index_select(0, blocks.token)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0].index_select(0, ctx.blocks.position), None


class _Unpad(torch.autograd.Function):
    """The way back."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, blocks: Blocks) -> Tensor:
        ctx.blocks = blocks
        return states.index_select(0, blocks.position)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        blocks, grad = ctx.blocks, grads[0]
        found = grad.index_select(0, blocks.token)
        return found.mul_(blocks.filled.view(-1, *[1] * (grad.ndim - 1))), None


def spread_heads(network: Any, group: dist.ProcessGroup) -> None:
    """Let ranks that hold slices of one pack attend together (DeepSpeed's Ulysses).

    Args:
        network: `isolate` has seen it.
        group: the ranks, in the order of their slices.

    Raises:
        ModelError: Its heads cannot be spread over so many.
    """
    from deepspeed.runtime.sequence_parallel.ulysses_sp import UlyssesSPAttentionHF
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = network.config._attn_implementation
    if name == "eager":
        raise ModelError("learner.sequence_parallel cannot be had with model.attention=eager")
    config = network.config.get_text_config()
    heads = config.num_attention_heads
    inner = ALL_ATTENTION_FUNCTIONS[name]
    if isinstance(inner, _Ulysses):
        inner = inner.inner
    try:
        spread = UlyssesSPAttentionHF(
            attn=inner,
            batch_size=1,
            attn_head_count=heads,
            attn_head_size=getattr(config, "head_dim", None) or config.hidden_size // heads,
            kv_head_count=getattr(config, "num_key_value_heads", None) or heads,
            num_hidden_layers=config.num_hidden_layers,
            process_group=group,
            seq_length_is_variable=True,
        )
    except ValueError as error:
        raise ModelError(
            f"learner.sequence_parallel={dist.get_world_size(group)} does not fit "
            f"{type(network).__name__}: {error}"
        ) from error
    ALL_ATTENTION_FUNCTIONS[name] = _Ulysses(inner, spread)


class _Ulysses:
    """An attention function over several ranks."""

    def __init__(self, inner: Any, spread: Any) -> None:
        self.inner = inner
        self._spread = spread

    def __call__(
        self, module: Any, query: Tensor, key: Tensor, value: Tensor, _: Tensor | None, **how: Any
    ) -> Any:
        # A mask would be of this rank's slice alone.
        return self._spread(module, query, key, value, None, **how)
