"""The loop: sample a full batch, learn from it, sync the weights, write down what happened.

Synchronous: nothing is sampled while weights change. The trainer composes its parts and owns none
of their work. Interrupted at any instant, a run goes on from its newest checkpoint over the same
prompts in the same order. Stopped by a signal or an error of any part (an engine that was lost, a
worker that grades, a full disk), it saves the last step that is complete; what it had sampled since
is sampled again, and an evaluation that was due is made up for.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from data.schema import Prompt, PromptSource
from rewards import Sample, Verdict
from rewards.grading.running import Pool
from rl.checkpoint import Checkpoint, CheckpointStore
from rl.config import RunConfig
from rl.errors import LateGroupError
from rl.learn.batching import TrainBatch
from rl.learner_group import LearnerGroup
from rl.old_groups import Generation, Group
from rl.records import RunRecords
from rl.rewarding import slow_grading, slowest_calls
from rl.rollout_fleet import RolloutFleet
from rl.sampler import Batch, DynamicSampler
from rl.task_metrics import accuracy, accuracy_by_task, by_task, verdict_metrics

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a trainer composes; each is started and stopped by `rl.run`."""

    source: PromptSource
    evaluation: Sequence[Prompt]
    fleet: RolloutFleet
    learner: LearnerGroup
    pool: Pool
    store: CheckpointStore
    records: RunRecords


