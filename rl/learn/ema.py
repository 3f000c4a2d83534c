"""A running mean of the policy's weights over its versions.

mean <- d * mean + (1 - d) * weights after each training step, of the weights that are trained: all,
or those of adapters. It is kept in float32 in host memory, of the weights as engines sample with
them: of a model in bf16 those that are rounded to it, not the optimizer's own. Guarantees: under
ZeRO-3 each rank keeps the mean of its own shards, and else the first rank keeps that of everything;
a checkpoint's mean can be read by another number of ranks and at another stage.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rl.learn.ema_files import SavedMeans, State, file_name
from rl.weights.sources import full_shape


class Ema:
    """The mean.

    Args:
        module: the policy inside the DeepSpeed engine.
        decay: d, how much of the mean is kept at each version.
        rank: this rank.
        ranks: how many there are.
    """

    def __init__(self, module: nn.Module, decay: float, *, rank: int, ranks: int) -> None:
        self._decay = decay
        self._rank = rank
        self._ranks = ranks
        trained = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        self._sharded = any(hasattr(parameter, "ds_tensor") for _, parameter in trained)
        self._parameters = dict(trained) if self._sharded or rank == 0 else {}
        self._mean = {
            name: own(parameter).detach().to("cpu", torch.float32, copy=True)
            for name, parameter in self._parameters.items()
        }

    @torch.no_grad()
    def update(self) -> None:
        """Take a version into the mean."""
        for name, parameter in self._parameters.items():
            weights = own(parameter).detach().to("cpu", torch.float32)
            self._mean[name].lerp_(weights, 1 - self._decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """In the block the policy's weights are the mean, in their own type; collective."""
        kept = {
            name: own(parameter).detach().to("cpu", copy=True)
            for name, parameter in self._parameters.items()
        }
        try:
            self._write(self._mean)
            yield
        finally:
            self._write(kept)

    def state_dict(self) -> State:
        """This rank's part of the mean, as a file of `rl.learn.ema_files`; empty if it has none."""
        if not self._parameters:
            return {}
        return {
            "writers": self._ranks if self._sharded else 1,
            "shapes": {n: list(full_shape(parameter)) for n, parameter in self._parameters.items()},
            "values": {name: mean.flatten() for name, mean in self._mean.items()},
        }

    def files(self) -> dict[str, State]:
        """What this rank writes into a checkpoint's learner folder, by the name of its file."""
        state = self.state_dict()
        return {file_name(self._rank): state} if state else {}

    def load(self, folder: Path) -> None:
        """Go on from what was saved, or, where nothing was, from the weights as they are.

        Raises:
            CheckpointError: What was saved is of other parameters.
        """
        saved = SavedMeans(folder)
        for name, parameter in self._parameters.items():
            weights = own(parameter)
            mean = saved[name] if saved else weights.detach()
            if saved and self._sharded:
                mean = _shard(mean.flatten(), weights.numel(), self._rank)
            self._mean[name].copy_(mean)

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            own(parameter).copy_(values[name])
            if self._sharded:
                # DeepSpeed keeps small parameters whole: gathered anew, they are of the new shards.
                sharded: Any = parameter
                sharded.partition()


def own(parameter: nn.Parameter) -> Tensor:
    """What this rank holds of a parameter: its shard under ZeRO-3, flat and padded."""
    shard: Any = getattr(parameter, "ds_tensor", None)
    if shard is None:
        return parameter.data
    found: Tensor = shard.data
    return found


def _shard(whole: Tensor, size: int, rank: int) -> Tensor:
    """A rank's part of a flat tensor, padded with zeros at the end."""
    part = whole[rank * size : (rank + 1) * size]
    return torch.nn.functional.pad(part, (0, size - part.numel()))
