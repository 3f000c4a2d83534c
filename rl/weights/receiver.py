"""What is mixed into vLLM's worker (`worker_extension_cls`); only a worker imports this module.

Its import registers the `plumb` backend of vLLM's weight transfer, which does the receiving.
"""

import os
import threading
import time
from typing import Any

from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory

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

    def plumb_start_update(self: Any) -> None:
        """Begin a weight update, also where the last one was broken off half-way."""
        self._weight_update_active = False
        self.start_weight_update()
