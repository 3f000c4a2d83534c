"""flash-attn's padding functions in plain torch, for hosts where flash-attn is not installed.

OpenRLHF imports `flash_attn.bert_padding` and `flash_attn.utils.distributed` wherever its models
are imported, although nothing but packing and ring attention calls them. `install` puts working
equivalents in their place; where the real package is installed it does nothing.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather as differentiable_all_gather


def install() -> None:
    """Make `import openrlhf.models` work without flash-attn."""
    if "flash_attn" in sys.modules or importlib.util.find_spec("flash_attn") is not None:
        return
    # transformers and peft ask once, at import, whether flash-attn exists; let them see that it
    # does not before the names below appear.
    for name in ("transformers", "peft"):
        importlib.import_module(name)

    contents: dict[str, dict[str, Any]] = {
        "flash_attn": {},
        "flash_attn.bert_padding": {
            "index_first_axis": index_first_axis,
            "pad_input": pad_input,
            "rearrange": _einops_rearrange(),
            "unpad_input": unpad_input,
        },
        "flash_attn.utils": {},
        "flash_attn.utils.distributed": {"all_gather": all_gather},
    }
    for name, members in contents.items():
        module = ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
        module.__dict__.update(members)
        sys.modules[name] = module


def index_first_axis(values: Tensor, indices: Tensor) -> Tensor:
    """Rows `indices` of `values` (rows, ...)."""
    return values.index_select(0, indices)


def unpad_input(
    values: Tensor, attention_mask: Tensor
) -> tuple[Tensor, Tensor, Tensor, int, Tensor]:
    """Drop padding: (batch, length, ...) -> (tokens, ...), with what is needed to put it back.

    Returns the tokens, their flat indices, cumulative lengths (batch + 1, int32), the longest
    length, and each row's length.
    """
    lengths = attention_mask.sum(dim=-1, dtype=torch.int32)
    indices = attention_mask.flatten().nonzero().flatten()
    cumulative = torch.nn.functional.pad(lengths.cumsum(0, dtype=torch.int32), (1, 0))
    return (
        index_first_axis(values.flatten(0, 1), indices),
        indices,
        cumulative,
        int(lengths.max()),
        lengths,
    )


def pad_input(tokens: Tensor, indices: Tensor, batch: int, length: int) -> Tensor:
    """Undo `unpad_input`: (tokens, ...) -> (batch, length, ...), zeros elsewhere."""
    padded = tokens.new_zeros(batch * length, *tokens.shape[1:])
    return padded.index_copy(0, indices, tokens).view(batch, length, *tokens.shape[1:])


def all_gather(values: Tensor, group: dist.ProcessGroup | None = None) -> Tensor:
    """Concatenate every rank's `values` along the first axis, differentiably."""
    gathered: tuple[Tensor, ...] = differentiable_all_gather(values, group=group)
    return torch.cat(gathered)


def _einops_rearrange() -> Any:
    from einops import rearrange

    return rearrange
