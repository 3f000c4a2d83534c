"""The loop: take a batch, learn from it, publish the weights, write down what happened.

With `sampler.max_lag: 0` nothing is sampled while the policy learns; above 0 the dispatcher goes
on. The trainer composes its parts and owns none of their work. Interrupted at any instant, a run
goes on from its newest checkpoint over the same prompts in the same order. Stopped by a signal or
an error of any part (no engine left, a worker that grades, a full disk), it saves the last step
that is complete; what it had sampled since is sampled again, and an evaluation that was due is made
up for. A learner that is lost begins again from there too, without the run's end (`rl.recovery`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rl.checkpoint import Checkpoint
from rl.checkpointing import Checkpointing, Written
from rl.config import RunConfig
from rl.errors import LearnerLostError
from rl.exporting import export_model, model_folder
from rl.groups import Batch
from rl.guards.table import Finding, GuardError
from rl.not_finite import naming
from rl.recovery import Recovery
from rl.rewarding import slow_grading, slowest_calls
from rl.step_clock import StepClock, joined
from rl.step_row import step_row
from rl.tasks import unbroken, unless_lost
from rl.trainer_parts import Parts, shares_of

if TYPE_CHECKING:
    from rl.weights.publisher import SyncStats

T = TypeVar("T")


class Trainer:
    """Trains until `train.steps`, or until prompts run out.

    Args:
        config: the run's configuration.
        parts: the running parts.
        on_step: called with each step's metrics.
        say: prints a line.
        lost: told what was lost and came back.
    """

    def __init__(
        self,
        config: RunConfig,
        parts: Parts,
        *,
        on_step: Callable[[Mapping[str, Any]], None],
        say: Callable[[str], None],
        lost: Callable[[str], None] | None = None,
    ) -> None:
        self._config = config
        self._parts = parts
        self._on_step = on_step
        self._say = say
        self._phase = ""
        self._grading = ""
        self.step = 0
        """Steps trained, which is the number of the learner's policy."""
        self._checkpoints = Checkpointing(
            config, parts.store, parts.learner, say=say, told=self._note_checkpoint
        )
        self._tokens_lost = 0  # by engines, until the end of the step before
        self._learning = False  # between two policies: neither can be saved
        self._goes_back = False  # to a checkpoint, after a loss
        self._clock = StepClock()
        self._boundary = parts.dispatcher.state()  # after the last complete step
        self._recovery = Recovery(config, self._boundary, lost or say)

    @property
    def parts(self) -> Parts:
        """What it composes now; a learner that is lost brings others."""
        return self._parts

    @property
    def phase(self) -> tuple[int, str, str]:
        """What is going on; it changes with whatever the loop does."""
        return self.step, self._phase, self._parts.evaluations.status

    @property
    def status(self) -> str:
        """What is going on now, in a few words."""
        parts = self._parts
        now = parts.learner.status or self._phase
        found = [now, parts.publisher.waits, parts.versions.waits, parts.dispatcher.status]
        found += [parts.evaluations.status, self._checkpoints.status, self._grading]
        return " | ".join(one for one in found if one)

    async def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        self._phase = "loading the checkpoint"
        self._parts.dispatcher.restore(checkpoint.dispatch)
        self._boundary = checkpoint.dispatch
        async with self._parts.turns.visiting():
            await self._parts.learner.load(checkpoint)
        self._parts.versions.current = self.step = self._checkpoints.saved = checkpoint.step

    async def run(self) -> None:
        """Train; the engines hold the learner's weights when this returns."""
        watch = asyncio.create_task(self._watch_grading())
        try:
            await self._run_on()
        except (asyncio.CancelledError, Exception) as error:
            await self._save_at_stop(error)
            raise
        finally:
            watch.cancel()
            await self._parts.guards.aclose()
            await self._parts.evaluations.aclose()
            await self._parts.dispatcher.aclose()

    async def _run_on(self) -> None:
        """Run, again and again from a checkpoint where the learner is lost."""
        lost: LearnerLostError | None = None
        while True:
            try:
                if lost is not None:
                    await self._begin_again(lost)
                await self._run()
                return
            except LearnerLostError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():  # a stop came first
                    raise asyncio.CancelledError from error
                self._recovery.count(error, in_turns=self._parts.turns.sleeps)
                lost = error

    async def _begin_again(self, lost: LearnerLostError) -> None:
        self._phase = "starting the learner again"
        self._goes_back = True
        await self._checkpoints.abandon()
        self._parts, checkpoint = await self._recovery.again(self._parts, lost)
        self.step = self._checkpoints.saved = checkpoint.step if checkpoint else 0
        self._boundary = self._parts.dispatcher.state()
        self._learning = self._goes_back = False

    async def _run(self) -> None:
        self._phase = "publishing weights"
        started = await self._parts.versions.start(self._parts.publisher)
        self._tell(started)
        for finding in started.findings:
            self._say(finding.line)
        await self._watched(self._parts.evaluations.at_start(self.step))
        self._clock.lap()
        while self.step < self._config.train.steps:
            if not await self._train_step():
                self._parts.guards.let_end()
                await self._watched(self._parts.evaluations.at_end(self.step))
                break
        self._phase = ""
        await self._watched(self._parts.evaluations.finish())
        await self._watched(self._parts.guards.finish())
        await unbroken(self._save_last())

    async def _watched(self, work: Coroutine[Any, Any, T]) -> T:
        """Await what the learner has no part in, unless a rank of it dies meanwhile."""
        return await unless_lost(self._parts.learner.lost(), work)

    async def save(self) -> None:
        """Begin a checkpoint of the last complete step; training may go on once this returns."""
        self._phase = "saving a checkpoint"
        async with self._parts.turns.visiting():
            await self._checkpoints.begin(self.step, self._boundary)

    async def _save_last(self) -> None:
        """Have a checkpoint of the last complete step on disk."""
        self._phase = "saving the last checkpoint"
        await self._checkpoints.settle()
        if self.step != self._checkpoints.saved:
            await self.save()
        await self._checkpoints.settle(last=True)
        # The last evaluation has said by now which step was best.
        await asyncio.to_thread(self._parts.store.retire)

    def _note_checkpoint(self, written: Written) -> None:
        """Write down what a checkpoint took."""
        numbers = {"stall": written.stall, "write": written.write, "bytes": written.nbytes}
        if self._parts.recorder.row(written.step):
            self._parts.recorder.amend(written.step, checkpoint=numbers)

    async def _train_step(self) -> bool:
        """One step; whether there was anything to train on."""
        self._phase = ""
        parts = self._parts
        batch = await self._watched(parts.evaluations.beside(parts.dispatcher.batch()))
        if not batch.groups:
            return False
        self._clock.count("waited", self._clock.total)
        row = await unbroken(self._learn_in_turn(batch))
        self._on_step(row)
        parts.guards.tell()
        parts.guards.begin(self.step)
        await self._follow(row["seconds"])
        return True

    async def _follow(self, seconds: Mapping[str, float]) -> None:
        """What is due after a step; its time is added to that of the step."""
        parts, clock = self._parts, self._clock
        if parts.evaluations.is_due(self.step):
            with clock.phase("evaluate"):
                await self._watched(parts.evaluations.at_step(self.step))
        if self._checkpoints.is_due(self.step):
            with clock.phase("checkpoint"):
                await unbroken(self.save())
        if (every := self._config.train.export_every) and self.step % every == 0:
            self._phase = "exporting the model"
            folder = model_folder(self._config.run_dir, self.step)
            with clock.phase("export"):
                async with parts.turns.visiting():
                    await unbroken(export_model(parts.learner, folder))
        if clock.counts:
            parts.recorder.amend(self.step, seconds=joined(seconds, clock.lap()))

    async def _learn_in_turn(self, batch: Batch) -> dict[str, Any]:
        """The same where engines may have to make room for it."""
        self._phase = "evaluating, before engines sleep" if self._parts.turns.sleeps else ""
        async with self._parts.turns.learning():
            return await self._learn(batch)

    async def _learn(self, batch: Batch) -> dict[str, Any]:
        """Train on a batch, publish the weights and write the step down; returns its metrics."""
        parts, clock, step = self._parts, self._clock, self.step + 1
        clock.count("evaluate", parts.versions.held_back())  # where the learner's turn waited
        self._learning = True
        self._phase = f"learning step {step}"
        if step == self._config.train.steps:
            parts.dispatcher.pause()  # nothing would be trained on what is sampled from here on
        shares = shares_of(self._config, batch, step)
        with clock.phase("learn"), naming(batch, step):
            metrics, advantages = await parts.learner.train(shares, step, self.step)
        tally = parts.recorder.tally
        with clock.phase("record"):
            # In one go: what the checkpoint and what the records hold are of the same instant.
            self._boundary = parts.dispatcher.state()
            self.step = step
            self._learning = False  # from here on the learner can be saved, whatever engines do
            parts.recorder.trained(batch, advantages)
        self._phase = "publishing weights"
        stats: SyncStats | None = None
        canary: Sequence[Finding] = ()
        try:
            with clock.phase("sync"):
                stats = await parts.versions.publish(parts.publisher)
            self._tell(stats)
            canary = stats.findings
        except GuardError as error:
            canary = [error.finding]
            raise
        finally:
            # Written down also where no engine takes the weights: the learner has them.
            clock.move("sync", "evaluate", parts.versions.held_back())
            row = step_row(
                step,
                batch,
                tally,
                metrics,
                clock.lap(),
                canary_gap=stats.canary_gap if stats is not None else None,
                engines_idle=parts.fleet.idle_share(),
                engines_lost=parts.fleet.tokens_lost - self._tokens_lost,
            )
            self._tokens_lost = parts.fleet.tokens_lost
            row |= {"grade_slowest": slowest_calls(parts.pool)} | parts.turns.measured()
            row["guards"] = parts.guards.look(row, canary)
            parts.recorder.write_step(row)
        parts.dispatcher.pump()
        return row

    def _tell(self, stats: "SyncStats") -> None:
        """Say what a weight update has found."""
        for name in stats.lost:
            self._say(f"{name} was lost in a weight update")

    async def _save_at_stop(self, error: BaseException) -> None:
        """Save the last complete step; where that fails too, say so beside the error."""
        # Ranks that begin again stand elsewhere than the step says.
        if self._goes_back or isinstance(error.__cause__, LearnerLostError):
            error.add_note(f"what it had learnt after step {self._checkpoints.saved} is lost")
            return
        try:
            await self._checkpoints.settle()
            if self._learning and self.step != self._checkpoints.saved:
                error.add_note(f"step {self.step} could not be saved: it happened while learning")
            if not self._learning:
                await self._save_last()
        except Exception as other:
            error.add_note(f"step {self.step} could not be saved: {other}")

    async def _watch_grading(self) -> None:
        """Keep what the live line says of slow grading up to date.

        It is made here, on the loop: the live line is drawn by a thread of its own.
        """
        while True:
            self._grading = slow_grading(self._parts.pool)
            await asyncio.sleep(1)
