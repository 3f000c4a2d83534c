"""The engine's half of a weight update, mixed into vLLM's worker (`worker_extension_cls`).

It must stay importable with torch alone.
"""

import os
import pickle
import threading
import time
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing import set_sharing_strategy

from rl.errors import EngineError
from rl.rendezvous import join_store, make_group
from rl.weights.layout import Entry, bucket_bytes, checksum


class WeightReceiver:
    """The engine's half, mixed into every vLLM worker; methods are called by `collective_rpc`."""

    device: torch.device
    rank: int
    model_runner: Any
    plumb_group: dist.ProcessGroup | None = None
    plumb_buffer: Tensor | None = None

    def plumb_follow_parent(self) -> None:
        """Exit when the process that started this one is gone: engines must not outlive a run."""
        parent = os.getppid()

        def watch() -> None:
            while os.getppid() == parent:
                time.sleep(0.5)
            os._exit(1)

        threading.Thread(target=watch, name="plumb-follow-parent", daemon=True).start()

    def plumb_attach(self, handle: bytes) -> None:
        """Map the learner's buffer."""
        if self.device.type == "cpu":
            set_sharing_strategy("file_system")
        rebuild, arguments = pickle.loads(handle)
        if self.device.type == "cuda":
            # The handle names the learner's device index; ours may differ for the same GPU.
            arguments = list(arguments)
            arguments[6] = self.device.index
        self.plumb_buffer = rebuild(*arguments)

    def plumb_join(
        self, host: str, port: int, first_rank: int, world_size: int, backend: str, seconds: float
    ) -> None:
        """Join the broadcast group."""
        timeout = timedelta(seconds=seconds)
        store = join_store(host, port, timeout)
        self.plumb_group = make_group(store, first_rank + self.rank, world_size, backend, timeout)

    def plumb_receive(self, entries: list[tuple[Any, ...]], expected: int | None) -> None:
        """Load one bucket into the model, after comparing its checksum where one is given."""
        bucket = [
            Entry(name, dtype, tuple(shape), offset) for name, dtype, shape, offset in entries
        ]
        data = self._plumb_bytes(bucket_bytes(bucket))
        if expected is not None and checksum(data) != expected:
            raise EngineError("a weight bucket arrived damaged: its checksum differs")
        self.model_runner.model.load_weights((entry.name, entry.view(data)) for entry in bucket)
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _plumb_bytes(self, size: int) -> Tensor:
        if self.plumb_group is None:
            if self.plumb_buffer is None:
                raise EngineError("a weight bucket was announced before the buffer was mapped")
            return self.plumb_buffer[:size]
        data = torch.empty(size, dtype=torch.uint8, device=self.device)
        self.plumb_group.broadcast([data], dist.BroadcastOptions()).wait()
        return data
