"""Where each parameter lies in the flattened buckets by which weights travel.

Weights travel under the names and in the shapes of a checkpoint, which is what engines load: where
transformers joins tensors of a checkpoint into one parameter (the experts of a mixture), they are
taken apart again.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rl.errors import ModelError

ALIGNMENT = 256
"""Byte boundary on which each tensor starts in its bucket."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a parameter lies in a bucket."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    """Bytes from the bucket's start."""

    @property
    def nbytes(self) -> int:
        """Size of the parameter in bytes."""
        return torch.Size(self.shape).numel() * _dtype(self.dtype).itemsize

    def view(self, bucket: Tensor) -> Tensor:
        """The parameter inside `bucket` (uint8)."""
        piece = bucket[self.offset : self.offset + self.nbytes]
        return piece.view(_dtype(self.dtype)).view(self.shape)


def plan_buckets(
    parameters: Iterable[tuple[str, torch.Size]], dtype: torch.dtype, size: int
) -> list[list[Entry]]:
    """Lay parameters out in buckets of `size` bytes; a larger parameter has a bucket of its own."""
    buckets: list[list[Entry]] = []
    end = size + 1
    for name, shape in parameters:
        nbytes = shape.numel() * dtype.itemsize
        if end + nbytes > size:
            buckets.append([])
            end = 0
        buckets[-1].append(Entry(name, str(dtype).removeprefix("torch."), tuple(shape), end))
        end += -(-nbytes // ALIGNMENT) * ALIGNMENT
    return buckets


def bucket_bytes(bucket: Sequence[Entry]) -> int:
    """Bytes that a bucket takes."""
    return bucket[-1].offset + -(-bucket[-1].nbytes // ALIGNMENT) * ALIGNMENT


def checksum(bucket: Tensor) -> int:
    """CRC-32 of a bucket's bytes."""
    return zlib.crc32(bucket.cpu().numpy().data)


def full_parameters(module: nn.Module) -> Iterator[tuple[str, torch.Size]]:
    """Name and full shape of every parameter; ZeRO-3 keeps the full shape in `ds_shape`."""
    for name, parameter in module.named_parameters():
        yield name, torch.Size(getattr(parameter, "ds_shape", parameter.shape))


@dataclass(frozen=True, slots=True)
class Source:
    """A parameter of the learner and the tensors that it is in a checkpoint."""

    name: str
    tensors: Mapping[str, torch.Size]

    @property
    def joined(self) -> bool:
        """Whether a checkpoint has it otherwise than the learner."""
        return list(self.tensors) != [self.name]

    def taken_apart(self, module: nn.Module, parameter: Tensor) -> Mapping[str, Tensor]:
        """The checkpoint's tensors, out of the whole parameter, in the order of `tensors`."""
        if not self.joined:
            return {self.name: parameter}
        return _checkpoint_form(module, {self.name: parameter})


def sources(module: nn.Module) -> list[Source]:
    """Every parameter of a model, in its own order.

    Raises:
        ModelError: A checkpoint of the model holds a tensor made of several parameters.
    """
    shapes = dict(full_parameters(module))
    found = []
    for name, shape in shapes.items():
        tensors = _checkpoint_form(module, {name: torch.empty(shape, device="meta")})
        found.append(Source(name, {own: tensor.shape for own, tensor in tensors.items()}))
    together = _checkpoint_form(
        module, {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    )
    alone = {name: shape for source in found for name, shape in source.tensors.items()}
    if alone != {name: tensor.shape for name, tensor in together.items()}:
        raise ModelError(
            f"the weights of {type(module).__name__} cannot be sent to an engine one by one: its "
            "checkpoints hold tensors that are made of several parameters of the learner"
        )
    return found


def _checkpoint_form(module: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Parameters as `save_pretrained` would write them."""
    from transformers import PreTrainedModel
    from transformers.core_model_loading import revert_weight_conversion

    if not isinstance(module, PreTrainedModel):
        return state
    found: Mapping[str, Tensor] = revert_weight_conversion(module, dict(state))
    return found


def _dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype
