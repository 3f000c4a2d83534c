"""A whole run from configuration to summary: starts every part, trains, stops every part."""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.schema import Prompt, PromptSource
from rewards.grading.running import Pool
from rl.checkpoint import Checkpoint, CheckpointStore
from rl.config import RunConfig
from rl.config_file import dump_config
from rl.errors import CheckpointError, ConfigError
from rl.progress import Progress
from rl.records import RunRecords, read_metrics
from rl.storage import write_atomically, writing
from rl.trainer import Parts, Trainer

if TYPE_CHECKING:
    from rl.hardware import Hardware
    from rl.learner_group import LearnerGroup
    from rl.rollout_fleet import RolloutFleet


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
    ungradable: Mapping[str, int]
    """Answers that could not be graded, by the kind of reason; evaluations included."""
    accuracy_by_task: Mapping[str, tuple[float | None, float | None]]
    """Of each kind of task in the evaluation: the accuracy before and after."""


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
    pool: Pool,
    model: str,
    prompts: Sequence[Prompt],
    checkpoint: Checkpoint | None,
    say: Callable[[str], None] = print,
) -> Summary:
    """Train as `config` says.

    Args:
        config: the run's configuration.
        source: training prompts in order.
        evaluation: held-out prompts.
        pool: grades the answers; it is started and closed here.
        model: a folder or hub id, for `model.path`, which may name a built-in model.
        prompts: all prompts that may be asked, to check their lengths at the start.
        checkpoint: where to go on from.
        say: prints a line.
    """
    from rl.cluster import connect

    started = time.time()
    async with AsyncExitStack() as stack:
        hardware = stack.enter_context(connect(config))
        _stop_on_sigterm()
        # On the cluster, where a verifier may place a server of its own.
        await _open(stack, pool)
        fleet, learner = await _start_actors(stack, config, hardware, model)
        await fleet.check_lengths(prompts)
        records = RunRecords(config.run_dir, last_step=checkpoint.step if checkpoint else -1)
        stack.callback(records.close)
        store = CheckpointStore(config.run_dir, keep=config.train.keep_checkpoints)
        parts = Parts(source, evaluation, fleet, learner, pool, store, records)
        ready = time.time() - started
        say(f"ready after {ready:.0f} s on {hardware.device}; training in {config.run_dir}")
        trainer = await _train(config, parts, checkpoint)
        exported = await _export(config, learner)
        ungradable = pool.ungradable_reasons()
    return _summary(config, trainer, evaluation, time.time() - started, exported, ungradable)


async def _start_actors(
    stack: AsyncExitStack, config: RunConfig, hardware: "Hardware", model: str
) -> tuple["RolloutFleet", "LearnerGroup"]:
    """Start engines and learner side by side if they can be, and connect them for weight sync."""
    from rl.cluster import await_places, place, transport
    from rl.learner_group import LearnerGroup
    from rl.rollout_fleet import RolloutFleet

    placement = place(config, hardware)
    located = config.model.model_copy(update={"path": model})
    placed = config.model_copy(update={"model": located})
    fleet = RolloutFleet(placed, hardware, gpus=placement.engine_gpus)
    stack.push_async_callback(fleet.stop)
    learner = LearnerGroup(placed, hardware, gpus=placement.learner_gpus)
    stack.callback(learner.stop)
    await await_places(
        {"engines": fleet.actors, "learner ranks": learner.actors},
        {"engines": placement.engine_gpus, "learner ranks": placement.learner_gpus},
        config.cluster.start_deadline,
    )
    await learner.check_run_dir(config.run_dir)
    if placement.shared_gpu:
        # vLLM measures the GPU's memory as it starts: another's must not change meanwhile.
        await learner.start()
        await fleet.start()
    else:
        await asyncio.gather(fleet.start(), learner.start())
    await learner.connect(fleet.actors, transport(config, placement, hardware))
    return fleet, learner


def _stop_on_sigterm() -> None:
    """Let SIGTERM cancel the run, so that every part is stopped before the process ends.

    Called after Ray has connected, which installs a handler of its own.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _train(config: RunConfig, parts: Parts, checkpoint: Checkpoint | None) -> Trainer:
    progress = Progress(config.train.steps, lambda: trainer.status)
    trainer = Trainer(config, parts, on_step=progress.step)
    with progress:
        if checkpoint is not None:
            await trainer.restore(checkpoint)
            progress.say(f"resumed after step {checkpoint.step}")
        await trainer.run()
    return trainer


async def _open(stack: AsyncExitStack, pool: Pool) -> None:
    stack.push_async_callback(pool.aclose)
    await pool.start()


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
    ungradable: Mapping[str, int],
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
        ungradable=ungradable,
        accuracy_by_task=_by_task(rows),
    )


def _by_task(
    rows: Sequence[Mapping[str, Any]],
) -> Mapping[str, tuple[float | None, float | None]]:
    measured = [row["eval_accuracy_by_task"] for row in rows if row.get("eval_accuracy_by_task")]
    if not measured:
        return {}
    return {task: (measured[0].get(task), after) for task, after in measured[-1].items()}
