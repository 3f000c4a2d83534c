"""Memory of tensors that is freed and taken again in place.

Views, aliases and references stay what they are, since it is the storage under them that becomes
empty and whole again. A tensor must not be read meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor


def storages(tensors: Iterable[Tensor]) -> list[torch.UntypedStorage]:
    """The storages under tensors, each once; those that cannot be freed are left out."""
    found = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        if storage.device.type != "meta" and storage.nbytes() and storage.resizable():
            found[storage._cdata] = storage
    return list(found.values())


class Hosts:
    """Host memory that is used again: page-locked memory takes long to get."""

    def __init__(self) -> None:
        self._free: dict[int, list[Tensor]] = defaultdict(list)

    def take(self, nbytes: int, device: torch.device) -> Tensor:
        """So many bytes, page-locked where a GPU copies into them."""
        if self._free[nbytes]:
            return self._free[nbytes].pop()
        return torch.empty(nbytes, dtype=torch.uint8, pin_memory=device.type == "cuda")

    def give(self, host: Tensor) -> None:
        """Bytes that are needed no longer."""
        self._free[host.nbytes].append(host)


class Away:
    """A storage whose memory is freed from now on until `come_back`.

    Args:
        storage: which.
        keep: whether its bytes come back; else they are arbitrary then.
        hosts: where its bytes are meanwhile.
    """

    def __init__(
        self, storage: torch.UntypedStorage, *, keep: bool, hosts: Hosts | None = None
    ) -> None:
        self.nbytes = storage.nbytes()
        self._storage = storage
        self._hosts = hosts or Hosts()
        self._host: Tensor | None = None
        if keep:
            self._host = self._hosts.take(self.nbytes, storage.device)
            self._host.copy_(_bytes(storage))  # waits for the copy: then the memory may go
        storage.resize_(0)

    def come_back(self) -> None:
        """Take the memory again."""
        self._storage.resize_(self.nbytes)
        if self._host is not None:
            _bytes(self._storage).copy_(self._host)
            self._hosts.give(self._host)
            self._host = None


def _bytes(storage: torch.UntypedStorage) -> Tensor:
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
