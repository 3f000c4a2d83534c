"""Which ranks share their samples, each a slice of every pack, and how values get together again.

With `learner.sequence_parallel` = s, ranks k s to k s + s - 1 are one data-parallel rank. To
DeepSpeed all ranks are data-parallel, at every ZeRO stage: it averages gradients over all of them,
and a loss is multiplied by their number, so that what the slices of a pack add is summed.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh


@dataclass(frozen=True, slots=True)
class Slices:
    """This rank's place."""

    rank: int = 0
    """Which slice it has."""
    ranks: int = 1
    """How many share a pack."""
    group: dist.ProcessGroup | None = None
    """Those, in the order of their slices; None: it shares with none."""
    peers: dist.ProcessGroup | None = None
    """The ranks with the same slice of other packs; None: all ranks."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where this rank's tensors are put."""

    def gather(self, values: Tensor, counts: tuple[int, ...]) -> Tensor:
        """(tokens,) values of the whole pack out of this rank's.

        Every rank goes on with all of them in the same way, so that the gradient of its own is its
        own part of theirs.

        Args:
            values: (counts[rank],) of this rank's slice.
            counts: how many each rank has.
        """
        if self.group is None:
            return values
        gathered: Tensor = _Gather.apply(values, self, counts)  # type: ignore[no-untyped-call]
        return gathered


def share_packs(ranks: int, device: torch.device) -> Slices:
    """Let every `ranks` ranks of the process group share packs; all ranks call it."""
    if ranks == 1:
        return Slices(device=device)
    shape = (dist.get_world_size() // ranks, ranks)
    mesh = init_device_mesh(device.type, shape, mesh_dim_names=("peers", "slices"))
    group = mesh["slices"].get_group()
    return Slices(dist.get_rank(group), ranks, group, mesh["peers"].get_group(), device)


class _Gather(torch.autograd.Function):
    """Concatenates slices of different lengths."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, slices: Slices, counts: tuple[int, ...]) -> Tensor:
        ctx.bounds = sum(counts[: slices.rank]), sum(counts[: slices.rank + 1])
        padded = values.new_zeros(max(counts))
        padded[: len(values)] = values
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded, group=slices.group)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        start, end = ctx.bounds
        return grads[0][start:end].clone(), None, None
