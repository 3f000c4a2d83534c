"""A learner that was lost begins again inside the running process, from the newest checkpoint.

Guarantees: engines and grading stay; no prompt is lost and none is doubled, as the run goes back to
the checkpoint with all that it has written and dispatched since; engines are given the checkpoint's
weights, and forget what they have computed with later ones, before anything is sampled. How often
this may happen within an hour is bounded.
"""

import asyncio
import time
from collections.abc import Callable

from rl.checkpoint import Checkpoint
from rl.config import RunConfig
from rl.dispatch.state import DispatchState
from rl.engines.health import Restarts
from rl.errors import LearnerError, LearnerLostError
from rl.exporting import forget_models
from rl.trainer_parts import Parts


class Recovery:
    """Brings a run back after the loss of its learner.

    Args:
        config: the run's configuration.
        start: where dispatch stood before the first step, for a run without a checkpoint.
        say: prints a line.
    """

    def __init__(self, config: RunConfig, start: DispatchState, say: Callable[[str], None]) -> None:
        self._config = config
        self._start = start
        self._say = say
        self._restarts = Restarts(config.cluster.max_learner_restarts)

    def count(self, error: LearnerLostError, *, in_turns: bool) -> None:
        """Note a loss.

        Args:
            error: what happened.
            in_turns: whether the learner has its GPUs in turns with engines, which sleep meanwhile.

        Raises:
            LearnerError: It is one too many, or nobody knows who has the GPUs' memory now.
        """
        if in_turns:
            raise LearnerError(
                f"{error}; it shares GPUs in turns (placement.sleep), so that the run has to begin "
                "again as a whole: add --resume"
            ) from error
        if self._restarts.lost(time.monotonic()):
            return
        bound = self._config.cluster.max_learner_restarts
        raise LearnerError(
            f"the learner was lost more than cluster.max_learner_restarts={bound} times within an "
            f"hour, the last time: {error}"
        ) from error

    async def again(self, parts: Parts, error: LearnerLostError) -> tuple[Parts, Checkpoint | None]:
        """Go back to the newest checkpoint.

        Args:
            parts: as they were; their loop has ended when this returns.
            error: what happened.

        Returns:
            The parts to go on with, whose learner stands where the checkpoint does, and the
            checkpoint; None: the run stands at its start.

        Raises:
            StorageError: What steps that are given up have left cannot be deleted.
            LearnerLostError: A rank was lost meanwhile; this can be called again with these parts.
        """
        begun = time.monotonic()
        self._say(f"the learner is lost: {error}")
        parts.publisher.disconnect()
        await parts.guards.aclose()
        await parts.evaluations.aclose()
        await parts.dispatcher.aclose()
        checkpoint = parts.store.newest(self._config)
        await parts.learner.restart()
        if checkpoint is not None:
            await parts.learner.load(checkpoint)
        await parts.publisher.reconnect()
        step = checkpoint.step if checkpoint else 0
        await asyncio.to_thread(forget_models, self._config.run_dir, after=step)
        parts = parts.again(step if checkpoint else -1)
        parts.dispatcher.restore(checkpoint.dispatch if checkpoint else self._start)
        parts.versions.current = step
        where = f"from the checkpoint of step {step}" if checkpoint else "from the run's start"
        self._say(f"the learner is back after {time.monotonic() - begun:.1f} s, {where}")
        return parts, checkpoint
