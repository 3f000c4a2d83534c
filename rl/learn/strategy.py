"""OpenRLHF's DeepSpeed strategy for a rank: which one, and with which settings."""

import importlib.util
from argparse import Namespace
from datetime import timedelta

import torch

from rl.config import LearnerConfig
from rl.cuda_strategy import CudaDeepspeedStrategy
from rl.errors import ConfigError
from rl.hardware import Hardware
from rl.learn import deepspeed_mends
from rl.learn.openrlhf_parts import DeepspeedStrategy
from rl.learn.optimizing import gradient_type


def make_strategy(
    hardware: Hardware, config: LearnerConfig, *, dtype: str, seed: int, world_size: int
) -> DeepspeedStrategy:
    """OpenRLHF's strategy for this hardware, with its process group formed.

    Raises:
        ConfigError: Ring attention is asked for where it cannot be had.
    """
    ring = config.sequence_parallel if config.sequence_parallel_by == "ring" else 1
    if ring > 1:
        _check_ring(hardware)
    args = Namespace(
        ds=Namespace(
            param_dtype=dtype,
            zero_stage=config.zero_stage,
            adam_offload=config.optimizer_offload,
            tensor_parallel_size=1,
            ring_attn_size=ring,
            grad_accum_dtype=gradient_type(config, dtype),
        ),
        train=Namespace(dynamic_batch_enable=True),
        learner=config,
        local_rank=-1 if hardware.is_cpu else 0,
    )
    strategy_class: type[DeepspeedStrategy] = CudaDeepspeedStrategy
    if hardware.is_cpu:
        from rl.cpu_strategy import CpuDeepspeedStrategy

        strategy_class = CpuDeepspeedStrategy
        # OpenRLHF compiles its entropy kernel; on a CPU the compiler costs more than it saves.
        torch.compiler.set_stance("force_eager")
    strategy = strategy_class(
        seed=seed,
        max_norm=config.max_grad_norm,
        micro_train_batch_size=1,
        train_batch_size=world_size // ring,
        zero_stage=config.zero_stage,
        args=args,
    )
    deepspeed_mends.install()
    strategy.setup_distributed(timeout=timedelta(seconds=config.deadline))
    return strategy


def _check_ring(hardware: Hardware) -> None:
    missing = [
        name
        for name in ("flash_attn", "ring_flash_attn")
        if not (spec := importlib.util.find_spec(name)) or not spec.origin
    ]
    if hardware.is_cpu or missing:
        what = "GPUs" if hardware.is_cpu else " and ".join(missing)
        raise ConfigError(
            f"learner.sequence_parallel_by=ring needs {what}: take ulysses, or set up such a host"
        )
