"""What a checkpoint costs a step: the copy that it waits for, beside the write that it does not.

Usage: python -m tests.bench.checkpoint [--millions N] [--times N] [--folder FOLDER]

One learner rank on this machine's CPU, in float32 at ZeRO 1, with AdamW's state: 16 bytes a
parameter in its files. The first copy also makes its room; later ones use it again.
"""

import argparse
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from rl.hardware import Hardware, calm_threads


@dataclass(frozen=True, slots=True)
class Cost:
    """One checkpoint."""

    nbytes: int
    copy: float
    """Seconds that a step waits for."""
    write: float
    """Seconds of the write, which it does not wait for."""


def costs(device: Literal["cpu", "cuda"], millions: float, times: int, at: Path) -> Iterator[Cost]:
    """Write checkpoints of a policy of about so many parameters, one after the other.

    Args:
        device: what the policy is on.
        millions: parameters.
        times: checkpoints.
        at: a folder; nothing is left in it.
    """
    learner = learner_of(device, millions)
    for number in range(times):
        folder = at / str(number)
        folder.mkdir()
        started = time.perf_counter()
        learner.snapshot(copy=True)
        copied = time.perf_counter()
        files = learner.write(folder)
        written = time.perf_counter()
        nbytes = sum(record.size for record in files.values())
        shutil.rmtree(folder)
        yield Cost(nbytes, copied - started, written - copied)


def learner_of(device: Literal["cpu", "cuda"], millions: float) -> Any:
    """A rank whose policy has about so many parameters, after one step."""
    import torch
    import torch.distributed as dist
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from rl.config import LearnerConfig
    from rl.learn.saving import LearnerState
    from rl.learn.shards import Layout
    from rl.learn.strategy import make_strategy

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": "0"}
    os.environ |= {"RANK": "0", "WORLD_SIZE": "1"}
    hardware = Hardware(device=device, cores=os.cpu_count() or 1)
    dist.init_process_group(hardware.backend, rank=0, world_size=1)
    dtype = hardware.dtype("auto")
    strategy: Any = make_strategy(hardware, LearnerConfig(), dtype=dtype, seed=1, world_size=1)
    width = 512
    layer = 4 * width * width + 3 * width * 4 * width
    network = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=1024,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=max(1, round(millions * 1e6 / layer)),
            num_attention_heads=8,
            num_key_value_heads=8,
            head_dim=width // 8,
        )
    ).to(torch.bfloat16 if dtype == "bf16" else torch.float32)
    settings = {
        "optim": "adam",
        "adam": {"lr": 1e-4, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.0},
        "lr_scheduler": "constant",
        "max_norm": 1.0,
        "scheduler_steps": 10,
    }
    engine, *_ = strategy.prepare((network, settings))
    rows = torch.randint(0, 1024, (1, 8), device=hardware.torch_device)
    engine.backward(engine(input_ids=rows).logits.float().square().mean())
    engine.step()
    return LearnerState(engine, rank=0, layout=Layout(1, 1, dtype))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=100, help="parameters, millions")
    parser.add_argument("--times", type=int, default=4, help="checkpoints")
    parser.add_argument("--folder", type=Path, help="where to write; default: a temporary folder")
    options = parser.parse_args()
    os.environ |= calm_threads()
    place = Path(tempfile.mkdtemp(dir=options.folder))
    table = Table("checkpoint", "MB", "copy, s", "write, s", "copy / write")
    try:
        for number, one in enumerate(costs("cpu", options.millions, options.times, place), 1):
            numbers = (f"{one.nbytes / 1e6:.0f}", f"{one.copy:.3f}", f"{one.write:.3f}")
            table.add_row(str(number), *numbers, f"{one.copy / one.write:.1%}")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    Console().print(table)
    os._exit(0)  # DeepSpeed's groups end with the process


if __name__ == "__main__":
    main()
