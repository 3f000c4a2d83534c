"""A learner's state on disk as whole tensors by name, whichever ranks and ZeRO stage wrote it.

Reads DeepSpeed's files without DeepSpeed: each rank holds a piece of flat buffers, and says which
parameters lie where in them. Guarantees: of a file only what is asked for is read; nothing in it is
run, as files are unpickled into known types alone.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from rl.errors import CheckpointError

MODEL: Final = "mp_rank_00_model_states.pt"
NAMES: Final = "parameters.pt"
"""Beside DeepSpeed's folder: the names of the parameters in the optimizer's order."""
_OPTIMIZER: Final = re.compile(r"(bf16_)?zero_pp_rank_(\d+)_mp_rank_00_optim_states\.pt")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a learner's state is cut."""

    ranks: int
    zero_stage: int
    dtype: str
    """Of the weights that are trained: `fp32` or `bf16`."""

    def __str__(self) -> str:
        return f"{self.ranks} rank(s) at ZeRO stage {self.zero_stage} in {self.dtype}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one flat buffer of one rank."""

    rank: int
    group: int
    start: int
    numel: int


class Shards:
    """What the ranks of a learner wrote.

    Args:
        folder: DeepSpeed's folder of a checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = [_OPTIMIZER.fullmatch(path.name) for path in folder.iterdir()]
        files = {int(match[2]): match for match in found if match is not None}
        if sorted(files) != list(range(len(files))):
            raise CheckpointError(f"{folder} lacks files of some ranks: it has {sorted(files)}")
        self._optimizers = [
            load_file(folder / files[rank][0])["optimizer_state_dict"] for rank in sorted(files)
        ]
        sharded = folder / f"zero_pp_rank_0_{MODEL}"
        self.model: Mapping[str, Any] = load_file(sharded if sharded.exists() else folder / MODEL)
        """The rest of rank 0's state: schedule, counters, and at ZeRO 0 to 2 the weights."""
        bf16 = any(match[1] for match in files.values())
        if not files:
            weights = self.model["module"].values()
            bf16 = any(tensor.dtype == torch.bfloat16 for tensor in weights)
        stage = int(self._optimizers[0].get("zero_stage", 1)) if files else 0
        ranks = len(files) or int(self.model["dp_world_size"])
        self.layout = Layout(ranks, stage, "bf16" if bf16 else "fp32")

    @cached_property
    def shapes(self) -> Mapping[str, torch.Size]:
        """The parameters that are trained, and their shapes."""
        if self.layout.zero_stage:
            groups = self.model["param_shapes"]
            return {name: torch.Size(shape) for group in groups for name, shape in group.items()}
        weights = self.model["module"]
        return {name: weights[name].shape for name in self._names}

    def keys(self, name: str) -> list[str]:
        """What the optimizer keeps of a parameter: names of tensors as large as it is."""
        group = self._state["state"].get(self._places[name][0].group, {})
        return [key for key, value in group.items() if _is_whole(value)]

    def step(self, name: str) -> float | None:
        """Optimizer steps of a parameter; None where its optimizer does not count them."""
        found = self._state["state"].get(self._places[name][0].group, {})
        if "step" not in found:  # some count in the group's settings, where all are alike
            found = self._state["param_groups"][0]
        return float(found["step"]) if "step" in found else None

    def tensor(self, name: str, key: str = "fp32") -> Tensor:
        """A parameter's weights in float32, or what the optimizer keeps of it under `key`."""
        shape = self.shapes[name]
        pieces = [
            self._buffer(piece, key).flatten()[piece.start :][: piece.numel]
            for piece in self._places[name]
        ]
        whole = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        return whole.float().reshape(shape)

    def frozen(self) -> Mapping[str, Tensor]:
        """Weights that are not trained, as far as they are in the checkpoint; and buffers."""
        held = self.model["module"]
        if self.layout.zero_stage == 3:  # whose parameters are elsewhere
            return {name: held[name] for name in self.model["buffer_names"]}
        trained = self.shapes
        return {name: one for name, one in held.items() if name not in trained}

    @property
    def _state(self) -> Mapping[str, Any]:
        """The state of the optimizer itself, on rank 0."""
        return self._state_of(0)

    def _state_of(self, rank: int) -> Mapping[str, Any]:
        if not self.layout.zero_stage:
            held: Mapping[str, Any] = self.model["optimizer"]
            inner: Mapping[str, Any] = held.get("optimizer_state_dict", held)
            return inner  # in bf16 it is within that of DeepSpeed
        key = "optimizer_state_dict" if self.layout.zero_stage == 3 else "base_optimizer_state"
        state: Mapping[str, Any] = self._optimizers[rank][key]
        return state

    def _buffer(self, piece: Piece, key: str) -> Tensor:
        """The flat buffer that a piece is of; at ZeRO 0 a whole tensor."""
        if key != "fp32":
            state: Tensor = self._state_of(piece.rank)["state"][piece.group][key]
            return state
        groups: Sequence[Tensor] = self._masters
        if self.layout.zero_stage == 3:
            groups = self._optimizers[piece.rank]["fp32_flat_groups"]
        elif self.layout.zero_stage:
            groups = self._optimizers[piece.rank]["single_partition_of_fp32_groups"]
        return groups[piece.group]

    @cached_property
    def _masters(self) -> list[Tensor]:
        """At ZeRO 0: the weights that the optimizer steps, in its order."""
        if self.layout.zero_stage:
            return []
        own = self.model["optimizer"].get("fp32_groups")  # bf16: beside those of the network
        if own is not None:
            return [tensor for group in own for tensor in group]
        return [self.model["module"][name] for name in self._names]

    @cached_property
    def _places(self) -> Mapping[str, list[Piece]]:
        """Where each parameter's pieces are, in their order."""
        found: dict[str, list[Piece]] = {}
        for name, piece in self._pieces():
            found.setdefault(name, []).append(piece)
        return found

    def _pieces(self) -> Iterator[tuple[str, Piece]]:
        if self.layout.zero_stage == 0:
            weights = self.model["module"]
            for position, name in enumerate(self._names):
                yield name, Piece(0, position, 0, weights[name].numel())
            return
        for rank, state in enumerate(self._optimizers):
            if self.layout.zero_stage == 3:
                yield from _sharded(self.model["param_shapes"], rank, self.layout.ranks)
                continue
            for group, places in enumerate(state["param_slice_mappings"]):
                for name, place in places.items():
                    yield name, Piece(rank, group, place.start, place.numel)

    @cached_property
    def _names(self) -> list[str]:
        """At ZeRO 0: the trained parameters in the optimizer's order."""
        path = self._folder.parent / NAMES
        if path.exists():
            return list(load_file(path))
        raise CheckpointError(
            f"{self._folder} is of a version that did not say in which order the optimizer has its "
            "parameters: go on with learner.zero_stage 0, which needs no order"
        )


def layout_of(folder: Path) -> Layout:
    """How the state in DeepSpeed's folder of a checkpoint is cut."""
    return Shards(folder).layout


def load_file(path: Path) -> Any:
    """What DeepSpeed wrote; tensors are read when they are used."""
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    known = [DynamicLossScaler, LossScaler, ZeroStageEnum, fragment_address]
    with torch.serialization.safe_globals(known):
        return torch.load(path, map_location="cpu", mmap=True, weights_only=True)


def _sharded(
    groups: Sequence[Mapping[str, Any]], rank: int, ranks: int
) -> Iterator[tuple[str, Piece]]:
    """A rank's pieces at ZeRO 3: of each parameter an equal share, the last ones padded."""
    for group, shapes in enumerate(groups):
        start = 0
        for name, shape in shapes.items():
            numel = torch.Size(shape).numel()
            share = math.ceil(numel / ranks)
            yield name, Piece(rank, group, start, max(0, min(share, numel - rank * share)))
            start += share


def _is_whole(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0
