"""vLLM's CPU worker with linear weights left as they are, so that a weight sync can write them.

vLLM on a CPU repacks every linear layer's weight for its own kernels and frees the original, after
which loading weights fails. `torch.nn.functional.linear` on the original weight costs little at the
sizes that run on a CPU.
"""

from typing import Any

import torch
import vllm.model_executor.layers.utils as linear_layers
from torch import nn
from vllm.v1.worker.cpu_worker import CPUWorker

from rl.cpu_sleep import Asleep
from rl.engines.logprobs import WholeLogprobs


def keep_weights(layer: nn.Module, remove_weight: bool) -> None:
    """Give a linear layer its plain kernel; stands in for vLLM's repacking of the same name."""
    layer.__dict__["cpu_linear"] = torch.nn.functional.linear


class CpuRolloutWorker(WholeLogprobs, CPUWorker):
    """A CPU worker whose weights can be synced, and that sleeps, which vLLM's own does not."""

    _asleep: Asleep | None = None

    def load_model(self, *args: object, **kwargs: object) -> None:
        """Load the model without repacking."""
        linear_layers.dispatch_cpu_unquantized_gemm = keep_weights
        super().load_model(*args, **kwargs)

    def sleep(self, level: int = 1) -> None:
        """Free the memory of weights and cache; level 1 keeps a copy of the weights."""
        runner: Any = self.model_runner
        self._asleep = Asleep(runner.model.parameters(), runner.kv_caches, keep=level == 1)

    def wake_up(self, tags: list[str] | None = None) -> None:
        """Take it again; weights that were not kept are no numbers until they are sent."""
        asleep = self._asleep
        if asleep is not None:
            for tag in ("weights", "kv_cache") if tags is None else tags:
                asleep.wake(tag)
