"""One data-parallel rank of the learner: forward passes, the policy loss, the optimizer step.

Built on OpenRLHF's Actor, DeepspeedStrategy, PolicyLoss and KL estimators. Guarantees: a loss is a
mean over the whole mini-batch whatever its cut into ranks and micro-batches, so a short last one
weighs what it should; every rank makes the same number of forward and backward passes; numbers that
are not finite stop the run before they reach the weights' next checkpoint.
"""

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import ray
import torch
import torch.distributed as dist
from torch import Tensor
from transformers import AutoTokenizer

from rl.config import RunConfig
from rl.errors import LearnerError
from rl.hardware import Hardware
from rl.learn.advantages import shape_rewards, token_advantages
from rl.learn.batching import TrainBatch, micro_batches, mini_batches, share
from rl.learn.openrlhf_parts import Actor, PolicyLoss, aggregate_loss, compute_approx_kl
from rl.learn.padding import Scatter, entropy_of, pad
from rl.learn.policy import load_policy, load_reference, make_strategy
from rl.learn.stats import StepStats
from rl.rendezvous import join_store, open_store
from rl.storage import writing
from rl.weights.canary import learner_logprobs
from rl.weights.sender import WeightSender


@dataclass(frozen=True, slots=True)
class Prepared:
    """What this rank knows about its own samples before the update."""

    old_logprobs: dict[int, Tensor]
    """The policy's logprobs before the update; empty when the update is a single step."""
    reference_logprobs: dict[int, Tensor]
    advantages: dict[int, Tensor]


