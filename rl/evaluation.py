"""Evaluations beside training: named sets, each with its own sampling, cadence and size.

Guarantee: they never pass through the dispatcher, so that no training batch changes by their
running. An evaluation's answers are of one policy version: where an engine can be spared it is
leased and pinned; else the next weight update waits, or, if `train.evaluation_pause` is false, the
set's metrics say `mixed_versions`. A set whose engine was lost begins anew, with the policy that
there is then. One that fails ends the run at once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from data.schema import Prompt
from rl.config import RunConfig
from rl.episodes.runner import Runner
from rl.errors import EngineLostError
from rl.evaluation_numbers import headline, summary
from rl.evaluation_sets import HELD_OUT, EvaluationSet, sampling_of
from rl.groups import Group
from rl.recorder import Recorder
from rl.tasks import all_of
from rl.tokens import Policy, Sampling

if TYPE_CHECKING:
    from rl.engines.fleet import Fleet
    from rl.versions import Versions

T = TypeVar("T")


def _nobody(name: str, step: int, numbers: Mapping[str, Any]) -> None:
    """Where nobody is told."""


class Evaluations:
    """Every set of a run.

    Args:
        config: the run's configuration.
        sets: the sets; those without prompts are left out.
        runner: samples and grades.
        fleet: all engines.
        versions: holds the next update back.
        recorder: takes numbers and answers.
        say: prints a line.
        told: is given a set's name, the step and the numbers of each evaluation once it is written
            down; what it raises ends the run.
    """

    def __init__(
        self,
        config: RunConfig,
        sets: Sequence[EvaluationSet],
        runner: Runner,
        fleet: "Fleet",
        versions: "Versions",
        recorder: Recorder,
        *,
        say: Callable[[str], None],
        told: Callable[[str, int, Mapping[str, Any]], None] = _nobody,
    ) -> None:
        self._config = config
        self._sets = [one for one in sets if one.prompts]
        self._runner = runner
        self._fleet = fleet
        self._versions = versions
        self._recorder = recorder
        self._say = say
        self._told = told
        self._running: asyncio.Task[None] | None = None
        self.status = ""
        """What is being evaluated, in a few words; empty if nothing is."""

    async def at_start(self, step: int) -> None:
        """Before the first step: all sets. After a stop: those that it has left out."""
        if step == 0 and self._sets:
            row = {"step": 0, "time": time.time(), "policy_version": 0}
            self._recorder.write_step(row)
            await self._begin(step, self._sets)
            await self.finish()
            return
        missed = [one for one in self._sets if self._is_missed(one, step)]
        if missed:
            await self._begin(step, missed)

    def is_due(self, step: int) -> bool:
        """Whether `at_step` would begin a set."""
        return any(self._is_due(one, step) for one in self._sets)

    async def at_step(self, step: int) -> None:
        """Begin what is due; the policy that made the step answers it."""
        due = [one for one in self._sets if self._is_due(one, step)]
        if due:
            await self._begin(step, due)

    async def at_end(self, step: int) -> None:
        """Prompts have run out before the last step: evaluate what its policy has not answered."""
        due = [one for one in self._sets if not self._is_due(one, step)]
        if due and step:
            await self._begin(step, due)

    async def beside(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`; an evaluation that fails meanwhile ends it with its error."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                running = self._running
                await asyncio.wait(
                    {task, running} if running is not None else {task},
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if running is not None and running.done():
                    await self.finish()
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def finish(self) -> None:
        """Wait for what runs."""
        running, self._running = self._running, None
        if running is not None:
            await running

    async def aclose(self) -> None:
        """Cancel what runs; it is made up for on resume."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _begin(self, step: int, sets: Sequence[EvaluationSet]) -> None:
        """Evaluate beside what follows; returns once the version is held."""
        await self.finish()
        held = asyncio.Event()
        task = asyncio.create_task(self._evaluate(step, sets, held), name="evaluation")
        self._running = task
        waiting = asyncio.ensure_future(held.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await self.finish()

    async def _evaluate(
        self, step: int, sets: Sequence[EvaluationSet], held: asyncio.Event
    ) -> None:
        left = list(sets)
        while left:
            try:
                async with self._policy() as policy:
                    held.set()
                    while left:
                        await self._evaluate_set(step, left[0], policy)
                        del left[0]
            except EngineLostError as error:  # how often is bounded by `rollout.restarts`
                self._say(f"the evaluation of {left[0].name} begins anew: {error}")
            finally:
                self.status = ""

    async def _evaluate_set(self, step: int, one: EvaluationSet, policy: Policy) -> None:
        self.status = f"evaluating {one.name}: {len(one.prompts)} prompts"
        started = time.perf_counter()
        sampling = sampling_of(one.settings, self._config)
        groups = await all_of(
            [
                self._ask(step, index, prompt, one, sampling, policy)
                for index, prompt in enumerate(one.prompts)
            ]
        )
        numbers = summary(groups, one.settings.samples)
        numbers["seconds"] = time.perf_counter() - started
        self._recorder.evaluated(one.name, step, groups)
        self._recorder.amend(step, **self._values(one.name, step, numbers))
        self._say(f"evaluation of {one.name} after step {step}: {headline(numbers)}")
        self._told(one.name, step, numbers)

    async def _ask(
        self,
        step: int,
        index: int,
        prompt: Prompt,
        one: EvaluationSet,
        sampling: Sampling,
        policy: Policy,
    ) -> Group:
        name, settings = f"{one.name}/{prompt.id}", one.settings
        episodes, verdicts = await self._runner.evaluate(
            prompt, settings.samples, sampling, policy, name, tools=settings.tools
        )
        starts = [episode.start for episode in episodes if episode.start is not None]
        return Group(index, prompt, min(starts, default=step), episodes, verdicts)

    def _values(self, name: str, step: int, numbers: Mapping[str, Any]) -> dict[str, Any]:
        row = self._recorder.row(step)
        values: dict[str, Any] = {"evaluations": {**(row.get("evaluations") or {}), name: numbers}}
        if name == HELD_OUT:
            values["eval_accuracy"] = numbers["accuracy"]
            values["eval_accuracy_by_task"] = numbers["accuracy_by_task"]
            values["eval_accuracy_by_source"] = numbers["accuracy_by_source"]
            values["eval_accuracy_by_mode"] = numbers["accuracy_by_mode"]
        return values

    @asynccontextmanager
    async def _policy(self) -> AsyncIterator[Policy]:
        """Engines that stay at one version, as far as the settings ask for it."""
        async with AsyncExitStack() as stack:
            asynchronous = self._config.sampler.max_lag > 0
            if asynchronous and self._fleet.spare():
                yield await stack.enter_async_context(self._fleet.lease(1))
                return
            if not asynchronous or self._config.train.evaluation_pause:
                await stack.enter_async_context(self._versions.hold())
            yield self._fleet

    def _is_missed(self, one: EvaluationSet, step: int) -> bool:
        """Whether a stop has left out the last evaluation of a set that was due."""
        every = self._every(one)
        due = step if self._is_due(one, step) else step - step % every if every else 0
        return due > 0 and one.name not in (self._recorder.row(due).get("evaluations") or {})

    def _is_due(self, one: EvaluationSet, step: int) -> bool:
        every = self._every(one)
        return step == self._config.train.steps or (every > 0 and step % every == 0)

    def _every(self, one: EvaluationSet) -> int:
        every = one.settings.every
        return self._config.train.eval_every if every is None else every
