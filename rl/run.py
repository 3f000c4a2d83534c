"""A whole run from configuration to summary: starts every part, trains, stops every part."""

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data.schema import Prompt, PromptSource
from rewards.pool import GradingPool
from rl.checkpoint import Checkpoint, CheckpointStore
from rl.config import RunConfig, dump_config
from rl.errors import CheckpointError, ConfigError
from rl.progress import Progress
from rl.records import RunRecords, read_metrics
from rl.storage import write_atomically, writing
from rl.trainer import Parts, Trainer

if TYPE_CHECKING:
    from rl.learner_group import LearnerGroup


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a run."""

    steps: int
    seconds: float
    accuracy_before: float | None
    accuracy_after: float | None
    evaluation_size: int
    model: Path | None
    """Folder of the exported model."""


def open_run_dir(config: RunConfig, *, resume: bool, overwrite: bool) -> Checkpoint | None:
    """Prepare the run directory; the checkpoint to go on from, if there is one.

    Raises:
        ConfigError: the directory holds a run and neither flag says what to do with it.
        CheckpointError: the checkpoint cannot be continued with this configuration.
    """
    run_dir = config.run_dir
    store = CheckpointStore(run_dir, keep=config.train.keep_checkpoints)
    used = (run_dir / "metrics.jsonl").exists() or (run_dir / "checkpoints").exists()
    if used and not (resume or overwrite):
        raise ConfigError(
            f"{run_dir} already holds a run: add --resume to continue it, --overwrite to delete it "
            "and start anew, or set another run_dir"
        )
    if resume and not run_dir.exists():
        raise CheckpointError(f"there is no run to resume in {run_dir}: leave out --resume")
    if used and overwrite:
        with writing(run_dir):
            shutil.rmtree(run_dir)
    with writing(run_dir):
        run_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = store.newest(config) if resume else None
    write_atomically(run_dir / "config.yaml", dump_config(config))
    return checkpoint


async def run(
    config: RunConfig,
    source: PromptSource,
    evaluation: Sequence[Prompt],
    *,
    prompts: Sequence[Prompt],
    checkpoint: Checkpoint | None,
    say: Callable[[str], None] = print,
) -> Summary:
    """Train as `config` says.

    Args:
        config: with `model.path` a folder or hub id.
        source: training prompts in order.
        evaluation: held-out prompts.
        prompts: all prompts that may be asked, to check their lengths at the start.
        checkpoint: where to go on from.
        say: prints a line.
    """
    from rl.cluster import connect, place, transport
    from rl.learner_group import LearnerGroup
    from rl.rollout_fleet import RolloutFleet

    started = time.time()
    with connect(config) as hardware:
        placement = place(config, hardware)
        async with AsyncExitStack() as stack:
            fleet = RolloutFleet(config, hardware, gpus=placement.engine_gpus)
            stack.push_async_callback(fleet.stop)
            learner = LearnerGroup(config, hardware, gpus=placement.learner_gpus)
            stack.callback(learner.stop)
            pool = await stack.enter_async_context(_pool(config))
            await asyncio.gather(fleet.start(), learner.start())
            await fleet.check_lengths(prompts)
            await learner.connect(fleet.actors, transport(config, placement, hardware))
            last_step = checkpoint.step if checkpoint else -1
            records = RunRecords(config.run_dir, last_step=last_step)
            stack.callback(records.close)
            store = CheckpointStore(config.run_dir, keep=config.train.keep_checkpoints)
            parts = Parts(source, evaluation, fleet, learner, pool, store, records)
            ready = time.time() - started
            say(f"ready after {ready:.0f} s on {hardware.device}; training in {config.run_dir}")
            trainer = await _train(config, parts, checkpoint)
            model = await _export(config, learner)
    return _summary(config, trainer, evaluation, time.time() - started, model)


async def _train(config: RunConfig, parts: Parts, checkpoint: Checkpoint | None) -> Trainer:
    progress = Progress(config.train.steps, lambda: trainer.status)
    trainer = Trainer(config, parts, on_step=progress.step)
    with progress:
        if checkpoint is not None:
            await trainer.restore(checkpoint)
            progress.say(f"resumed after step {checkpoint.step}")
        await trainer.run()
    return trainer


def _pool(config: RunConfig) -> GradingPool:
    reward = config.reward
    return GradingPool(
        reward.verifier,
        workers=reward.workers,
        deadline=reward.deadline,
        memory_mb=reward.memory_mb,
    )


async def _export(config: RunConfig, learner: "LearnerGroup") -> Path | None:
    if not config.train.export:
        return None
    folder = config.run_dir / "model"
    await learner.export(folder)
    return folder


def _summary(
    config: RunConfig,
    trainer: Trainer,
    evaluation: Sequence[Prompt],
    seconds: float,
    model: Path | None,
) -> Summary:
    rows = read_metrics(config.run_dir / "metrics.jsonl")
    measured = [row["eval_accuracy"] for row in rows if row.get("eval_accuracy") is not None]
    return Summary(
        steps=trainer.step,
        seconds=seconds,
        accuracy_before=measured[0] if measured else None,
        accuracy_after=measured[-1] if measured else None,
        evaluation_size=len(evaluation),
        model=model,
    )
