"""Ranks of DeepSpeed as the learner sets it up, on one weight matrix: what updates make of it.

Usage: python optimizer_process.py; the first of two ranks prints a line of JSON, the cases by name.
"""

import json
import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from rl.config import LearnerConfig
from rl.hardware import Hardware
from rl.learn.optimizing import Rates, optimizer_settings
from rl.learn.strategy import make_strategy
from rl.weights.sources import gathered
from tests.rl.ranks import fork_ranks
from tests.rl.sharding import shard_everything

SMALL = 2.0**-9
"""Added to 1 in bfloat16 it is lost."""


class Block(nn.Module):
    """A layer as in a network, and an embedding, which Muon leaves to AdamW."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Linear(16, 8, bias=False)
        self.embed = nn.Parameter(torch.zeros(4, 4))

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.proj(inputs) + 0 * self.embed.sum()
        return out


class Trained:
    """A block and its optimizer."""

    def __init__(self, dtype: str, **settings: Any) -> None:
        config = LearnerConfig.model_validate({"max_grad_norm": 1e9, "warmup_steps": 4} | settings)
        hardware = Hardware(device="cpu", cores=1)
        self._dtype = torch.bfloat16 if dtype == "bf16" else torch.float32
        self._strategy = make_strategy(
            hardware, config, dtype=dtype, seed=1, world_size=dist.get_world_size()
        )
        torch.manual_seed(3)
        self._engine, optimizer, _ = self._strategy.prepare((Block(), optimizer_settings(config)))
        self.rates = Rates(config, 8, optimizer)

    def update(self, gradients: list[Tensor]) -> float:
        """Add up gradients of the layer's weight, one a micro-batch; returns their norm."""
        for i, gradient in enumerate(gradients):
            is_last = i == len(gradients) - 1
            self._engine.set_gradient_accumulation_boundary(is_boundary=is_last)
            inputs = torch.eye(16, dtype=self._dtype)
            self._engine.backward((self._engine(inputs) * gradient.T.to(self._dtype)).sum())
        self._engine.step()
        return float(self._strategy.get_grad_norm(self._engine))

    def weight(self) -> Tensor:
        with gathered(self._engine.module.proj.weight):
            return self._engine.module.proj.weight.detach().float().clone()


def sums(rank: int, dtype: str, **settings: Any) -> list[float]:
    """The norms of 1 + 32 * SMALL in one entry, in two updates; the second rank has thrice it."""
    trained = Trained(dtype, **settings)
    one = torch.zeros(8, 16)
    one[0, 0] = 1.0 + 2.0 * rank
    found = []
    for step in (1, 2):
        trained.rates.set(step=step, update=0, updates=1)
        found.append(trained.update([one, *[one * SMALL] * 32]))
    return found


def muon(rank: int, dtype: str, **settings: Any) -> list[float]:
    """Smallest and largest singular value of Muon's update over its rate."""
    trained = Trained(dtype, optimizer="muon", muon_lr=0.25, lr=0.125, **settings)
    before = trained.weight()
    assert trained.rates.set(step=2, update=1, updates=2) == 0.125 / 2
    gradient = torch.randn(8, 16, generator=torch.Generator().manual_seed(4 + rank))
    trained.update([gradient] * 2)
    values = torch.linalg.svdvals((trained.weight() - before) / 0.125)
    return [float(values.min()), float(values.max())]


def rates() -> list[float]:
    """How far AdamW goes in some steps of a schedule: their rates, since gradients are equal."""
    trained = Trained("fp32", zero_stage=1, lr=0.5, schedule="linear", min_lr_ratio=0.0)
    found = []
    for step in (1, 2, 5, 8):
        trained.rates.set(step=step, update=0, updates=1)
        before = trained.weight()
        trained.update([torch.ones(8, 16)])
        found.append(float((before - trained.weight()).mean()))
    return found


def work(rank: int, ranks: int, port: int) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": "0"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    shard_everything()
    found: dict[str, Any] = {}
    for stage in (1, 2, 3):
        found[f"sums {stage}"] = sums(rank, "bf16", zero_stage=stage)
        found[f"sums {stage} offloaded"] = sums(
            rank, "bf16", zero_stage=stage, optimizer_offload=True
        )
    found["sums 1 offloaded fp32"] = sums(rank, "fp32", zero_stage=1, optimizer_offload=True)
    for stage in (1, 2):
        found[f"muon {stage}"] = muon(rank, "fp32", zero_stage=stage)
    found["muon bf16"] = muon(rank, "bf16", zero_stage=1)
    found["rates"] = rates()
    if rank == 0:
        print("FOUND", json.dumps(found), flush=True)
    dist.barrier()


if __name__ == "__main__":
    fork_ranks("optimizer", 2, work)