class Learner:
    """A rank; the Ray actor of `rl.learner_group` is this class."""

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
        config, ranks = self._config, self._config.learner.ranks
        timeout = timedelta(seconds=config.learner.deadline)
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
        dtype = self._hardware.dtype(config.model.dtype)
        self._strategy = make_strategy(
            self._hardware, config.learner, dtype=dtype, seed=config.seed, world_size=ranks
        )
        self._device = torch.device(self._hardware.torch_device)
        temperature = config.rollout.temperature
        self._policy = load_policy(
            self._strategy,
            config.model,
            config.learner,
            temperature=temperature,
            optimizer_steps_per_rollout=self._optimizer_steps(_expected_samples(config)),
            steps=config.train.steps,
        )
        self._reference: Actor | None = None
        if config.learner.kl.coef > 0:
            self._reference = load_reference(
                self._strategy, config.model, config.learner, temperature=temperature
            )
        self._loss = PolicyLoss(
            clip_eps_low=config.learner.clip_low,
            clip_eps_high=config.learner.clip_high,
            token_level_loss=config.learner.loss_aggregation != "sequence-mean",
        )
        self._sender = WeightSender(
            self._policy.module,
            dtype=torch.bfloat16 if dtype == "bf16" else torch.float32,
            device=self._device,
            bucket_mb=config.sync.bucket_mb,
            lead=self._rank == 0,
        )

    def train(
        self, batch: TrainBatch, step: int
    ) -> tuple[dict[str, float | None], dict[int, float]]:
        """Update the policy on a batch.

        Returns:
            Metrics, equal on all ranks, and the advantage of the first response token of each of
            this rank's samples.
        """
        config = self._config.learner
        lengths = [batch.tokens(sample) for sample in range(len(batch))]
        seed = f"{self._config.seed}/{step}"
        cuts = mini_batches(len(batch), config.mini_batch_size, seed=seed)
        shares = [share(cut, lengths, self._rank, config.ranks) for cut in cuts]
        own = [sample for part in shares for sample in part]
        prepared = self._prepare(batch, own, lengths, single=len(cuts) * config.epochs == 1)
        stats = StepStats()
        self._policy.actor.train()
        for _ in range(config.epochs):
            for cut, part in zip(cuts, shares, strict=True):
                self._update(batch, cut, part, lengths, prepared, stats)
        first = {sample: float(values[0]) for sample, values in prepared.advantages.items()}
        return stats.summary(self._reduce), first

    def _optimizer_steps(self, samples: int) -> int:
        config = self._config.learner
        return -(-samples // config.mini_batch_size) * config.epochs

    def _prepare(
        self, batch: TrainBatch, own: Sequence[int], lengths: Sequence[int], *, single: bool
    ) -> Prepared:
        """Logprobs before the update, where anything needs them, and advantages."""
        config = self._config.learner
        in_reward = self._reference is not None and config.kl.placement == "reward"
        old: dict[int, Tensor] = {}
        if in_reward or not single:
            old = self._logprobs(self._policy.actor, batch, own, lengths)
        reference: dict[int, Tensor] = {}
        if self._reference is not None:
            reference = self._logprobs(self._reference, batch, own, lengths)
        shaped = shape_rewards(
            torch.tensor(batch.rewards), torch.tensor(batch.groups), config.estimator
        )
        token_kl = None
        if in_reward:
            token_kl = [
                compute_approx_kl(old[i], reference[i], kl_estimator=config.kl.estimator)
                for i in own
            ]
        advantages = token_advantages(
            shaped[torch.tensor(own, dtype=torch.long)],
            [len(batch.response_ids[i]) for i in own],
            config.estimator,
            reduce=self._reduce,
            token_kl=token_kl,
            kl_coef=config.kl.coef,
        )
        return Prepared(old, reference, dict(zip(own, advantages, strict=True)))

    @torch.no_grad()
    def _logprobs(
        self, actor: Actor, batch: TrainBatch, own: Sequence[int], lengths: Sequence[int]
    ) -> dict[int, Tensor]:
        """Logprob of every response token of `own`, on the CPU."""
        actor.eval()
        found: dict[int, Tensor] = {}
        for part in self._micro_batches(own, own, lengths):
            inputs = pad(batch, part, self._device)
            output = actor(**inputs)
            for row, sample in enumerate(part):
                found[sample] = output[row, inputs["action_mask"][row]].float().cpu()
        return found

    def _micro_batches(
        self, cut: Sequence[int], part: Sequence[int], lengths: Sequence[int]
    ) -> list[list[int]]:
        """This rank's micro-batches, as many as on any other rank; spares repeat a sample."""
        parts = micro_batches(part, lengths, self._config.learner.micro_batch_tokens)
        most = torch.tensor([float(len(parts))])
        if self._config.learner.ranks > 1:
            most = most.to(self._device)
            dist.all_reduce(most, op=dist.ReduceOp.MAX)
        shortest = min(cut or range(len(lengths)), key=lambda sample: lengths[sample])
        return parts + [[shortest]] * (int(most.item()) - len(parts))

    def _update(
        self,
        batch: TrainBatch,
        cut: Sequence[int],
        part: Sequence[int],
        lengths: Sequence[int],
        prepared: Prepared,
        stats: StepStats,
    ) -> None:
        """One optimizer step on a mini-batch."""
        config, engine = self._config.learner, self._policy.engine
        tokens = float(sum(len(batch.response_ids[sample]) for sample in cut))
        if config.loss_aggregation == "constant":
            tokens = float(len(cut) * self._config.rollout.max_response_tokens)
        norm = {
            "dp_size": config.ranks,
            "batch_num_tokens": tokens,
            "global_batch_size": float(len(cut)),
        }
        mine = set(part)
        parts = self._micro_batches(cut, part, lengths)
        for i, samples in enumerate(parts):
            engine.set_gradient_accumulation_boundary(is_boundary=i == len(parts) - 1)
            spare = not mine.issuperset(samples)
            loss = self._micro_loss(batch, samples, prepared, norm, stats, spare=spare)
            self._strategy.backward(loss, self._policy.actor, self._policy.optimizer)
            mine -= set(samples)
        learning_rate = float(engine.get_lr()[0])
        stats.finish_update(self._step(), learning_rate)

    def _step(self) -> float:
        """Make the optimizer step; returns the gradient's norm before clipping."""
        plain = 0.0
        if self._config.learner.zero_stage == 0:
            # DeepSpeed's plain float32 step clips by this norm and forgets it.
            parameters = self._policy.module.parameters()
            grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
            plain = float(torch.nn.utils.get_total_norm(grads))
        policy = self._policy
        self._strategy.optimizer_step(policy.optimizer, policy.actor, policy.scheduler)
        return float(self._strategy.get_grad_norm(policy.actor)) or plain

    def _micro_loss(
        self,
        batch: TrainBatch,
        samples: Sequence[int],
        prepared: Prepared,
        norm: dict[str, float],
        stats: StepStats,
        *,
        spare: bool,
    ) -> Tensor:
        config = self._config.learner
        inputs = pad(batch, samples, self._device)
        mask = inputs["action_mask"]
        exact_entropy = config.entropy_coef > 0 or config.packing
        logprobs, output = self._policy.actor(
            **inputs, return_output=True, return_entropy=exact_entropy
        )
        if spare:
            # Another rank has one more micro-batch: take part in its collectives, add nothing.
            nothing: Tensor = logprobs.sum() * 0.0
            return nothing
        scatter = Scatter(mask, samples)
        old = scatter(prepared.old_logprobs) if prepared.old_logprobs else logprobs.detach()
        loss, clip_ratio, policy_kl, _, _ = self._loss(
            logprobs, old, scatter(prepared.advantages), action_mask=mask.float(), **norm
        )
        if not torch.isfinite(loss):
            raise LearnerError(
                "the loss is not finite: lower learner.lr, or look at rollout_logprob_gap and "
                "entropy in the steps before"
            )
        total: Tensor = loss
        reference = scatter(prepared.reference_logprobs) if prepared.reference_logprobs else None
        if reference is not None and config.kl.placement == "loss":
            kl = compute_approx_kl(logprobs, reference, kl_estimator=config.kl.estimator)
            total = total + config.kl.coef * self._aggregate(kl, mask, norm)
        if config.entropy_coef > 0:
            total = total - config.entropy_coef * self._aggregate(output.entropy, mask, norm)
        stats.add_micro_batch(
            mask,
            loss=loss.detach() / config.ranks,
            clip_ratio=clip_ratio,
            policy_kl=policy_kl,
            entropy=output.entropy.detach() if exact_entropy else entropy_of(output),
            kl=None if reference is None else logprobs.detach() - reference,
            gap=scatter.gap(old, batch),
        )
        return total

    def _aggregate(self, values: Tensor, mask: Tensor, norm: dict[str, float]) -> Tensor:
        by_token = self._config.learner.loss_aggregation != "sequence-mean"
        loss: Tensor = aggregate_loss(values, mask.float(), token_level_loss=by_token, **norm)
        return loss

    def _reduce(self, values: Tensor) -> Tensor:
        if self._config.learner.ranks == 1:
            return values
        moved = values.to(self._device)
        dist.all_reduce(moved)
        return moved.to(values.device)

    def save(self, folder: Path) -> None:
        """Write this rank's share of policy, optimizer, scheduler and random state."""
        with writing(folder):
            try:
                self._policy.engine.save_checkpoint(str(folder), tag="state", save_latest=False)
                torch.save(torch.get_rng_state(), folder / f"rng_{self._rank}.pt")
            except RuntimeError as error:
                # torch reports a write that failed half-way without saying why.
                full = shutil.disk_usage(folder).free < 2**20
                number = errno.ENOSPC if full else errno.EIO
                raise OSError(number, str(error).splitlines()[0]) from error

    def load(self, folder: Path) -> None:
        """Continue from what `save` wrote."""
        loaded, _ = self._policy.engine.load_checkpoint(str(folder), tag="state")
        if loaded is None:
            raise LearnerError(
                f"{folder} holds no learner state that {self._config.learner.ranks} "
                f"rank(s) at ZeRO stage {self._config.learner.zero_stage} can load"
            )
        state = folder / f"rng_{self._rank}.pt"
        if state.exists():  # not where the run has more ranks than it was saved with
            torch.set_rng_state(torch.load(state, weights_only=True))

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

    def canary(self, ids: Sequence[int]) -> Any:
        """Logprobs of a fixed prompt, nats."""
        return learner_logprobs(self._policy.actor, ids)


def _expected_samples(config: RunConfig) -> int:
    return config.sampler.prompts_per_step * config.sampler.samples_per_prompt
