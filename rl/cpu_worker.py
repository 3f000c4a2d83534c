"""vLLM's CPU worker with linear weights left as they are, so that a weight sync can write them.

vLLM on a CPU repacks every linear layer's weight for its own kernels and frees the original, after
which loading weights fails. `torch.nn.functional.linear` on the original weight costs little at the
sizes that run on a CPU.
"""

import torch
import vllm.model_executor.layers.utils as linear_layers
from torch import nn
from vllm.v1.worker.cpu_worker import CPUWorker

from rl.engines.logprobs import WholeLogprobs


def keep_weights(layer: nn.Module, remove_weight: bool) -> None:
    """Give a linear layer its plain kernel; stands in for vLLM's repacking of the same name."""
    layer.__dict__["cpu_linear"] = torch.nn.functional.linear


class CpuRolloutWorker(WholeLogprobs, CPUWorker):
    """A CPU worker whose weights can be synced."""

    def load_model(self, *args: object, **kwargs: object) -> None:
        """Load the model without repacking."""
        linear_layers.dispatch_cpu_unquantized_gemm = keep_weights
        super().load_model(*args, **kwargs)
