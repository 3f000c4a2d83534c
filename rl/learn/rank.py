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
from transformers import AutoTokenizer

from rl.config import RunConfig
from rl.hardware import Hardware
from rl.learn.actor import PolicyActor, prompt_logprobs
from rl.learn.objective import Models
from rl.learn.policy import load_policy, load_reference
from rl.learn.policy_gradient import PolicyGradient, trained_tokens
from rl.learn.residence import Residence
from rl.learn.saving import LearnerState
from rl.learn.shards import Layout
from rl.learn.shares import Share
from rl.learn.slices import share_packs
from rl.learn.stepper import Stepper, optimizer_steps
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
        episodes = config.sampler.prompts_per_step * config.sampler.samples_per_prompt
        self._policy = load_policy(
            strategy,
            config.model,
            config.learner,
            temperature=temperature,
            slices=self._slices,
            optimizer_steps_per_rollout=optimizer_steps(config.learner, episodes),
            steps=config.train.steps,
        )
        self._reference: PolicyActor | None = None
        if config.learner.kl.coef > 0:
            self._reference = load_reference(
                strategy,
                config.model,
                config.learner,
                temperature=temperature,
                slices=self._slices,
            )
        self._objective = PolicyGradient(config, reduce=self._reduce)
        self._stepper = Stepper(config.learner, strategy, self._policy, self._device)
        self._sender = WeightSender(
            self._policy.module,
            dtype=torch.bfloat16 if dtype == "bf16" else torch.float32,
            device=self._device,
            bucket_mb=config.sync.bucket_mb,
            lead=self._rank == 0,
        )
        others = [self._policy.optimizer, self._policy.engine.optimizer, self._reference]
        self._residence = Residence(self._device, self._policy.module, others)
        layout = Layout(config.learner.ranks, config.learner.zero_stage, dtype)
        self._state = LearnerState(self._policy.engine, rank=self._rank, layout=layout)

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
        logprobs, reference = self._stepper.logprobs, self._reference
        models = Models(
            policy=partial(logprobs, self._policy.actor, share),
            reference=None if reference is None else partial(logprobs, reference, share),
        )
        prepared = self._objective.prepare(share, models, version=version)
        lags = max(version - share.oldest, 0) + 1
        sums = self._stepper.update(share, self._objective, prepared, lags=lags)
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
        """Write the policy in Hugging Face format, weights only."""
        state: dict[str, Tensor] = {}
        for bucket in self._sender.buckets():
            data = bucket.data
            if data is not None:
                state |= {entry.name: entry.view(data).clone().cpu() for entry in bucket.entries}
        if self._rank == 0:
            model: Any = self._policy.module
            # Buckets have a checkpoint's names already.
            model.save_pretrained(folder, state_dict=state, save_original_format=False)
            path, trust = self._config.model.path, self._config.model.trust_remote_code
            AutoTokenizer.from_pretrained(path, trust_remote_code=trust).save_pretrained(folder)

    def weights(self, method: str, *arguments: Any) -> Any:
        """Call a method of this rank's half of weight updates."""
        return getattr(self._sender, method)(*arguments)

    def memory(self, method: str, *arguments: Any) -> Any:
        """Call a method of this rank's residence."""
        return getattr(self._residence, method)(*arguments)

    def canary(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Logprobs of a fixed prompt, nats; collective, as `rl.weights.canary` says."""
        return prompt_logprobs(self._policy.actor, ids)

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

    def _reduce(self, values: Tensor) -> Tensor:
        """The sum over all ranks; of those that share samples, over one."""
        if self._config.learner.data_ranks == 1:
            return values
        moved = values.to(self._device)
        dist.all_reduce(moved, group=self._slices.peers)
        return moved.to(values.device)
