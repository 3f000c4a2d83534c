"""What a GPU host has otherwise than a CPU host, as far as it can be told without one."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import ray

from rewards.judge import ServeSettings
from rewards.judge.server import JudgeServer
from rl.cluster import Placement, connect, place, place_engines
from rl.config import RunConfig
from rl.engines.fleet import Fleet
from rl.errors import ClusterError, EngineError
from rl.hardware import Hardware
from rl.tiny import make_model, make_tokenizer, save

GPU_HOST = Hardware(device="cuda", cores=16)


def settings(judge_gpus: float, ranks: int = 1) -> RunConfig:
    """A run that serves a judge."""
    options = {"serve": {"model": "judge", "gpus": judge_gpus}}
    reward = {"verifier": "math", "routes": {"text": {"spec": "judge", "options": options}}}
    return RunConfig.model_validate({"reward": reward, "learner": {"ranks": ranks}})


@pytest.mark.parametrize(
    ("gpus", "judge_gpus", "ranks", "placement"),
    [
        (1, 0, 1, Placement(0.5, 0.5, shared_gpu=True)),
        (1, 0.3, 1, Placement(0.35, 0.35, shared_gpu=True)),
        (1, 1 / 3, 1, Placement(0.3333, 0.3333, shared_gpu=True)),
        (2, 0, 1, Placement(1, 1, shared_gpu=False)),
        (3, 1, 1, Placement(1, 1, shared_gpu=False)),
        (8, 2, 4, Placement(1, 1, shared_gpu=False)),
    ],
)
def test_engine_and_learner_share_the_only_gpu_with_a_judge_if_need_be(
    gpus: float,
    judge_gpus: float,
    ranks: int,
    placement: Placement,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": gpus})
    assert place(settings(judge_gpus, ranks), GPU_HOST) == placement
    parts = placement.engine_gpus + placement.learner_gpus + judge_gpus
    assert parts <= gpus


@pytest.mark.parametrize(("gpus", "judge_gpus", "ranks"), [(1, 1, 1), (2, 0.5, 1), (1, 0, 2)])
def test_too_few_gpus_are_told(
    gpus: float, judge_gpus: float, ranks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": gpus})
    need, told = 1 + ranks + judge_gpus, rf"the cluster has {gpus}: "
    with pytest.raises(ClusterError, match=rf"the run needs {need:g} GPUs .*{told}"):
        place(settings(judge_gpus, ranks), GPU_HOST)


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
        zero_stage=1,
        args=Namespace(
            ds=Namespace(param_dtype="bf16"), train=Namespace(dynamic_batch_enable=True)
        ),
    )
    asked = {"type": "AdamW", "params": {"lr": 1e-3}}
    optimizer = strategy.get_ds_train_config(asked)["optimizer"]
    assert optimizer["type"] == "AdamW"
    assert optimizer["params"] == {"lr": 1e-3, "torch_adam": True, "fused": True}
    assert "optimizer" not in strategy.get_ds_train_config()


@pytest.mark.slow
async def test_a_core_that_cannot_start_says_why(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=0), tokenizer, tmp_path)
    os.truncate(tmp_path / "model.safetensors", 100_000)
    rollout = {"max_prompt_tokens": 8, "max_response_tokens": 8, "own_process": True}
    config = RunConfig.model_validate({"model": {"path": str(tmp_path)}, "rollout": rollout})
    with connect(config) as hardware:
        fleet = Fleet(config, hardware, gpus=0)
        told = r"vLLM's engine did not start: .*SafetensorError: .*\(log: /.*\.out\)"
        with pytest.raises(EngineError, match=told) as caught:
            await fleet.start()
        await fleet.stop()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("gpus", "judge_gpus", "parallel", "wanted", "placed"),
    [
        (8, 0, 1, None, (8, 1.0)),
        (8, 0, 2, None, (4, 2.0)),
        (8, 1, 2, None, (3, 2.0)),
        (8, 0, 1, 3, (3, 1.0)),
        (1, 0.25, 1, None, (1, 0.75)),
        (1, 0.25, 1, 1, (1, 0.75)),
    ],
)
def test_engines_alone_take_every_gpu_or_as_many_as_are_wanted(
    gpus: float,
    judge_gpus: float,
    parallel: int,
    wanted: int | None,
    placed: tuple[int, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": gpus})
    config = settings(judge_gpus)
    rollout = config.rollout.model_copy(update={"tensor_parallel": parallel})
    config = config.model_copy(update={"rollout": rollout})
    assert place_engines(config, GPU_HOST, wanted) == placed
    assert place_engines(config, Hardware("cpu", 2), wanted) == (wanted or 1, 0.0)


@pytest.mark.parametrize(("gpus", "judge_gpus", "wanted"), [(4, 0, 5), (1, 1, None), (2, 1.5, 2)])
def test_engines_that_have_no_room_are_told(
    gpus: float, judge_gpus: float, wanted: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"GPU": gpus})
    with pytest.raises(ClusterError, match=rf"engines need .*the cluster has {gpus}: lower"):
        place_engines(settings(judge_gpus), GPU_HOST, wanted)
