"""The engine's half of a weight update, as a backend of vLLM's weight transfer.

vLLM's worker keeps the order of calls (init, start, update, finish) and makes them between two of
its steps; this backend brings the bytes and loads them. Dense models are loaded into the live
parameters. Mixtures of experts and quantised models are reloaded layer by layer within one bracket
an update, since their kernels keep weights in another form than a checkpoint's: loaded raw they
compute garbage without an error. The bracket keeps what it was given until a layer is complete, so
that tensors of a buffer that is used again are copied first.
"""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from vllm.distributed.weight_transfer.base import (
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
)
from vllm.model_executor.layers.fused_moe.fused_moe_method_base import FusedMoEMethodBase
from vllm.model_executor.model_loader.mtp_validation import disable_mtp_completeness_check
from vllm.model_executor.model_loader.reload import (
    finalize_layerwise_reload,
    initialize_layerwise_reload,
)
from vllm.model_executor.model_loader.reload.layerwise import get_layerwise_info

from rl.errors import EngineError
from rl.weights.adapters import AdapterUpdate
from rl.weights.collective import WeightGroup
from rl.weights.devices import device_name
from rl.weights.host_buffer import Shared, mapped
from rl.weights.layout import Entry, bucket_bytes, checksum


@dataclass
class Link(WeightTransferInitInfo):
    """How buckets come: over a mapped buffer if there are handles, else over a group."""

    handles: list[tuple[str, bytes]] = field(default_factory=list)
    """A device and what lets a worker map the buffer there: one for all workers, or one each."""
    host: str = ""
    port: int = 0
    group: str = ""
    first_rank: int = 0
    """The group's rank of the engine's first worker."""
    world_size: int = 0
    backend: str = ""
    meeting: float = 60.0
    seconds: float = 600.0
    reload: Literal["auto", "raw"] = "auto"
    """auto: layer by layer where the model needs it; raw: never, which shows what for."""


@dataclass
class Update(WeightTransferUpdateInfo):
    """One bucket."""

    entries: list[tuple[str, str, list[int], int]]
    """Name, type, shape and offset of each tensor."""
    start: int = 0
    """Where the bucket begins in the mapped buffer, bytes."""
    checksum: int | None = None


class PlumbTransfer(WeightTransferEngine[Link, Update]):
    """A worker's end of the transport."""

    init_info_cls = Link
    update_info_cls = Update

    adapter: AdapterUpdate | None = None
    """Where what comes is an adapter; its layers take nothing apart, so no bracket is needed."""
    _buffer: Tensor | None = None
    _group: WeightGroup | None = None
    _layerwise = False

    def init_transfer_engine(self, init_info: Link) -> None:
        """Map the learner's buffer, or join its group in place of the one before."""
        self._layerwise = init_info.reload == "auto" and self._needs_reload()
        self.shutdown()
        if init_info.handles:
            self._buffer = self._mapped(self._own(init_info.handles))
            return
        self._group = WeightGroup(
            init_info.host,
            init_info.port,
            group=init_info.group,
            rank=init_info.first_rank + self._number(),
            world_size=init_info.world_size,
            backend=init_info.backend,
            meeting=init_info.meeting,
            seconds=init_info.seconds,
        )

    def start_weight_update(self) -> None:
        """Open the bracket, where the model needs one."""
        if self.adapter is not None or not self._layerwise:
            return
        for layer in self.model.modules():
            info = get_layerwise_info(layer)
            if info.can_load():  # an update was broken off: what it brought does not count
                info.loaded_weights.clear()
                info.load_numel = 0
        initialize_layerwise_reload(self.model)
        if self.device.type == "cpu":
            for method in _expert_methods(self.model):
                # Its weights are packed for the CPU only while it has no kernel yet.
                method.moe_kernel = None

    def update_weights(self, update_info: dict[str, Any]) -> None:
        """Receive and load one bucket; its bytes may be overwritten once this returns."""
        self.receive_weights(self.parse_update_info(update_info))
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def receive_weights(self, update_info: Update) -> None:
        """Load one bucket, after comparing its checksum where one is given."""
        entries = [Entry(n, dtype, tuple(shape), at) for n, dtype, shape, at in update_info.entries]
        data = self._received(update_info.start, bucket_bytes(entries))
        if update_info.checksum is not None and checksum(data) != update_info.checksum:
            raise EngineError("a weight bucket arrived damaged: its checksum differs")
        if self.adapter is not None:
            self.adapter.take((entry.name, entry.view(data)) for entry in entries)
            return
        with disable_mtp_completeness_check():
            self.model.load_weights(self._tensors(entries, data))

    def finish_weight_update(self) -> None:
        """Close the bracket."""
        if self.adapter is None and self._layerwise:
            finalize_layerwise_reload(self.model, self.model_config)

    def shutdown(self) -> None:
        """Leave the group, let go of the buffer."""
        if self._group is not None:
            self._group.close()
        self._group = self._buffer = None

    def _needs_reload(self) -> bool:
        if self.vllm_config.quant_config is not None:
            return True
        return any(True for _ in _expert_methods(self.model))

    def _number(self) -> int:
        """Of this worker among all of the engine."""
        parallel = self.parallel_config
        replica: int = parallel.data_parallel_index * parallel.world_size
        return replica + int(parallel.rank)

    def _own(self, handles: list[tuple[str, bytes]]) -> bytes:
        """The handle of the buffer on this worker's GPU; on a CPU, that of its place."""
        if self.device.type == "cpu":
            return handles[self._number() % len(handles)][1]
        mine = device_name(self.device)
        found = [handle for device, handle in handles if device == mine]
        if not found:
            have = ", ".join(device for device, _ in handles)
            raise EngineError(
                f"no learner rank is on {mine}, where a worker of this engine is: they are on "
                f"{have}; set sync.transport=broadcast, or placement.layout=colocated"
            )
        return found[0]

    def _mapped(self, handle: bytes) -> Tensor:
        if self.device.type == "cpu":
            return mapped(Shared(*pickle.loads(handle)))
        rebuild, arguments = pickle.loads(handle)
        if self.device.type == "cuda":
            # The handle names the learner's device index; ours may differ for the same GPU.
            arguments = list(arguments)
            arguments[6] = self.device.index
        buffer: Tensor = rebuild(*arguments)
        return buffer

    def _received(self, start: int, size: int) -> Tensor:
        if self._buffer is not None:
            return self._buffer[start : start + size]
        if self._group is None:
            raise EngineError("a weight bucket was announced before the transport was joined")
        data = torch.empty(size, dtype=torch.uint8, device=self.device)
        self._group.finish(self._group.broadcast(data))
        return data

    def _tensors(self, entries: list[Entry], data: Tensor) -> Iterator[tuple[str, Tensor]]:
        borrowed = self._layerwise and self._buffer is not None
        for entry in entries:
            tensor = entry.view(data)
            yield entry.name, tensor.clone() if borrowed else tensor


def _expert_methods(model: nn.Module) -> Iterator[Any]:
    """What runs the experts of each layer of a mixture."""
    for layer in model.modules():
        method = getattr(layer, "quant_method", None)
        if isinstance(method, FusedMoEMethodBase):
            yield method
