"""Whatever stops a run in a controlled way, the last complete step is saved and written down."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from pyarrow import parquet

from data.schema import Prompt
from data.stream import PromptStream
from rewards import Sample, Verdict
from rewards.errors import PoolError
from rl.checkpoint import CheckpointStore
from rl.config import RunConfig
from rl.errors import (
    ClusterError,
    EngineError,
    LateGroupError,
    LearnerError,
    PlumbError,
    StorageError,
)
from rl.learn.batching import TrainBatch
from rl.old_groups import Completion, Generation
from rl.records import RunRecords
from rl.trainer import Parts, Trainer

PROMPTS = [Prompt(f"p{i}", ({"role": "user", "content": "?"},), "1") for i in range(40)]
EVALUATION = [Prompt(f"e{i}", ({"role": "user", "content": "!"},), "1") for i in range(4)]


class Fleet:
    """Engines that answer at once; the group of index `fails_at` meets `failure` instead."""

    def __init__(self, fails_at: int | None = None, failure: Exception | None = None) -> None:
        self.asked: list[tuple[int, str]] = []
        self.version = 0
        self._fails_at = fails_at
        self._failure = failure

    async def generate(self, prompt: Prompt, index: int) -> Generation:
        self.asked.append((index, prompt.id))
        if index == self._fails_at and self._failure is not None:
            raise self._failure
        answers = [Completion([index, i], [-0.5, -0.5], f"{i}", "stop") for i in range(2)]
        return Generation([1], answers, self.version)

    async def evaluate(self, prompt: Prompt) -> Generation:
        if prompt.id == "e3":
            raise LateGroupError("it took longer than it may")
        return Generation([1], [Completion([1], [-0.5], "1", "stop")], self.version)


class Learner:
    """A learner that knows which steps it has taken; `gate` lets a test stop in the middle."""

    def __init__(self, fleet: Fleet) -> None:
        self.steps: list[int] = []
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: PlumbError | None = None
        self._fleet = fleet

    async def train(
        self, batch: TrainBatch, step: int
    ) -> tuple[dict[str, float], dict[int, float]]:
        self.entered.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.steps.append(step)
        return {"loss": 0.0}, dict.fromkeys(range(len(batch)), 0.5)

    async def sync(self, version: int) -> None:
        self._fleet.version = version

    async def save(self, folder: Path) -> None:
        (folder / "steps.json").write_text(json.dumps(self.steps))

    async def load(self, folder: Path) -> None:
        self.steps = json.loads((folder / "steps.json").read_text())


class Pool:
    """Grades at once: the first answer of a group is right, unless the prompt is useless."""

    def __init__(self, useless: Mapping[str, str]) -> None:
        self._useless = useless

    async def grade(self, samples: list[Sample]) -> list[Verdict]:
        return [
            Verdict.correct(1.0, passed=i + 1.0)
            if i == 0 and sample.id.partition("#")[0] not in self._useless
            else Verdict.incorrect(0.0, passed=0.0)
            for i, sample in enumerate(samples)
        ]

    def pending(self) -> list[object]:
        return []

    def take_slowest(self) -> list[object]:
        return []


class Bench:
    """A trainer with real records, checkpoints and prompts, and fakes of what needs a cluster."""

    def __init__(
        self,
        run_dir: Path,
        fleet: Fleet | None = None,
        *,
        last_step: int = -1,
        **sampler: object,
    ) -> None:
        self.config = RunConfig.model_validate(
            {
                "run_dir": str(run_dir),
                "sampler": {"prompts_per_step": 4, "samples_per_prompt": 2, **sampler},
                "train": {"steps": 5, "eval_every": 2, "checkpoint_every": 0},
            }
        )
        self.fleet = fleet or Fleet()
        self.learner = Learner(self.fleet)
        self.store = CheckpointStore(run_dir, keep=2)
        self.rows: list[Mapping[str, Any]] = []
        self.useless: dict[str, str] = {}
        self.parts = Parts(
            PromptStream(PROMPTS, seed=0, epochs=1),
            EVALUATION,
            cast(Any, self.fleet),
            cast(Any, self.learner),
            cast(Any, Pool(self.useless)),
            self.store,
            RunRecords(run_dir, last_step=last_step),
        )
        self.trainer = Trainer(self.config, self.parts, on_step=self.rows.append)

    def written(self) -> list[dict[str, Any]]:
        text = (self.config.run_dir / "metrics.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


async def resumed(bench: Bench, folder: Path) -> Bench:
    """Another process that goes on from what `bench` has saved."""
    other = Bench(folder)
    checkpoint = bench.store.newest(bench.config)
    assert checkpoint is not None
    await other.trainer.restore(checkpoint)
    await other.trainer.run()
    return other


async def test_a_step_accounts_for_all_of_its_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.trainer.run()
    rows = bench.written()
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5]
    for row in rows[1:]:
        seconds = dict(row["seconds"])
        total = seconds.pop("total")
        assert sum(seconds.values()) <= total
        assert ("evaluate" in seconds) == (row["step"] in {2, 4, 5})
        assert {"generate", "grade", "learn", "sync", "record"} <= seconds.keys()
        assert row["verdicts"] == {"passed": 0.5}
        assert row["groups_late"] == 0
    measured = [row.get("eval_accuracy") for row in rows]
    assert measured == [1.0, None, 1.0, None, 1.0, 1.0], "a late answer was not measured"
    table = parquet.read_table(tmp_path / "rollouts" / "step_000003.parquet")
    assert table["metrics"].to_pylist()[0] == [("passed", 1.0)]
    assert [row["step"] for row in bench.rows] == [1, 2, 3, 4, 5]


async def test_a_checkpoint_has_a_time_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    train = bench.config.train.model_copy(update={"checkpoint_every": 2})
    bench.trainer._config = bench.config.model_copy(update={"train": train})
    await bench.trainer.run()
    saved = [row["step"] for row in bench.written()[1:] if "checkpoint" in row["seconds"]]
    assert saved == [2, 4]


@pytest.mark.parametrize(
    "failure",
    [
        EngineError("rollout engine 0 died"),
        asyncio.CancelledError("a signal"),
        PoolError("the grading workers are lost"),
        RuntimeError("a defect"),
    ],
)
async def test_what_stops_sampling_saves_the_step_before(failure: Any, tmp_path: Path) -> None:
    whole = Bench(tmp_path / "whole")
    await whole.trainer.run()
    stopped = Bench(tmp_path / "stopped", Fleet(fails_at=14, failure=failure))
    with pytest.raises(type(failure)):
        await stopped.trainer.run()
    assert stopped.store.steps() == [3]
    assert [row["step"] for row in stopped.written()] == [0, 1, 2, 3]
    other = await resumed(stopped, tmp_path / "resumed")
    assert other.learner.steps == whole.learner.steps == [1, 2, 3, 4, 5]
    first = min(index for index, _ in other.fleet.asked)
    assert first == 12, "what the stopped step had sampled is sampled again"
    assert other.fleet.asked == whole.fleet.asked[first:]


async def test_a_signal_while_learning_lets_the_step_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.learner.gate.clear()
    run = asyncio.create_task(bench.trainer.run())
    await bench.learner.entered.wait()
    run.cancel()
    await asyncio.sleep(0)
    assert not run.done()
    bench.learner.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert bench.store.steps() == [1]
    assert [row["step"] for row in bench.written()] == [0, 1]


async def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.learner.gate.clear()
    run = asyncio.create_task(bench.trainer.run())
    await bench.learner.entered.wait()
    for _ in range(2):
        run.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await run
    assert bench.store.steps() == []


async def test_a_learner_that_fails_is_not_saved(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Fleet())
    bench.learner.failure = LearnerError("the loss is not finite")
    with pytest.raises(LearnerError):
        await bench.trainer.run()
    assert bench.store.steps() == []
    bench = Bench(tmp_path / "later")

    async def fail_at_three(batch: TrainBatch, step: int) -> Any:
        if step == 3:
            raise LearnerError("the loss is not finite")
        return await Learner.train(bench.learner, batch, step)

    cast(Any, bench.learner).train = fail_at_three
    with pytest.raises(LearnerError) as caught:
        await bench.trainer.run()
    assert caught.value.__notes__ == ["step 2 could not be saved: it happened while learning"]


async def test_a_starved_run_is_saved_and_names_its_prompts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, give_up_after=6)
    order = Bench(tmp_path / "order")
    await order.trainer.run()
    useless = [prompt for index, prompt in order.fleet.asked if index >= 8]
    bench.useless |= dict.fromkeys(useless, "")
    with pytest.raises(PlumbError, match=f"useless were '{useless[0]}' \\(0 of 2 right\\)"):
        await bench.trainer.run()
    assert bench.store.steps() == [2]


async def test_a_late_group_is_left_out_and_replaced(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Fleet(fails_at=5, failure=LateGroupError("too slow")))
    await bench.trainer.run()
    late = Counter({row["step"]: row["groups_late"] for row in bench.written()[1:]})
    assert late == Counter({2: 1})
    assert all(row["groups_trained"] == 4 for row in bench.written()[1:])


@pytest.mark.parametrize("stopped_at", [2, 5])
async def test_an_evaluation_that_a_stop_left_out_is_made_up_for(
    stopped_at: int, tmp_path: Path
) -> None:
    """A signal while the last step, or one that ends with an evaluation, is learnt from."""
    bench = Bench(tmp_path)

    async def stop_at(batch: TrainBatch, step: int) -> Any:
        if step == stopped_at:
            run.cancel()
        return await Learner.train(bench.learner, batch, step)

    cast(Any, bench.learner).train = stop_at
    run = asyncio.create_task(bench.trainer.run())
    with pytest.raises(asyncio.CancelledError):
        await run
    assert "eval_accuracy" not in bench.written()[-1]
    checkpoint = bench.store.newest(bench.config)
    assert checkpoint is not None
    assert checkpoint.step == stopped_at
    again = Bench(tmp_path, last_step=stopped_at)
    await again.trainer.restore(checkpoint)
    await again.trainer.run()
    measured = [row["step"] for row in again.written() if "eval_accuracy" in row]
    assert measured == [0, 2, 4, 5]


async def test_an_evaluation_is_written_down_before_its_checkpoint(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    train = bench.config.train.model_copy(update={"checkpoint_every": 2})
    bench.trainer._config = bench.config.model_copy(update={"train": train})

    async def fail(folder: Path) -> None:
        raise StorageError("the disk is full")

    cast(Any, bench.learner).save = fail
    with pytest.raises(StorageError) as caught:
        await bench.trainer.run()
    assert caught.value.__notes__ == ["step 2 could not be saved: the disk is full"]
    assert bench.written()[-1]["eval_accuracy"] == 1.0


async def test_a_signal_while_the_last_checkpoint_is_written_lets_it_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    saves = []

    async def save(folder: Path) -> None:
        saves.append(folder)
        run.cancel()
        await asyncio.sleep(0)
        await Learner.save(bench.learner, folder)

    cast(Any, bench.learner).save = save
    run = asyncio.create_task(bench.trainer.run())
    with pytest.raises(asyncio.CancelledError):
        await run
    assert len(saves) == 1, "two at once would write the same files"
    assert bench.store.steps() == [5]


async def test_an_engine_lost_in_a_sync_costs_no_step(tmp_path: Path) -> None:
    """The learner has its whole step by then."""
    bench = Bench(tmp_path)

    async def sync(version: int) -> None:
        if version == 3:
            raise ClusterError("a process died while syncing weights")
        await Learner.sync(bench.learner, version)

    cast(Any, bench.learner).sync = sync
    with pytest.raises(ClusterError):
        await bench.trainer.run()
    assert bench.store.steps() == [3]
    assert [row["step"] for row in bench.written()] == [0, 1, 2, 3]
    assert (tmp_path / "rollouts" / "step_000003.parquet").exists()
    other = await resumed(bench, tmp_path / "resumed")
    assert other.learner.steps == [1, 2, 3, 4, 5]
