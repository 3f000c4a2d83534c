"""What an objective is to the stepper: prepared once a batch, then a loss a micro-batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from rl.learn.padding import MicroBatch
from rl.learn.shares import MiniBatch, Share

P = TypeVar("P")
"""What an objective knows of a share before the update."""


@dataclass(frozen=True, slots=True)
class Models:
    """What may be asked of models before the update: (T,) logprobs of a share's trained tokens."""

    policy: Callable[[], Tensor]
    reference: Callable[[], Tensor] | None
    """None: no reference model is loaded."""


@dataclass(frozen=True, slots=True)
class MicroLoss:
    """A micro-batch's part of an update."""

    total: Tensor
    """What is differentiated."""
    policy: float
    """The policy loss in it."""
    lags: Tensor
    """(tokens,) of the trained tokens."""
    values: Mapping[str, Tensor]
    """(tokens,) of each, for `rl.learn.stats`."""


class Objective(Protocol[P]):
    """What is minimised."""

    def prepare(self, share: Share, models: Models, *, version: int) -> P:
        """What the loss needs of the whole batch, found before the policy, `version`, changes."""

    def loss(
        self,
        micro: MicroBatch,
        logprobs: Tensor,
        entropy: Tensor,
        prepared: P,
        mini_batch: MiniBatch,
        *,
        first: bool,
    ) -> MicroLoss:
        """The loss of a micro-batch, divided by numbers of its whole mini-batch.

        Args:
            micro: its rows.
            logprobs: (R, L - 1), the policy's now.
            entropy: (R, L - 1), the policy's now, nats.
            prepared: what `prepare` found.
            mini_batch: whose part it is.
            first: whether the policy is still as it was before the update.
        """
