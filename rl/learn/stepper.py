"""Optimizer steps on a share: micro-batches forward and backward, one step a mini-batch.

Guarantees: every rank makes the passes of its plan, as many as any other; what is accumulated over
micro-batches and averaged over ranks is the gradient of the mini-batch's loss, however it was cut.
"""

import torch
from torch import Tensor

from rl.config import LearnerConfig
from rl.errors import NotFiniteError
from rl.learn.actor import PolicyActor
from rl.learn.objective import Objective, P
from rl.learn.openrlhf_parts import DeepspeedStrategy
from rl.learn.padding import MicroBatch
from rl.learn.policy import Policy
from rl.learn.shares import MiniBatch, Rows, Share
from rl.learn.stats import StepSums


class Stepper:
    """Updates a policy.

    Args:
        config: how.
        strategy: OpenRLHF's.
        policy: what is trained.
        device: where it lies.
    """

    def __init__(
        self,
        config: LearnerConfig,
        strategy: DeepspeedStrategy,
        policy: Policy,
        device: torch.device,
    ) -> None:
        self._config = config
        self._strategy = strategy
        self._policy = policy
        self._device = device

    @torch.no_grad()
    def logprobs(self, actor: PolicyActor, share: Share) -> Tensor:
        """(T,) logprobs of the trained tokens, on the CPU, by the cut of the update."""
        actor.eval()
        found = torch.zeros(len(share.tokens.ids))
        for mini_batch in share.mini_batches:
            for rows in mini_batch.passes:
                micro = MicroBatch(share.tokens, rows, self._device)
                scores = actor(micro.rows)
                if not micro.is_spare:
                    micro.scatter(scores.logprobs, found)
        return found

    def update(
        self, share: Share, objective: Objective[P], prepared: P, *, step: int, lags: int
    ) -> StepSums:
        """Train on a share; returns this rank's sums.

        Args:
            share: this rank's part of the batch.
            objective: what is minimised.
            prepared: what it found before the update.
            step: the rollout step, from 1.
            lags: how many lags the batch's tokens have: the largest and one.
        """
        sums = StepSums(lags)
        self._policy.actor.train()
        plan = share.mini_batches * self._config.epochs
        for update, mini_batch in enumerate(plan):
            rate = self._policy.rates.set(step=step, update=update, updates=len(plan))
            self._step(share, mini_batch, objective, prepared, sums, first=update == 0)
            sums.finish_update(self._apply(), rate)
        return sums

    def _step(
        self,
        share: Share,
        mini_batch: MiniBatch,
        objective: Objective[P],
        prepared: P,
        sums: StepSums,
        *,
        first: bool,
    ) -> None:
        """The gradient of one optimizer step."""
        policy, passes = self._policy, mini_batch.passes
        for i, rows in enumerate(passes):
            policy.engine.set_gradient_accumulation_boundary(is_boundary=i == len(passes) - 1)
            micro = MicroBatch(share.tokens, rows, self._device)
            scores = policy.actor(micro.rows, entropy_gradient=self._config.entropy_coef > 0)
            # A rank without rows takes part in the others' collectives, and adds nothing.
            total = scores.logprobs.sum() * 0.0
            if not micro.is_spare:
                logprobs, entropy = map(micro.spread, scores)
                loss = objective.loss(micro, logprobs, entropy, prepared, mini_batch, first=first)
                _check(loss.total, share, rows)
                sums.add(loss.policy, loss.lags, loss.values)
                total = loss.total
            self._strategy.backward(total, policy.actor, policy.optimizer)

    def _apply(self) -> float:
        """Change the weights; returns the gradient's norm before clipping."""
        policy = self._policy
        plain = 0.0
        if self._config.zero_stage == 0:
            # DeepSpeed's plain float32 step clips by this norm and forgets it.
            grads = [p.grad for p in policy.module.parameters() if p.grad is not None]
            plain = float(torch.nn.utils.get_total_norm(grads))
        self._strategy.optimizer_step(policy.optimizer, policy.actor, policy.scheduler)
        return float(self._strategy.get_grad_norm(policy.actor)) or plain


def _check(loss: Tensor, share: Share, rows: Rows) -> None:
    """Stop at a loss that is no number, before anything is learnt from it."""
    if not torch.isfinite(loss):
        groups = share.groups[share.episodes[list(rows)]]
        raise NotFiniteError(
            "the loss is not finite: lower learner.lr, or look at rollout_logprob_gap and entropy "
            "in the steps before",
            tuple(sorted(set(groups.tolist()))),
        )
