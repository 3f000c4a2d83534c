"""A learner's state of one instant, copied to host memory while nothing trains.

Guarantees: nothing in a copy changes with the state it was taken of; what shares memory there is
copied once; room is kept from one copy to the next, pinned where there is a GPU, so that from the
second one on a copy takes what the bus takes. It costs as much host memory as the state is large.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


class HostCopies:
    """Room in host memory for one state at a time."""

    def __init__(self) -> None:
        self._room: list[Tensor] = []

    def take(self, state: Any) -> Any:
        """A copy of a state, nested in dicts, lists and tuples; the one before it is lost."""
        room, self._room = iter(self._room), []
        memo: dict[int, Any] = {}
        known: dict[tuple[Any, ...], Tensor] = {}
        on_gpu = False
        for tensor in _tensors(state):
            place = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            if tensor.numel() == 0 or place not in known:
                target = _fitting(next(room, None), tensor)
                target.copy_(tensor.detach(), non_blocking=True)
                self._room.append(target)
                known[place] = target
                on_gpu |= tensor.is_cuda
            memo[id(tensor)] = known[place]
        if on_gpu:
            torch.cuda.synchronize()
        return copy.deepcopy(state, memo)


def _fitting(room: Tensor | None, tensor: Tensor) -> Tensor:
    """The room if a tensor fits into it, else new room."""
    if room is not None and room.shape == tensor.shape and room.dtype == tensor.dtype:
        return room
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from _tensors(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from _tensors(value)
