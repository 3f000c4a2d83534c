"""Weight updates over CUDA IPC and NCCL, each followed by the canary.

Training steps at a high learning rate change the weights between the updates, and every bucket's
checksum is compared at both ends. On a CPU: shared memory and gloo.
"""

import asyncio
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Literal

from rl.cluster import connect
from rl.config import RunConfig
from tests.bench.running import Bench, Ran
from tests.gpu.machine import gpus
from tests.gpu.models import make_model
from tests.gpu.row import Row, at_most, info, skipped

STEPS = 3
GAP = {"cpu": 1e-4, "cuda": 0.05}
"""Largest mean |gap| of the canary, nats a token: float32, and bf16."""
Transport = Literal["ipc", "broadcast"]


def check(device: str) -> list[Row]:
    """Both transports, where this machine has what each needs."""
    names = {"ipc": "shared memory", "broadcast": "gloo"}
    if device == "cuda":
        names = {"ipc": "CUDA IPC", "broadcast": "NCCL"}
    rows: list[Row] = []
    transports: tuple[Transport, ...] = ("ipc", "broadcast")
    with tempfile.TemporaryDirectory(prefix="plumb-weights-") as folder:
        model = make_model(device, Path(folder) / "model")
        for transport in transports:
            name = names[transport]
            if device == "cuda" and transport == "broadcast" and gpus() < 2:
                rows.append(skipped(name, "NCCL wants two GPUs, one for either end"))
                continue
            with _visible("0" if device == "cuda" and transport == "ipc" else None):
                steps = asyncio.run(_steps(model, Path(folder) / transport, transport))
            gap = max(step.canary_gap for step in steps)
            rows.append(at_most(f"canary after {name}", gap, GAP[device], "nats a token"))
            seconds = statistics.median(step.sync for step in steps)
            rows.append(info(f"an update by {name}", f"{seconds:.3f} s with canary and checksums"))
    return rows


async def _steps(model: Path, run_dir: Path, transport: Transport) -> list[Ran]:
    """Train and publish; the run ends with an error where a checksum or a canary is off."""
    config = RunConfig.model_validate(
        {
            "run_dir": str(run_dir),
            "model": {"path": str(model)},
            "sampler": {"prompts_per_step": 4, "samples_per_prompt": 4, "filter": "none"},
            "rollout": {"max_prompt_tokens": 80, "max_response_tokens": 32},
            "learner": {"mini_batch_size": 16, "lr": 1e-3, "warmup_steps": 0},
            "sync": {"transport": transport, "verify": True},
            "train": {"steps": 1000},
        }
    )
    async with AsyncExitStack() as stack:
        hardware = stack.enter_context(connect(config))
        bench = await Bench.start(stack, config, hardware)
        dispatcher = bench.dispatcher(max_lag=0)
        try:
            return [await bench.step(dispatcher) for _ in range(STEPS)]
        finally:
            await dispatcher.aclose()


@contextmanager
def _visible(gpu: str | None) -> Iterator[None]:
    """Show one GPU alone, which learner and engine then share."""
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = (before or gpu).split(",")[0]
    try:
        yield
    finally:
        if gpu is not None:
            os.environ.pop("CUDA_VISIBLE_DEVICES")
            os.environ |= {"CUDA_VISIBLE_DEVICES": before} if before is not None else {}