class Trainer:
    """Trains until `train.steps`, or until prompts run out.

    Args:
        config: the run's configuration.
        parts: the running parts.
        on_step: called with each step's metrics.
    """

    def __init__(
        self, config: RunConfig, parts: Parts, *, on_step: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._config = config
        self._parts = parts
        self._on_step = on_step
        self._phase = ""
        self._grading = ""
        self.step = 0
        self.policy_version = 0
        self._saved_step = 0
        self._learning = False  # between two policies: neither can be saved
        self._sampler = DynamicSampler(
            parts.source,
            parts.fleet.generate,
            self._grade,
            config=config.sampler,
            max_ungradable=config.reward.max_ungradable,
        )
        self._boundary: Mapping[str, Any] = {}  # the sampler, after the last complete step

    @property
    def status(self) -> str:
        """What is going on now, in a few words."""
        now = self._sampler.status or self._phase
        return f"{now} | {self._grading}" if self._grading else now

    async def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        self._phase = "loading the checkpoint"
        self._sampler.load_state_dict(checkpoint.sampler)
        await self._parts.learner.load(checkpoint.learner)
        self.step = checkpoint.step
        self.policy_version = checkpoint.policy_version
        self._saved_step = checkpoint.step

    async def run(self) -> None:
        """Train; the engines hold the learner's weights when this returns."""
        self._boundary = self._sampler.state_dict()
        watch = asyncio.create_task(self._watch_grading())
        try:
            await self._run()
        except (asyncio.CancelledError, Exception) as error:
            await self._save_at_stop(error)
            raise
        finally:
            watch.cancel()

    async def _run(self) -> None:
        await self._parts.learner.sync(self.policy_version)
        if self._parts.evaluation:
            await self._evaluate_start()
        while self.step < self._config.train.steps:
            if not await self._train_step():
                await self._evaluate_end()
                break
        if self.step != self._saved_step:
            await _unbroken(self.save())

    async def save(self) -> None:
        """Write a checkpoint of the last complete step."""
        self._phase = "saving a checkpoint"
        with self._parts.store.write(
            self._config,
            step=self.step,
            policy_version=self.policy_version,
            sampler=self._boundary,
        ) as folder:
            await self._parts.learner.save(folder)
        self._saved_step = self.step

    async def evaluate(self) -> dict[str, Any]:
        """Share of correct answers to the evaluation prompts, of all and of each kind of task.

        A share is None if nothing was gradable.
        """
        prompts = self._parts.evaluation
        self._phase = f"evaluating {len(prompts)} prompts"
        verdicts = await asyncio.gather(*map(self._answer, prompts))
        return {
            "eval_accuracy": accuracy(chain.from_iterable(verdicts)),
            "eval_accuracy_by_task": accuracy_by_task(prompts, verdicts),
        }

    async def _train_step(self) -> bool:
        """One step; whether there was anything to train on."""
        started = time.perf_counter()
        batch = await self._sampler.next_batch(self.policy_version)
        if not batch.groups:
            return False
        row = await _unbroken(self._learn(batch, started))
        seconds: dict[str, float] = row["seconds"]
        if self._is_due(self._config.train.eval_every) and self._parts.evaluation:
            found, seconds["evaluate"] = await _timed(self.evaluate())
            row |= found
            # Written down before anything else is done: a checkpoint can fail, or be the last.
            seconds["total"] = time.perf_counter() - started
            self._parts.records.amend_last(**found, seconds=seconds)
        every = self._config.train.checkpoint_every
        if every and self.step % every == 0:
            _, seconds["checkpoint"] = await _timed(_unbroken(self.save()))
            seconds["total"] = time.perf_counter() - started
            self._parts.records.amend_last(seconds=seconds)
        self._on_step(row)
        return True

    async def _learn(self, batch: Batch, started: float) -> dict[str, Any]:
        """Train on a batch and write the step down; returns its metrics."""
        self._learning = True
        self._phase = "learning"
        samples = [(group, i) for group in batch.groups for i in group.gradable]
        learned, learn_seconds = await _timed(
            self._parts.learner.train(self._to_train(samples), self.step + 1)
        )
        metrics, advantages = learned
        self.step, self.policy_version = self.step + 1, self.policy_version + 1
        self._boundary = self._sampler.state_dict()
        self._learning = False  # from here on the learner can be saved, whatever engines do
        self._phase = "syncing weights"
        first = {(samples[i][0].index, samples[i][1]): a for i, a in advantages.items()}
        learnt = time.perf_counter()
        try:
            await self._parts.learner.sync(self.policy_version)
        finally:
            spent = {"learn": learn_seconds, "sync": time.perf_counter() - learnt}
            row: dict[str, Any] = self._write(batch, first, started, spent) | metrics
            self._parts.records.write_step(row)
        return row

    def _write(
        self,
        batch: Batch,
        advantages: Mapping[tuple[int, int], float],
        started: float,
        spent: Mapping[str, float],
    ) -> dict[str, Any]:
        """Write the answers of a step that ends now; returns its metrics of sampling."""
        trained = time.perf_counter() - started
        self._write_rollouts(batch, advantages)
        total = time.perf_counter() - started
        seconds = {
            "generate": batch.seconds.get("generate", 0.0),
            "grade": batch.seconds.get("grade", 0.0),
            **spent,
            "record": total - trained,
            "total": total,
        }
        row = self._row(batch, seconds, trained)
        row["grade_slowest"] = slowest_calls(self._parts.pool)
        return row

    async def _save_at_stop(self, error: BaseException) -> None:
        """Save the last complete step; where that fails too, say so beside the error."""
        if self.step == self._saved_step:
            return
        if self._learning:
            error.add_note(f"step {self.step} could not be saved: it happened while learning")
            return
        try:
            await self.save()
        except Exception as other:
            error.add_note(f"step {self.step} could not be saved: {other}")

    async def _watch_grading(self) -> None:
        """Keep what the live line says of slow grading up to date.

        It is made here, on the loop: the live line is drawn by a thread of its own.
        """
        while True:
            self._grading = slow_grading(self._parts.pool)
            await asyncio.sleep(1)

    async def _evaluate_start(self) -> None:
        """Evaluate before the first step, or what a stop has left out after the last one."""
        if self.step:
            last = self._parts.records.last()
            left_out = last.get("step") == self.step and "eval_accuracy" not in last
            if left_out and self._is_due(self._config.train.eval_every):
                self._parts.records.amend_last(**await self.evaluate())
            return
        row = {
            "step": 0,
            "time": time.time(),
            "policy_version": self.policy_version,
        }
        row |= await self.evaluate()
        self._parts.records.write_step(row)

    async def _evaluate_end(self) -> None:
        """Prompts have run out before the last step: evaluate all the same."""
        if self._parts.evaluation and self.step:
            self._parts.records.amend_last(**await self.evaluate())

    async def _answer(self, prompt: Prompt) -> list[Verdict]:
        try:
            generation = await self._parts.fleet.evaluate(prompt)
        except LateGroupError as error:
            return [Verdict.ungradable(f"late: {error}")]
        return await self._grade(prompt, generation)

    async def _grade(self, prompt: Prompt, generation: Generation) -> list[Verdict]:
        return await self._parts.pool.grade(
            [
                Sample(
                    id=f"{prompt.id}#{i}",
                    prompt=prompt.messages,
                    response=completion.text,
                    reference=prompt.reference,
                    task=prompt.task,
                    tools=prompt.tools,
                    metadata={
                        **prompt.metadata,
                        "response_tokens": len(completion.token_ids),
                    },
                    stop_reason=completion.stop_reason,
                    thinking=generation.thinking,
                )
                for i, completion in enumerate(generation.completions)
            ]
        )

    def _to_train(self, samples: Sequence[tuple[Group, int]]) -> TrainBatch:
        completions = [group.generation.completions[i] for group, i in samples]
        return TrainBatch(
            prompt_ids=[group.generation.prompt_token_ids for group, _ in samples],
            response_ids=[completion.token_ids for completion in completions],
            rollout_logprobs=[completion.logprobs for completion in completions],
            rewards=[group.verdicts[i].reward for group, i in samples],
            groups=[group.index for group, _ in samples],
            fresh=[group.generation.policy_version == self.policy_version for group, _ in samples],
        )

    def _row(self, batch: Batch, seconds: dict[str, float], trained: float) -> dict[str, Any]:
        """The step's sampling metrics, over every group resolved in it, before filtering.

        Tokens a second are those sampled, over the `trained` seconds from sampling to sync.
        """
        verdicts = [verdict for group in batch.resolved for verdict in group.verdicts]
        gradable = [verdict for verdict in verdicts if verdict.is_gradable]
        rewards = [verdict.reward for verdict in gradable]
        lengths = [
            len(completion.token_ids)
            for group in batch.resolved
            for completion in group.generation.completions
        ]
        cut = sum(
            completion.stop_reason == "length"
            for group in batch.resolved
            for completion in group.generation.completions
        )
        mean = _mean(rewards)
        return {
            "step": self.step,
            "time": time.time(),
            "policy_version": self.policy_version,
            "accuracy": accuracy(verdicts),
            "reward_mean": mean,
            "reward_std": None
            if mean is None
            else _mean([(r - mean) ** 2 for r in rewards]) ** 0.5,
            "groups_sampled": len(batch.resolved),
            "groups_accepted": batch.endings["accepted"],
            "acceptance_rate": batch.acceptance_rate,
            "groups_trained": len(batch.groups),
            "groups_carried": batch.carried,
            "groups_stale": batch.endings["stale"],
            "groups_all_correct": batch.endings["rejected_correct"],
            "groups_all_incorrect": batch.endings["rejected_incorrect"],
            "groups_late": batch.endings["late"],
            "ungradable": len(verdicts) - len(gradable),
            "verdicts": verdict_metrics(gradable),
            "response_tokens_mean": _mean([float(length) for length in lengths]),
            "truncated": cut / len(lengths) if lengths else None,
            "tasks": by_task(batch.resolved),
            "seconds": seconds,
            "tokens_per_second": sum(lengths) / trained,
        }

    def _write_rollouts(self, batch: Batch, advantages: Mapping[tuple[int, int], float]) -> None:
        """Record the step's answers; `advantages` by (group index, response)."""
        every = self._config.train.log_rollouts_every
        if every and self.step % every == 0:
            resolved = {group.index for group in batch.resolved}
            carried_in = [group for group in batch.groups if group.index not in resolved]
            groups = carried_in + batch.resolved
            self._parts.records.write_rollouts(self.step, groups, advantages)

    def _is_due(self, every: int) -> bool:
        return self.step == self._config.train.steps or (every > 0 and self.step % every == 0)


async def _unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end even if the caller is cancelled meanwhile; a second time ends it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _timed(work: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return await work, time.perf_counter() - started


def _mean(values: Sequence[float]) -> Any:
    return sum(values) / len(values) if values else None
