"""`plumb train`: from a config file to a finished run."""

import asyncio
import logging
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.builtin import PREFIX, words
from data.schema import Prompt
from launch.secret_words import refuse_secrets_of
from launch.train.data import counted, load_data, load_evaluations, never_evaluated, stream_of
from launch.train.files import record_files
from launch.train.quiet import without_announcements
from launch.train.status import death, refuse_second
from rewards.grading.running import Pool
from rl.checkpoint import CheckpointStore
from rl.config import ModeConfig, RunConfig
from rl.config_file import load_config
from rl.dispatch.admission import admission_of
from rl.endpoint.begin import check_agent
from rl.episodes.environment import load_environment
from rl.episodes.lengths import check_lengths, offered
from rl.episodes.rendering import renderer_of
from rl.errors import CheckpointError
from rl.evaluation_sets import HELD_OUT, check_tools, evaluation_sets
from rl.gc_pause import loading
from rl.guards.table import GuardError
from rl.hardware import calm_threads
from rl.hub import see_hub
from rl.model_path import check_model_path
from rl.modes import in_modes
from rl.report_records import ReportError
from rl.rewarding import grading_pool, rubric
from rl.run import Work, open_run_dir, run, startup_of
from rl.trackers.pythons import pythons_of
from rl.trackers.tracking import Tracking

if TYPE_CHECKING:
    from rl.warm_start import Demonstration

TINY = "builtin:tiny"
DEMONSTRATIONS = 4096
"""A warm start has at least half as many."""


def train(
    config_path: Path,
    overrides: Sequence[str],
    *,
    resume: bool,
    overwrite: bool,
    retry: bool = False,
    say: Callable[[str], None],
) -> None:
    """Run a config, and tell what came of it."""
    prepared = prepare(config_path, overrides, say)
    config, pool, prompts = prepared.config, prepared.pool, prepared.prompts
    evaluation, named = prepared.evaluation, prepared.named
    stream = stream_of(config, prompts)
    if config.model.path != TINY:
        see_hub(config.model.path, weights=True)
    refuse_second(config.run_dir)
    resume = resume or (retry and config.run_dir.exists())
    if resume and (died := death(config.run_dir)):
        say(died)
    checkpoint = open_run_dir(config, resume=resume, overwrite=overwrite, source=stream)
    record_files(config, resume=checkpoint is not None)
    say(f"{counted(prompts)}, {len(evaluation)} held out")
    model = config.model.path
    if model == TINY:
        with startup_of(config, checkpoint) as startup, startup.of("the start model"):
            model = str(prepare_tiny(prepared, say).absolute())
    work = Work(stream, evaluation_sets(config, evaluation, named), prepared.asked)
    import_without_torch()
    tracking = Tracking(config, say)
    try:
        running = run(
            config, work, pool=pool, model=model, checkpoint=checkpoint, sinks=[tracking], say=say
        )
        summary = asyncio.run(running)
        from launch.train.closing import close  # draws, so it is slow to import

        close(config, summary)
    except BaseException as error:
        if not isinstance(error, CheckpointError):  # which says itself what resuming needs
            for line in _saved(config):
                error.add_note(line)
        if isinstance(error, GuardError):
            from rl.report import write_report

            with suppress(ReportError):
                error.add_note(f"report: {write_report(config.run_dir)}")
        tracking.end("failed")
        raise
    tracking.end("finished")


