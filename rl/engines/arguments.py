"""What vLLM is started with."""

from typing import Any

from rl.adapter import adapter_arguments
from rl.config import RunConfig
from rl.engines.seat import Seat
from rl.hardware import Hardware

EXTENSION = "rl.weights.receiver.WeightReceiver"
"""Mixed into vLLM's workers: the engine's half of a weight update."""


def context_tokens(config: RunConfig) -> int:
    """Most tokens of a context, of training and of evaluations."""
    rollout = config.rollout
    answers = [settings.max_tokens or 0 for settings in config.evaluation.values()]
    longest = rollout.max_prompt_tokens + max(rollout.max_response_tokens, *answers, 0)
    return max(longest, config.episode.tokens or 0)


def engine_arguments(config: RunConfig, hardware: Hardware, seat: Seat) -> dict[str, Any]:
    """Those of vLLM's `AsyncEngineArgs`.

    Args:
        config: the run's configuration, with `model.path` a folder or hub id.
        hardware: what the engine runs on.
        seat: what it has of its GPUs.
    """
    rollout = config.rollout
    length = context_tokens(config)
    dtype = hardware.dtype(config.model.dtype)
    arguments: dict[str, Any] = {
        "model": config.model.path,
        "trust_remote_code": config.model.trust_remote_code,
        "dtype": "bfloat16" if dtype == "bf16" else "float32",
        "max_model_len": length,
        "max_num_seqs": rollout.max_concurrency,
        "tensor_parallel_size": rollout.tensor_parallel,
        "pipeline_parallel_size": rollout.pipeline_parallel,
        "data_parallel_size": rollout.data_parallel,
        "enable_expert_parallel": rollout.expert_parallel,
        "seed": config.seed,
        "logprobs_mode": "processed_logprobs",
        "worker_extension_cls": EXTENSION,
        "weight_transfer_config": {"backend": "plumb"},
        "disable_log_stats": True,
        # Answers of a group are requests of their own, with one prompt: it is prefilled once.
        "enable_prefix_caching": True,
        # A canary goes before all that waits.
        "scheduling_policy": "priority",
    }
    if hardware.adapters_travel(config.learner.lora, dtype):
        arguments |= adapter_arguments(config.learner.lora)
    if not hardware.is_cpu:
        over_nodes = {"distributed_executor_backend": "ray"} if seat.over_nodes else {}
        return (
            arguments
            | over_nodes
            | {
                "worker_cls": "rl.cuda_worker.CudaRolloutWorker",
                "gpu_memory_utilization": hardware.engine_memory(rollout.gpu_memory, seat.gpu),
                "enable_sleep_mode": seat.sleeps,
            }
        )
    workers = rollout.tensor_parallel * rollout.pipeline_parallel
    return arguments | {
        "worker_cls": "rl.cpu_worker.CpuRolloutWorker",
        "distributed_executor_backend": "mp" if workers > 1 else _one_worker(),
        "enforce_eager": True,
        # vLLM's seeded sampling on a CPU fails on a prompt that is prefilled in parts.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(length, 8192),
        "block_size": 32,  # of 128, vLLM's choice on a CPU, short prompts share nothing
    }


def _one_worker() -> Any:
    """The executor without a process of its own; its name "uni" would become one process more."""
    from vllm.v1.executor.uniproc_executor import UniProcExecutor

    return UniProcExecutor
