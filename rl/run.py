"""A whole run from configuration to summary: starts every part, trains, stops every part."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.schema import Prompt, PromptSource
from rewards.grading.running import Pool
from rl.checkpoint import Checkpoint
from rl.checkpoint_keeping import store_of
from rl.checkpoint_settings import differences
from rl.config import RunConfig
from rl.config_file import dump_config
from rl.errors import CheckpointError, ConfigError, HeadLostError
from rl.evaluation_sets import HELD_OUT, EvaluationSet
from rl.exporting import export_model, forget_models
from rl.fault_log import FaultLog
from rl.model_path import with_model
from rl.progress import Progress
from rl.sinks import Sink, read_metrics
from rl.startup import Startup
from rl.storage import write_atomically, writing
from rl.supervision import supervised
from rl.trainer import Trainer

if TYPE_CHECKING:
    from rl.learn.group import LearnerGroup


@dataclass(frozen=True, slots=True)
class Work:
    """What a run trains and evaluates on."""

    source: PromptSource
    """Training prompts in order."""
    evaluations: Sequence[EvaluationSet]
    """Sets that are answered beside training."""
    prompts: Sequence[Prompt]
    """All prompts that may be asked, to check their lengths at the start."""


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
    accuracy_by_mode: Mapping[str, tuple[float | None, float | None]]
    """Of each reasoning mode in the evaluation."""


def open_run_dir(
    config: RunConfig, *, resume: bool, overwrite: bool, source: PromptSource | None = None
) -> Checkpoint | None:
    """Prepare the run directory; the checkpoint to go on from, if there is one.

    Args:
        config: the run's configuration.
        resume: go on with the run that is there.
        overwrite: delete the run that is there.
        source: the training prompts, which have to be those of the checkpoint.

    Raises:
        ConfigError: the directory holds a run and neither flag says what to do with it.
        CheckpointError: the checkpoint cannot be continued with this configuration.
        DataError: it is of other prompts.
    """
    run_dir = config.run_dir
    store = store_of(config)
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
    if checkpoint is not None and source is not None:
        source.load_state_dict(checkpoint.dispatch.source)  # known before anything starts
    forget_models(run_dir, after=checkpoint.step if checkpoint is not None else 0)
    write_atomically(run_dir / "config.yaml", dump_config(config))
    return checkpoint


def startup_of(config: RunConfig, checkpoint: Checkpoint | None) -> Startup:
    """What tells in the run directory, while it is a block, what is being started."""
    step = checkpoint.step if checkpoint is not None else 0
    return Startup(config.run_dir, step=step, steps=config.train.steps)


async def run(
    config: RunConfig,
    work: Work,
    *,
    pool: Pool,
    model: str,
    checkpoint: Checkpoint | None,
    sinks: Sequence[Sink] = (),
    say: Callable[[str], None] = print,
) -> Summary:
    """Train as `config` says.

    Args:
        config: the run's configuration.
        work: what it trains and evaluates on.
        pool: grades the answers; it is started and closed here.
        model: a folder or hub id, for `model.path`, which may name a built-in model.
        checkpoint: where to go on from.
        sinks: where metrics go beside the run directory.
        say: prints a line.
    """
    from rl.awaiting import stop_on_sigterm
    from rl.cluster import connect, head_address
    from rl.parts import start_parts

    started = time.monotonic()
    progress = Progress(config.train.steps, lambda: trainer.status)
    faults = FaultLog(config.run_dir, progress.say)
    async with AsyncExitStack() as stack:
        with startup_of(config, checkpoint) as startup:
            with startup.of("Ray"):
                hardware = stack.enter_context(connect(config))
            started_here = await stack.enter_async_context(AsyncExitStack())
            stop_on_sigterm()
            parts = await start_parts(
                started_here,
                with_model(config, model),
                work,
                hardware=hardware,
                pool=pool,
                last_step=checkpoint.step if checkpoint else -1,
                startup=startup,
                sinks=sinks,
                say=progress.say,
                lost=faults.note,
            )
        ready = time.monotonic() - started
        say(f"ready after {ready:.0f} s on {hardware.device}; training in {config.run_dir}")
        trainer = Trainer(config, parts, on_step=progress.step, say=progress.say, lost=faults.note)
        try:
            async with supervised(config, trainer, faults, head=head_address()):
                await _train(config, trainer, progress, checkpoint)
                async with parts.turns.visiting():
                    exported = await _export(config, parts.learner)
        except HeadLostError:
            started_here.pop_all()  # stopping each would ask Ray's head
            trainer.parts.recorder.close()
            raise
        ungradable = pool.ungradable_reasons()
    return _summary(config, trainer, work, time.monotonic() - started, exported, ungradable)


async def _train(
    config: RunConfig, trainer: Trainer, progress: Progress, checkpoint: Checkpoint | None
) -> None:
    with progress:
        if checkpoint is not None:
            await trainer.restore(checkpoint)
            progress.say(f"resumed after step {checkpoint.step}")
            if changed := differences(checkpoint.config, config):
                progress.say(f"settings that are others since then: {'; '.join(changed)}")
        await trainer.run()


async def _export(config: RunConfig, learner: "LearnerGroup") -> Path | None:
    if not config.train.export:
        return None
    folder = config.run_dir / "model"
    await export_model(learner, folder)
    return folder


def _summary(
    config: RunConfig,
    trainer: Trainer,
    work: Work,
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
        evaluation_size=sum(len(s.prompts) for s in work.evaluations if s.name == HELD_OUT),
        model=model,
        ungradable=ungradable,
        accuracy_by_task=_apart(rows, "task"),
        accuracy_by_mode=_apart(rows, "mode"),
    )


def _apart(
    rows: Sequence[Mapping[str, Any]], what: str
) -> Mapping[str, tuple[float | None, float | None]]:
    key = f"eval_accuracy_by_{what}"
    measured = [row[key] for row in rows if row.get(key)]
    if not measured:
        return {}
    return {name: (measured[0].get(name), after) for name, after in measured[-1].items()}