def _saved(config: RunConfig) -> Iterator[str]:
    """What a run that ended early has to go on from; nothing is said of one that left nothing."""
    saved = CheckpointStore(config.run_dir, keep=1).steps()
    if saved:
        yield f"step {saved[-1]} is saved: add --resume to go on from there"
    elif (config.run_dir / "metrics.jsonl").exists():
        yield "no step is saved: add --overwrite to begin anew"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run has before anything of it is started."""

    config: RunConfig
    pool: Pool
    """Grades; not started."""
    prompts: list[Prompt]
    """To train on."""
    evaluation: list[Prompt]
    """Held out."""
    named: dict[str, list[Prompt]]
    """Of other evaluation sets, by name."""

    @property
    def asked(self) -> list[Prompt]:
        """All of them."""
        return [*self.prompts, *self.evaluation, *chain.from_iterable(self.named.values())]


def prepare(config_path: Path, overrides: Sequence[str], say: Callable[[str], None]) -> Prepared:
    """Read config and data, and load everything of a user's own.

    Raises:
        PlumbError, DataError, RewardError: What is wrong with them, in a line.
    """
    config = load_config(config_path, overrides, say=say)
    refuse_secrets_of(config)
    pool = grading_pool(config.reward)  # a plugin that does not load is known at once
    # So is a rule or an environment of the user's own.
    admission_of(config.sampler.filter)
    check_tools(load_environment(config.env, config.episode), config)
    check_agent(config)
    pythons_of(config.trackers)
    if config.model.path != TINY:
        check_model_path(config.model.path)
    grading = rubric(config.reward)
    prompts, evaluation = load_data(config.data, grading, say)
    named = load_evaluations(config, grading, say)
    left = never_evaluated(prompts, named)
    return _in_modes(Prepared(config, pool, left, evaluation, named))


def _in_modes(read: Prepared) -> Prepared:
    """The same prompts, each in its reasoning mode.

    The modes of an evaluation do not follow the run's seed: runs with different seeds stay
    comparable.
    """
    config = read.config
    forced = {name: one.mode for name, one in config.evaluation.items()}
    return replace(
        read,
        prompts=in_modes(read.prompts, config, seed=config.seed),
        evaluation=in_modes(read.evaluation, config, seed=0, mode=forced.get(HELD_OUT)),
        named={
            name: in_modes(prompts, config, seed=0, mode=forced[name])
            for name, prompts in read.named.items()
        },
    )


def import_without_torch() -> None:
    """Import the tokenizers of transformers in a third of the time, for this process alone.

    Transformers looks once whether torch is there. Nothing in the process of a command needs its
    models, and importing torch for them takes 3 s of a core while engines and learners start.
    """
    if "torch" in sys.modules:
        return
    said = "PyTorch was not found"
    logging.getLogger("transformers").addFilter(lambda record: said not in record.getMessage())
    sys.modules["torch"] = None  # type: ignore[assignment]  # Python's mark of what is not there
    try:
        with loading():
            from transformers import AutoTokenizer  # noqa: F401
    finally:
        del sys.modules["torch"]


def prepare_tiny(prepared: Prepared, say: Callable[[str], None]) -> Path:
    """Make `builtin:tiny` in the run directory, once, and return its folder.

    Raises:
        TooLongError: A prompt is too long for the run, which is known before the warm start.
    """
    config = prepared.config
    folder = config.run_dir / "start_model"
    if (folder / "config.json").exists():
        return folder
    os.environ.update(calm_threads())  # read when torch is imported, below
    without_announcements()
    from tqdm import tqdm

    from rl.tiny import make_model, make_tokenizer, save
    from rl.warm_start import warm_start

    shown = shown_of(config, prepared.prompts)
    tokenizer = make_tokenizer(tools=config.env is not None, words=tiny_words(config, shown))
    environment = load_environment(config.env, config.episode)
    asked = [offered(environment, prompt) for prompt in prepared.asked]
    check_lengths(renderer_of(tokenizer, config), asked, config.rollout.max_prompt_tokens)
    model = make_model(tokenizer, config.seed)
    if shown:
        wanted = config.model.warm_start_accuracy
        say(f"warm start: supervised training until {wanted:.0%} of sampled answers are right")
        examples = demonstrate(shown, config)
        with tqdm(desc="warm start", unit="update", file=sys.stdout, mininterval=2) as bar:

            def report(updates: int, accuracy: float) -> None:
                bar.set_postfix_str(f"sampled accuracy {accuracy:.0%}")
                bar.update(updates - bar.n)

            done = warm_start(
                model,
                tokenizer,
                examples,
                accuracy=wanted,
                lr=config.model.warm_start_lr,
                seed=config.seed,
                report=report,
            )
        say(f"warm start: {done.accuracy:.0%} after {done.updates} updates, {done.seconds:.0f} s")
    else:
        say("builtin:tiny starts from random weights: the data has no demonstrations")
    temporary = folder.with_name(".start_model.tmp")
    save(model, tokenizer, temporary)
    temporary.rename(folder)
    return folder


def shown_of(config: RunConfig, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts of built-in data, which come with demonstrations."""
    builtin = {name for name, one in config.data.training.items() if one.file.startswith(PREFIX)}
    return [prompt for prompt in prompts if prompt.source in builtin]


def tiny_words(config: RunConfig, shown: Sequence[Prompt]) -> tuple[str, ...]:
    """Texts that are a token each in `builtin:tiny`."""
    from rl.tiny import THINKING

    return (*words(shown), *(THINKING if config.modes else ()))


def demonstrate(prompts: Sequence[Prompt], config: RunConfig) -> "list[Demonstration]":
    """Worked answers to built-in problems, some of them with a mistake.

    Of few problems each has several answers, right and wrong ones, so that the model cannot learn
    by heart which problems are answered wrongly.
    """
    from data.builtin import endings
    from rl.warm_start import Demonstration

    draw = random.Random(config.seed)
    copies = max(1, DEMONSTRATIONS // len(prompts))
    made = []
    for prompt in prompts:
        mode = config.modes.get(prompt.mode, ModeConfig())
        arguments = {**config.rollout.template_arguments, **mode.template_arguments}
        for _ in range(copies):
            mistaken = draw.random() < config.model.warm_start_mistakes
            said = demonstrated(prompt, mode, mistaken=mistaken)
            made.append(
                Demonstration(
                    prompt.messages, said, endings(prompt), prompt.task, arguments, mode.prefix
                )
            )
    return made


def demonstrated(
    prompt: Prompt, mode: ModeConfig, *, mistaken: bool
) -> "Sequence[Mapping[str, Any]]":
    """The demonstration of a built-in prompt in a mode: what comes before its boxed answer is
    thinking where the mode's checks ask for some, and left out where they ask for none."""
    from data.builtin import demonstration

    said = demonstration(prompt, mistaken=mistaken)
    wanted = "any" if mode.checks is None else mode.checks.thinking
    *before, last = said
    worked, box, answer = str(last["content"]).partition("\\boxed{")
    if wanted == "any" or not box:
        return said
    opened = f"{worked.rstrip()}</think>" if wanted == "some" else ""
    return [*before, {**last, "content": f"{opened}{box}{answer}"}]
