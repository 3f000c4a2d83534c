"""What a trainer composes, and what its learner gets of a batch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rewards.grading.running import Pool
from rl.checkpoint import CheckpointStore
from rl.config import RunConfig
from rl.dispatch.dispatcher import Dispatcher
from rl.evaluation import Evaluations
from rl.groups import Batch
from rl.guards.watch import Guards
from rl.learn.shares import Share, cut
from rl.recorder import Recorder
from rl.weights.turns import Apart, Turns

if TYPE_CHECKING:
    from rl.engines.fleet import Fleet
    from rl.learn.group import LearnerGroup
    from rl.runners.runners import Runners
    from rl.versions import Versions
    from rl.weights.publisher import WeightPublisher


@dataclass(frozen=True, slots=True)
class Parts:
    """The running parts of a run; `rl.run` starts and stops them."""

    fleet: "Fleet"
    learner: "LearnerGroup"
    publisher: "WeightPublisher"
    versions: "Versions"
    pool: Pool
    store: CheckpointStore
    dispatcher: Dispatcher
    evaluations: Evaluations
    recorder: Recorder
    guards: Guards
    again: "Callable[[int], Parts]"
    """The same with a dispatcher, evaluations, guards and a recorder anew, whose records end with
    this step; for a run that goes back to a checkpoint."""
    runners: "Runners | None" = None
    """Where episodes are played; None: in this process."""
    turns: Turns = field(default_factory=Apart)
    """Who has the memory of the engines' GPUs."""


def shares_of(config: RunConfig, batch: Batch, step: int) -> list[Share]:
    """What each learner rank gets of a step's batch."""
    learner = config.learner
    return cut(
        batch.groups,
        ranks=learner.data_ranks,
        mini_batch_size=learner.mini_batch_size,
        micro_batch_tokens=learner.micro_batch_tokens * learner.sequence_parallel,
        packed=learner.packing,
        seed=f"{config.seed}/{step}",
        mask_truncated=learner.mask_truncated,
    )
