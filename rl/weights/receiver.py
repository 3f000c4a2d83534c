"""What is mixed into vLLM's worker (`worker_extension_cls`); only a worker imports this module.

Its import registers the `plumb` backend of vLLM's weight transfer, which does the receiving.
"""

import os
import threading
import time
from typing import Any

from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory

from rl.weights.adapters import AdapterUpdate

WeightTransferEngineFactory.register_engine("plumb", "rl.weights.transfer", "PlumbTransfer")


class WeightReceiver:
    """Methods beside vLLM's own, called by `collective_rpc`."""

    def plumb_follow_parent(self) -> None:
        """Exit when the process that started this one is gone: engines must not outlive a run."""
        parent = os.getppid()

        def watch() -> None:
            while os.getppid() == parent:
                time.sleep(0.5)
            os._exit(1)

        threading.Thread(target=watch, name="plumb-follow-parent", daemon=True).start()

    def plumb_start_update(self: Any, adapter: dict[str, Any] | None = None) -> None:
        """Begin an update, also where the last one was broken off half-way.

        Args:
            adapter: what comes is an adapter, so described; none: weights come.
        """
        self._weight_update_active = False
        self.weight_transfer_engine.adapter = (
            None if adapter is None else AdapterUpdate(self.model_runner, adapter)
        )
        self.start_weight_update()

    def plumb_finish_update(self: Any) -> None:
        """End an update; vLLM drops all adapters in it, so that one that came is put in after."""
        self.finish_weight_update()
        if (adapter := self.weight_transfer_engine.adapter) is not None:
            adapter.install()
