"""Where a learner rank's memory is: on its device to learn, in the host's while engines sample.

Guarantees: what comes back is what left, bit for bit, and every view of it is whole, at every ZeRO
stage; what DeepSpeed keeps in host memory anyway stays where it is. DeepSpeed's buckets of
gradients hold nothing between steps: their memory goes and comes back without its content. Nothing
of the rank may run while a part is away.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, Literal

import psutil
import torch
from torch import Tensor, nn

from rl.errors import LearnerError
from rl.storages import Away, Hosts, storages

Part = Literal["optimizer", "weights"]
"""`weights` are the policy's; `optimizer` is all else: states, master weights, gradients, the
reference model."""


class Residence:
    """The memory of one rank.

    Args:
        device: the rank's.
        policy: the model that engines are sent.
        others: what else holds tensors: optimizer, reference model, averages.
    """

    def __init__(self, device: torch.device, policy: nn.Module, others: Iterable[Any]) -> None:
        self._device = device
        self._policy = policy
        self._others = list(others)
        self._hosts = Hosts()
        self._away: dict[Part, list[Away]] = {}

    def leave(self, part: Part) -> int:
        """Move a part to the host's memory; returns its bytes. One that is away stays so."""
        if part in self._away:
            return 0
        if "weights" in self._away:
            raise LearnerError("the learner's weights left the device before its optimizer did")
        buckets = {one._cdata for one in storages(buckets_of(self._others))}
        self._away[part] = [
            Away(storage, keep=storage._cdata not in buckets, hosts=self._hosts)
            for storage in self._storages(part)
        ]
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return sum(away.nbytes for away in self._away[part])

    def come_back(self) -> int:
        """Move all that is away back to the device; returns its bytes."""
        away = [one for part in self._away.values() for one in part]
        for one in away:
            one.come_back()
        self._away = {}
        return sum(one.nbytes for one in away)

    def memory(self) -> tuple[float, float]:
        """GiB that are in use on the device, by all processes, and that it has.

        On a CPU host: those of this process, and of the host.
        """
        if self._device.type == "cuda":
            free, total = torch.cuda.mem_get_info(self._device)
            return (total - free) / 2**30, total / 2**30
        return psutil.Process().memory_info().rss / 2**30, psutil.virtual_memory().total / 2**30

    def _storages(self, part: Part) -> list[torch.UntypedStorage]:
        of_policy = storages(self._here(tensors_of(self._policy)))
        if part == "weights":
            return of_policy
        known = {storage._cdata for storage in of_policy}
        others = [tensor for one in self._others for tensor in tensors_of(one)]
        others += [one.grad for one in self._policy.parameters() if one.grad is not None]
        found = storages(self._here(others))
        return [storage for storage in found if storage._cdata not in known]

    def _here(self, tensors: Iterable[Tensor]) -> Iterator[Tensor]:
        return (tensor for tensor in tensors if tensor.device.type == self._device.type)


def tensors_of(root: Any) -> Iterator[Tensor]:
    """Every tensor that is held by a model, or by an optimizer however it is wrapped."""
    if isinstance(root, nn.Module):
        for tensor in (*root.parameters(), *root.buffers()):
            yield from _with_shard(tensor)
        return
    seen: set[int] = set()
    left = [root]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, nn.Module):
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            yield from _with_shard(one)
            if one.is_leaf and one.grad is not None:
                yield one.grad
        elif isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            left += one
        elif _holds_tensors(one):
            left += vars(one).values()


def buckets_of(optimizers: Iterable[Any]) -> Iterator[Tensor]:
    """The buffers in which DeepSpeed gathers gradients to reduce them, 2 GB each in float32."""
    for optimizer in optimizers:
        for bucket in getattr(optimizer, "ipg_buckets", {}).values():
            yield from tensors_of(bucket.buffer)


def _with_shard(tensor: Tensor) -> Iterator[Tensor]:
    """A parameter, and under ZeRO-3 this rank's shard of it."""
    yield tensor.data
    shard = getattr(tensor, "ds_tensor", None)
    if isinstance(shard, Tensor):
        yield shard.data


def _holds_tensors(one: Any) -> bool:
    """Whether an object belongs to what holds an optimizer's tensors."""
    module = type(one).__module__
    known = module.startswith(("deepspeed.", "torch.optim", "rl.learn"))
    return (known or is_dataclass(one)) and hasattr(one, "__dict__")
