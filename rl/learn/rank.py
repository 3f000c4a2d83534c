"""One data-parallel rank of the learner: its models, what it trains on, saves, loads and sends.

Built on OpenRLHF's Actor and DeepspeedStrategy. Guarantees: a step is made by every rank together
and its metrics are equal on all of them; numbers that are not finite stop the run before they reach
the weights' next checkpoint; a checkpoint that was loaded goes on exactly as the run that wrote it.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from rl.config import RunConfig
from rl.hardware import Hardware
from rl.learn.actor import PolicyActor, prompt_logprobs
from rl.learn.ema import Ema
from rl.learn.exporting import Exporter
from rl.learn.lora import description, without_adapters
from rl.learn.objective import Models
from rl.learn.policy import load_policy, load_reference
from rl.learn.policy_gradient import PolicyGradient, trained_tokens
from rl.learn.residence import Residence
from rl.learn.saving import LearnerState
from rl.learn.shards import Layout
from rl.learn.shares import Share
from rl.learn.slices import share_packs
from rl.learn.stepper import Stepper
from rl.learn.strategy import make_strategy
from rl.manifest import Manifest
from rl.rendezvous import join_store, open_store
from rl.weights.sender import WeightSender


class LearnerRank:
    """A rank; the Ray actor of `rl.learn.group` holds one."""

    def __init__(self, config: RunConfig, hardware: Hardware, rank: int) -> None:
        self._config = config
        self._hardware = hardware
        self._rank = rank
        self._store: Any = None

    def rendezvous(self) -> tuple[str, int]:
        """Open the store at which the ranks meet; returns its address. Called on rank 0."""
        host = ray.util.get_node_ip_address()
        self._store = open_store(host, self._config.learner.port)
        return host, self._store.port

    def start(self, host: str, port: int) -> None:
        """Meet the other ranks and load the models."""
        self._meet(host, port)
        config = self._config
        dtype = self._hardware.dtype(config.model.dtype)
        strategy = make_strategy(
            self._hardware,
            config.learner,
            dtype=dtype,
            seed=config.seed,
            world_size=config.learner.ranks,
        )
        self._device = torch.device(self._hardware.torch_device)
        self._slices = share_packs(config.learner.sequence_parallel, self._device)
        temperature = config.rollout.temperature
        self._policy = load_policy(
            strategy,
            config.model,
            config.learner,
            temperature=temperature,
            slices=self._slices,
            steps=config.train.steps,
        )
        self._reference: PolicyActor | None = None
        if config.learner.kl.coef > 0 and not config.learner.lora.on:  # else it is in the policy
            self._reference = load_reference(
                strategy,
                config.model,
                config.learner,
                temperature=temperature,
                slices=self._slices,
            )
        self._objective = PolicyGradient(config, reduce=self._reduce)
        self._stepper = Stepper(config.learner, strategy, self._policy, self._device)
        others = [self._policy.optimizer, self._policy.engine.optimizer, self._reference]
        self._residence = Residence(self._device, self._policy.module, others)
        self._open_ways_out(dtype)

    def train(
        self, share: Share, step: int, version: int
    ) -> tuple[dict[str, Any], dict[tuple[int, int], float]]:
        """Update the policy on a batch.

        Args:
            share: this rank's part of it.
            step: which step it is, from 1.
            version: the policy version that is trained; a token's lag is counted from it.

        Returns:
            Metrics, equal on all ranks, and the advantage of the first sampled token of each of
            this rank's episodes, by group index and position in the group.
        """
        asked = self._config.learner.kl.coef > 0
        models = Models(
            policy=partial(self._stepper.logprobs, self._policy.actor, share),
            reference=partial(self._reference_logprobs, share) if asked else None,
        )
        prepared = self._objective.prepare(share, models, version=version)
        lags = max(version - share.oldest, 0) + 1
        sums = self._stepper.update(share, self._objective, prepared, step=step, lags=lags)
        if self._ema is not None:
            self._ema.update()
        first = {}
        for episode, places in zip(*trained_tokens(share), strict=True):
            group, place = share.members[episode].tolist()
            first[group, place] = float(prepared.advantages[places[0]])
        return sums.summary(self._reduce, epochs=self._config.learner.epochs), first

    def snapshot(self, *, copy: bool) -> None:
        """Note this rank's state of this instant, as `LearnerState.snapshot` does."""
        self._state.snapshot(copy=copy)

    def write(self, folder: Path) -> Manifest:
        """Write what was noted; may run beside training."""
        return self._state.write(folder)

    def load(self, folder: Path, manifest: Manifest) -> None:
        """Continue from what every rank wrote."""
        self._state.load(folder, manifest)

    def export(self, folder: Path) -> None:
        """Write the policy in the format of Hugging Face, and beside it the mean of its weights."""
        self._exporter.write(folder)
        if self._ema is not None:
            with self._ema.in_place():
                self._exporter.write(folder.with_name(f"{folder.name}_ema"))

    def weights(self, method: str, *arguments: Any) -> Any:
        """Call a method of this rank's half of weight updates."""
        return getattr(self._sender, method)(*arguments)

    def memory(self, method: str, *arguments: Any) -> Any:
        """Call a method of this rank's residence."""
        return getattr(self._residence, method)(*arguments)

    def canary(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Logprobs of a fixed prompt, nats; collective, as `rl.weights.canary` says."""
        return prompt_logprobs(self._policy.actor, ids)

    def _open_ways_out(self, dtype: str) -> None:
        """What leaves the rank: weights for engines, models, checkpoints."""
        config, lora = self._config, self._config.learner.lora
        self._sender = WeightSender(
            self._policy.module,
            dtype=torch.bfloat16 if dtype == "bf16" else torch.float32,
            device=self._device,
            bucket_mb=config.sync.bucket_mb,
            lead=self._rank == 0,
            adapter=description(lora) if self._hardware.adapters_travel(lora, dtype) else None,
        )
        self._exporter = Exporter(
            config.model,
            self._policy.module,
            self._sender,
            adapters=lora.on and lora.export == "adapter",
            lead=self._rank == 0,
        )
        self._ema = None
        if (decay := config.learner.ema) is not None:
            ranks = config.learner.ranks
            self._ema = Ema(self._policy.module, decay, rank=self._rank, ranks=ranks)
        layout = Layout(config.learner.ranks, config.learner.zero_stage, dtype)
        self._state = LearnerState(
            self._policy.engine,
            rank=self._rank,
            layout=layout,
            kept=[] if self._ema is None else [self._ema],
        )

    def _meet(self, host: str, port: int) -> None:
        """Form the process group of all ranks."""
        ranks = self._config.learner.ranks
        timeout = timedelta(seconds=self._config.learner.deadline)
        if self._rank == 0 and self._store is None:
            self._store = open_store(host, port)
        store = self._store or join_store(host, port, timeout)
        # DeepSpeed uses the group made here, but looks for its address all the same.
        os.environ |= {
            "MASTER_ADDR": host,
            "MASTER_PORT": str(port),
            "RANK": str(self._rank),
            "WORLD_SIZE": str(ranks),
            "LOCAL_RANK": "0",
        }
        dist.init_process_group(
            self._hardware.backend, timeout=timeout, store=store, rank=self._rank, world_size=ranks
        )

    def _reference_logprobs(self, share: Share) -> Tensor:
        """(T,) logprobs of the trained tokens under the policy as it was at the start."""
        if self._reference is not None:
            return self._stepper.logprobs(self._reference, share)
        with without_adapters(self._policy.module):
            return self._stepper.logprobs(self._policy.actor, share)

    def _reduce(self, values: Tensor) -> Tensor:
        """The sum over all ranks; of those that share samples, over one."""
        if self._config.learner.data_ranks == 1:
            return values
        moved = values.to(self._device)
        dist.all_reduce(moved, group=self._slices.peers)
        return moved.to(values.device)
