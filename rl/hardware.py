"""The one place that knows the device: everything else asks `Hardware`.

On a GPU host nothing of the CPU's special cases (see cpu_strategy.py and cpu_worker.py) is active.
"""

import os
from dataclasses import dataclass
from typing import Literal

from rl.config import LoraConfig


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the actors of a run compute on."""

    device: Literal["cpu", "cuda"]
    cores: int
    """Cores of the host that the run was started on."""
    nodes: int = 1
    """Of the cluster."""

    @property
    def backend(self) -> Literal["gloo", "nccl"]:
        """The collective backend."""
        return "nccl" if self.device == "cuda" else "gloo"

    @property
    def torch_device(self) -> str:
        """The device inside an actor; Ray shows a GPU actor its own GPU as the first."""
        return "cpu" if self.is_cpu else "cuda:0"

    @property
    def is_cpu(self) -> bool:
        """Whether the CPU's special cases apply."""
        return self.device == "cpu"

    def dtype(self, choice: str) -> Literal["bf16", "fp32"]:
        """Resolve `model.dtype`."""
        if choice == "auto":
            return "fp32" if self.is_cpu else "bf16"
        return "fp32" if choice == "fp32" else "bf16"

    def adapters_travel(self, lora: LoraConfig, dtype: str) -> bool:
        """Resolve `learner.lora.sync`: whether engines get adapters, not whole models."""
        if lora.sync == "auto":
            return lora.on and dtype == "bf16" and lora.quantize == "none"
        return lora.on and lora.sync == "adapter"

    def engine_in_own_process(self, choice: bool | None) -> bool:
        """Resolve `rollout.own_process`."""
        return not self.is_cpu if choice is None else choice

    def engine_memory(self, choice: float | None, gpus: float) -> float:
        """Resolve `rollout.gpu_memory` of an engine that has `gpus` GPUs."""
        if choice is not None:
            return choice
        return gpus if 0 < gpus < 1 else 0.85

    def learner_env(self, ranks: int = 1) -> dict[str, str]:
        """Environment of each of so many learner processes."""
        env = {"TOKENIZERS_PARALLELISM": "false"}
        if self.is_cpu:
            env |= self._threads(ranks) | {
                "DS_ACCELERATOR": "cpu",
            }
        return env

    def engine_env(self, cache_gb: int, engines: int = 1) -> dict[str, str]:
        """Environment of each of so many engines; `cache_gb` is its KV cache on a CPU host, GiB."""
        env = {
            "TOKENIZERS_PARALLELISM": "false",
            "VLLM_LOGGING_LEVEL": os.environ.get("VLLM_LOGGING_LEVEL", "ERROR"),
            "VLLM_NO_USAGE_STATS": "1",
        }
        if self.is_cpu:
            env |= self._threads(engines) | {
                "VLLM_CPU_KVCACHE_SPACE": str(cache_gb),
                "VLLM_CPU_OMP_THREADS_BIND": "nobind",
                # vLLM would compile its sampler with g++ at the first request: a stall of seconds.
                "TORCH_COMPILE_DISABLE": "1",
            }
        return env

    def _threads(self, processes: int) -> dict[str, str]:
        # Ray would allow one thread. Learner and engines take turns, so each side may use every
        # core; the processes of one side share them.
        threads = self.cores * self.nodes // processes
        return {"OMP_NUM_THREADS": str(min(self.cores, max(1, threads))), **calm_threads()}


def detect(gpus_in_cluster: float, nodes: int = 1) -> Hardware:
    """The hardware of a cluster that offers `gpus_in_cluster` GPUs on so many nodes."""
    cores = len(os.sched_getaffinity(0))
    return Hardware(device="cuda" if gpus_in_cluster >= 1 else "cpu", cores=cores, nodes=nodes)


def calm_threads() -> dict[str, str]:
    """Environment in which OpenMP's threads sleep while they wait for each other.

    They spin otherwise, which makes training ten times slower as soon as another program wants one
    of the cores.
    """
    return {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
