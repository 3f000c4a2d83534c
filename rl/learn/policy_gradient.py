"""The objective of policy gradients: advantages, the corrected loss, KL and entropy terms.

Guarantees: only sampled tokens are trained on, and only their logprobs are read; rho always comes
from the logprobs recorded when a token was sampled, whatever is done to the policy since; an
episode's reward is earned by all of its tokens, in all of its rows, and a turn's by the tokens up
to it.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from rl.config import RunConfig
from rl.learn.advantages import Reduce, shape_rewards, shape_turn_rewards, token_advantages
from rl.learn.correction import Corrected, correct, log_rho
from rl.learn.losses import Norm, is_by_token, kl_to_reference, make_loss
from rl.learn.objective import MicroLoss, Models
from rl.learn.openrlhf_parts import compute_approx_kl
from rl.learn.padding import MicroBatch
from rl.learn.shares import MiniBatch, Share


@dataclass(frozen=True, slots=True)
class Prepared:
    """What this rank knows of its own tokens before the update, each (T,)."""

    rollout: Tensor
    """Logprobs when they were sampled."""
    lags: Tensor
    """int64: policy versions since then."""
    advantages: Tensor
    old: Tensor | None
    """The policy's logprobs before the update; None where the update is a single step, which finds
    them by itself. With `bypass`: those of the rollout."""
    reference: Tensor | None


class PolicyGradient:
    """REINFORCE++ and its relatives, by the settings of `learner`.

    Args:
        config: the run's configuration.
        reduce: sums a tensor over all ranks.
    """

    def __init__(self, config: RunConfig, *, reduce: Reduce) -> None:
        self._config = config.learner
        self._max_tokens = config.rollout.max_response_tokens
        self._reduce = reduce
        self._loss = make_loss(config.learner)
        self._bypass = config.learner.correction.kind == "bypass"

    def prepare(self, share: Share, models: Models, *, version: int) -> Prepared:
        """Logprobs before the update, where anything needs them, and advantages.

        Args:
            share: this rank's part of the batch.
            models: what gives them.
            version: the policy version that is trained.
        """
        config, tokens = self._config, share.tokens
        rollout = torch.tensor(tokens.logprobs)
        reference = models.reference() if models.reference is not None else None
        in_reward = reference is not None and config.kl.placement == "reward"
        single = len(share.mini_batches) * config.epochs == 1
        old: Tensor | None = rollout if self._bypass else None
        if not self._bypass and (in_reward or not single):
            old = models.policy()
        token_kl = None
        if in_reward:
            token_kl = compute_approx_kl(old, reference, kl_estimator=config.kl.estimator)
        return Prepared(
            rollout=rollout,
            lags=torch.from_numpy(np.maximum(version - tokens.versions, 0).astype(np.int64)),
            advantages=self._advantages(share, token_kl),
            old=old,
            reference=reference,
        )

    def _advantages(self, share: Share, token_kl: Tensor | None) -> Tensor:
        """(T,) advantages of the trained tokens; 0 elsewhere."""
        config, tokens = self._config, share.tokens
        shaped = shape_rewards(
            torch.tensor(share.rewards), torch.tensor(share.groups), config.estimator
        )
        order, places = trained_tokens(share)
        turns = None
        if share.turn_rewards.size:
            earned, groups = torch.tensor(share.turn_rewards), torch.tensor(share.groups)
            turns = _at_tokens(shape_turn_rewards(earned, groups, config.estimator), share)
        found = token_advantages(
            shaped[torch.tensor(order, dtype=torch.long)],
            [len(own) for own in places],
            config.estimator,
            reduce=self._reduce,
            token_kl=None if token_kl is None else [token_kl[own] for own in places],
            kl_coef=config.kl.coef,
            turn_rewards=turns,
        )
        flat = torch.zeros(len(tokens.ids))
        for own, values in zip(places, found, strict=True):
            flat[own] = values
        return flat

    def loss(
        self,
        micro: MicroBatch,
        logprobs: Tensor,
        entropy: Tensor,
        prepared: Prepared,
        mini_batch: MiniBatch,
        *,
        first: bool,
    ) -> MicroLoss:
        """The corrected policy loss with its KL and entropy terms; see `Objective.loss`."""
        config, mask, norm = self._config, micro.mask, self._norm(mini_batch, micro)
        rollout, advantages = micro.gather(prepared.rollout), micro.gather(prepared.advantages)
        old = logprobs.detach() if prepared.old is None else micro.gather(prepared.old)
        corrected = correct(config.correction, old, rollout, advantages, mask)
        policy, clipped = self._loss(logprobs, old, advantages, corrected.weights, mask, norm)
        ones = torch.ones_like(logprobs)
        values = {
            "tokens": ones, "entropy": entropy, "policy_kl": old - logprobs, "clipped": clipped,
        }  # fmt: skip
        total = policy
        if prepared.reference is not None:
            reference = micro.gather(prepared.reference)
            values |= {"kl": logprobs - reference, "kl_tokens": ones}
            if config.kl.placement == "loss":
                sampled = old if config.correction.kind == "none" else rollout
                kl = kl_to_reference(logprobs, reference, sampled, config.kl.estimator)
                total = total + config.kl.coef * norm(kl, mask)
        if config.entropy_coef > 0:
            total = total - config.entropy_coef * norm(entropy, mask)
        if first or not self._bypass:
            # With `bypass` nobody knows the policy before the update once it has moved.
            before = logprobs.detach() if self._bypass else old
            values |= _compare(before, rollout, corrected, mask)
        return MicroLoss(
            total=total,
            policy=float(policy.detach()) / config.ranks,
            lags=micro.gather(prepared.lags)[mask],
            values={name: value.detach()[mask] for name, value in values.items()},
        )

    def _norm(self, mini_batch: MiniBatch, micro: MicroBatch) -> Norm:
        """What the losses of a micro-batch's tokens are divided by."""
        tokens = float(mini_batch.tokens)
        if self._config.loss_aggregation == "constant":
            tokens = float(mini_batch.episodes * self._max_tokens)
        return Norm(
            by_token=is_by_token(self._config),
            ranks=self._config.ranks,
            tokens=tokens,
            episodes=float(mini_batch.episodes),
            weights=micro.weights,
        )


