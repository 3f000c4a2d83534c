"""What a GPU host has otherwise than a CPU host, as far as it can be told without one."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from rewards.judge import ServeSettings
from rewards.judge.server import JudgeServer
from rl.cluster import connect
from rl.config import LearnerConfig, RunConfig
from rl.engines.fleet import Fleet
from rl.engines.making import maker
from rl.errors import EngineError
from rl.hardware import Hardware
from rl.tiny import make_model, make_tokenizer, save

GPU_HOST = Hardware(device="cuda", cores=16)


def test_a_part_of_a_gpu_is_that_part_of_its_memory() -> None:
    assert GPU_HOST.engine_memory(None, 1) == 0.85
    assert GPU_HOST.engine_memory(None, 4) == 0.85
    assert GPU_HOST.engine_memory(None, 0.35) == 0.35
    assert GPU_HOST.engine_memory(0.2, 0.35) == 0.2

    def command(**serve: Any) -> list[str]:
        return JudgeServer(ServeSettings(model="judge", port=8000, **serve))._command()

    assert command(gpus=0.3)[-2:] == ["--gpu-memory-utilization", "0.3"]
    chosen = ("--gpu-memory-utilization", "0.1")
    assert command(gpus=0.3, args=chosen).count(chosen[0]) == 1
    assert chosen[0] not in command(gpus=1) + command(gpus=0)


def test_the_optimizer_needs_no_compiler() -> None:
    from rl.cuda_strategy import CudaDeepspeedStrategy

    strategy = CudaDeepspeedStrategy(
        seed=0,
        max_norm=1.0,
        micro_train_batch_size=1,
        train_batch_size=1,
        zero_stage=3,
        args=Namespace(
            ds=Namespace(param_dtype="bf16"),
            train=Namespace(dynamic_batch_enable=True),
            learner=LearnerConfig(zero_stage=3, param_offload=True),
        ),
    )
    asked = {"type": "AdamW", "params": {"lr": 1e-3}}
    optimizer = strategy.get_ds_train_config(asked)["optimizer"]
    assert optimizer["type"] == "AdamW"
    assert optimizer["params"] == {"lr": 1e-3, "torch_adam": True, "fused": True}
    settings = strategy.get_ds_train_config()
    assert "optimizer" not in settings
    offloaded = settings["zero_optimization"]["offload_param"]
    assert offloaded == {"device": "cpu", "pin_memory": True}


@pytest.mark.slow
async def test_a_core_that_cannot_start_says_why(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=0), tokenizer, tmp_path)
    os.truncate(tmp_path / "model.safetensors", 100_000)
    rollout = {"max_prompt_tokens": 8, "max_response_tokens": 8, "own_process": True}
    config = RunConfig.model_validate({"model": {"path": str(tmp_path)}, "rollout": rollout})
    with connect(config) as hardware:
        fleet = Fleet(config, make=maker(config, hardware))
        told = r"vLLM's engine did not start: .*SafetensorError: .*\(log: /.*\.out\)"
        with pytest.raises(EngineError, match=told) as caught:
            await fleet.start()
        await fleet.stop()
    assert "\n" not in str(caught.value)