def _compare(
    before: Tensor, rollout: Tensor, corrected: Corrected, mask: Tensor
) -> dict[str, Tensor]:
    """How far the policy before the update is from the one that sampled, for `rl.learn.stats`."""
    logs = log_rho(before, rollout, mask)
    rho = logs.double().exp()
    return {
        "compared": torch.ones_like(logs),
        "gap": (before - rollout).abs(),
        "k3": rho - 1 - logs,
        "weight": corrected.weights,
        "weight_squared": corrected.weights.double().square(),
        "masked": corrected.masked,
        "capped": corrected.capped,
    }


def trained_tokens(share: Share) -> tuple[list[int], list[Tensor]]:
    """The episodes of a share, as positions in its `rewards`, and each one's trained tokens.

    Tokens are positions among the share's T, rising, over all rows of the episode.
    """
    tokens = share.tokens
    firsts = _first_rows(share)
    places = []
    for first, end in pairwise([*firsts, tokens.rows]):
        start, stop = int(tokens.starts[first]), int(tokens.starts[end])
        places.append(torch.from_numpy(np.flatnonzero(tokens.mask[start:stop]) + start))
    return [int(share.episodes[first]) for first in firsts], places


def _first_rows(share: Share) -> list[int]:
    changes = np.flatnonzero(np.diff(share.episodes)) + 1
    return [0, *changes.tolist()] if share.tokens.rows else []


def _at_tokens(earned: Tensor, share: Share) -> list[Tensor]:
    """(episodes of the batch, turns) rewards at the trained tokens of this rank's episodes.

    Each stands at the last trained token up to the end of its turn.
    """
    order, places = trained_tokens(share)
    if not places:
        return []
    lengths = [len(own) for own in places]
    ends = share.tokens.turn_ends
    firsts = share.tokens.starts[_first_rows(share)]
    episodes = np.searchsorted(firsts, ends, side="right") - 1
    turns = np.arange(len(ends)) - np.searchsorted(episodes, episodes)  # of its episode
    flat = torch.cat(places).numpy()
    tokens = np.searchsorted(flat, ends, side="right") - 1
    found = np.zeros(len(flat), np.float32)
    has_one = tokens >= np.cumsum([0, *lengths])[episodes]  # a first turn may have no token
    np.add.at(found, tokens[has_one], earned.numpy()[np.array(order)[episodes], turns][has_one])
    return list(torch.from_numpy(found).split(lengths))
