"""`plumb train`: from a config file to a finished run."""

import asyncio
import logging
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from data.errors import PromptError
from data.refused import refused
from data.schema import Prompt
from data.sources import load_prompts
from data.split import hold_out
from data.stream import PromptStream
from data.validate import places
from rewards import Rubric
from rl.checkpoint import CheckpointStore
from rl.config import DataConfig, RunConfig
from rl.config_file import load_config
from rl.dispatch.admission import admission_of
from rl.episodes.environment import load_environment
from rl.errors import ConfigError
from rl.evaluation_sets import HELD_OUT, evaluation_sets
from rl.gc_pause import loading
from rl.hardware import calm_threads
from rl.model_path import check_model_path
from rl.rewarding import grading_pool, rubric
from rl.run import Summary, Work, open_run_dir, run

if TYPE_CHECKING:
    from rl.tiny import Demonstration

TINY = "builtin:tiny"
SHOWN = 3  # kinds of prompts that cannot be graded, each with an example
HELD_OUT_SIZE = 256
"""Prompts of an evaluation, where the settings name neither a file for it nor a number."""
DEMONSTRATIONS = 4096
"""A warm start has at least half as many."""


def train(
    config_path: Path,
    overrides: Sequence[str],
    *,
    resume: bool,
    overwrite: bool,
    say: Callable[[str], None],
) -> tuple[RunConfig, Summary]:
    """Run a config; returns it resolved, with what came of it."""
    config = load_config(config_path, overrides, say=say)
    if config.model.path != TINY:  # which is made with torch
        Thread(target=import_without_torch, name="tokenizers").start()
    pool = grading_pool(config.reward)  # a plugin that does not load is known at once
    # So is a rule or an environment of the user's own.
    admission_of(config.sampler.filter)
    load_environment(config.episode.environment)
    if config.model.path != TINY:
        check_model_path(config.model.path)
    grading = rubric(config.reward)
    prompts, evaluation = load_data(config.data, grading, say)
    named = load_evaluations(config, grading, say)
    prompts = never_evaluated(prompts, named)
    stream = PromptStream(
        prompts, seed=config.seed, epochs=config.data.epochs, shuffle=config.data.shuffle
    )
    checkpoint = open_run_dir(config, resume=resume, overwrite=overwrite)
    say(f"{len(prompts)} prompts to train on, {len(evaluation)} held out")
    model = config.model.path
    if model == TINY:
        model = str(prepare_tiny(config, prompts, say).absolute())
    asked = [*prompts, *evaluation, *chain.from_iterable(named.values())]
    work = Work(stream, evaluation_sets(config, evaluation, named), asked)
    running = run(config, work, pool=pool, model=model, checkpoint=checkpoint, say=say)
    try:
        return config, asyncio.run(running)
    except BaseException as error:
        saved = CheckpointStore(config.run_dir, keep=1).steps()
        if saved:
            error.add_note(f"step {saved[-1]} is saved: add --resume to go on from there")
        raise


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


def load_data(
    config: DataConfig, grading: Rubric, say: Callable[[str], None]
) -> tuple[list[Prompt], list[Prompt]]:
    """Training prompts, and the evaluation prompts that are never trained on.

    Raises:
        DataError: The data cannot be read, or holds prompts that `grading` could never grade.
        RewardError: A verifier does not load, or asks for a column that the data lacks.
    """

    def load(source: str, limit: int | None = None) -> list[Prompt]:
        return load_gradable(config, source, limit, grading, say)

    prompts = load(config.train)
    if config.eval is not None:
        evaluation = [] if config.eval_size == 0 else load(config.eval, config.eval_size)
        asked = {prompt.text_digest() for prompt in evaluation}
        left = [prompt for prompt in prompts if prompt.text_digest() not in asked]
        if not left:
            raise PromptError(
                f"every prompt of data.train={config.train} is in data.eval={config.eval} too, and "
                "those are never trained on: give another file, or lower data.eval_size"
            )
        return left, evaluation
    # The split does not follow the run's seed: runs with different seeds stay comparable.
    size = HELD_OUT_SIZE if config.eval_size is None else config.eval_size
    return hold_out(prompts, size, seed=0) if size else (prompts, [])


def load_evaluations(
    config: RunConfig, grading: Rubric, say: Callable[[str], None]
) -> dict[str, list[Prompt]]:
    """The prompts of each set of `evaluation` that has a file of its own, by name.

    Raises:
        ConfigError: A set has no file, and is not `held_out`, whose prompts are those of `data`.
        DataError: A file cannot be read, or holds prompts that `grading` could never grade.
    """
    found = {}
    for name, one in config.evaluation.items():
        if name == HELD_OUT and (one.file is not None or one.size is not None):
            raise ConfigError(
                f"evaluation.{HELD_OUT}: its prompts are those of data.eval and data.eval_size; "
                "set these, or give the set another name"
            )
        if name == HELD_OUT:
            continue
        if one.file is None:
            raise ConfigError(f"evaluation.{name}.file is not set: which prompts does it hold?")
        if not re.fullmatch(r"[\w-][\w.-]*", name):
            raise ConfigError(
                f"evaluation.{name}: a set's name is a folder's too: use letters, digits, - and _"
            )
        found[name] = load_gradable(config.data, one.file, one.size, grading, say)
    return found


def never_evaluated(prompts: list[Prompt], named: Mapping[str, Sequence[Prompt]]) -> list[Prompt]:
    """The prompts that no evaluation asks.

    Raises:
        PromptError: There is none.
    """
    asked = {prompt.text_digest() for some in named.values() for prompt in some}
    if not asked:
        return prompts
    left = [prompt for prompt in prompts if prompt.text_digest() not in asked]
    if not left:
        raise PromptError(
            "every prompt of data.train is in a set of evaluation too, and those are never trained "
            "on: give another file, or lower the set's size"
        )
    return left


def load_gradable(
    config: DataConfig,
    source: str,
    limit: int | None,
    grading: Rubric,
    say: Callable[[str], None],
) -> list[Prompt]:
    """The prompts of a file, `limit` at most, on which an answer can be graded."""
    loaded = load_prompts(
        source,
        prompt_column=config.prompt_column,
        reference_column=config.reference_column,
        reference_pattern=config.reference_pattern,
        tools_column=config.tools_column,
        task_column=config.task_column,
        task=config.task,
        system=config.system,
        template=config.template,
        limit=limit,
    )
    return without_refused(loaded, source, config.on_bad, grading, say)


def without_refused(
    prompts: list[Prompt],
    source: str,
    on_bad: str,
    grading: Rubric,
    say: Callable[[str], None],
) -> list[Prompt]:
    """The prompts of `source` on which an answer can be graded.

    Raises:
        PromptError: There are others, and they stop the run, or nothing is left without them.
    """
    bad = refused(prompts, grading, {"response_tokens": 0})
    if not bad:
        return prompts
    kinds = Counter(miss.verdict.reason for miss in bad).most_common(SHOWN)
    first = {miss.verdict.reason: miss for miss in reversed(bad)}
    shown = places(source, [first[reason] for reason, _ in kinds])
    examples = "; ".join(
        f"{count} such as {where}: {reason}"
        for (reason, count), where in zip(kinds, shown, strict=True)
    )
    what = f"{len(bad)} of {len(prompts)} prompts of {source} can never be graded: {examples}"
    if on_bad == "stop" or len(bad) == len(prompts):
        remedy = (
            "" if len(bad) == len(prompts) else ", or set data.on_bad to skip to leave them out"
        )
        raise PromptError(f"{what}; mend or remove them{remedy}")
    say(f"{what}; they are left out")
    left_out = {miss.index for miss in bad}
    return [prompt for index, prompt in enumerate(prompts) if index not in left_out]


def prepare_tiny(config: RunConfig, prompts: Sequence[Prompt], say: Callable[[str], None]) -> Path:
    """Make `builtin:tiny` in the run directory, once, and return its folder."""
    folder = config.run_dir / "start_model"
    if (folder / "config.json").exists():
        return folder
    os.environ.update(calm_threads())  # read when torch is imported, below
    # Importing transformers makes DeepSpeed announce that it found no accelerator.
    logging.getLogger("DeepSpeed").addFilter(lambda record: record.levelno > logging.WARNING)
    from tqdm import tqdm

    from rl.tiny import make_model, make_tokenizer, save, warm_start

    tokenizer = make_tokenizer()
    model = make_model(tokenizer, config.seed)
    if config.data.train.startswith("builtin:"):
        wanted = config.model.warm_start_accuracy
        say(f"warm start: supervised training until {wanted:.0%} of sampled answers are right")
        examples = demonstrate(prompts, config.model.warm_start_mistakes, config.seed)
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


def demonstrate(prompts: Sequence[Prompt], mistakes: float, seed: int) -> "list[Demonstration]":
    """Worked answers to built-in problems, a share of `mistakes` of them with a mistake.

    Of few problems each has several answers, right and wrong ones, so that the model cannot learn
    by heart which problems are answered wrongly.
    """
    from data.builtin import ending, solution
    from rl.tiny import Demonstration

    draw = random.Random(seed)
    copies = max(1, DEMONSTRATIONS // len(prompts))
    return [
        Demonstration(
            prompt=prompt.messages[-1]["content"],
            answer=solution(prompt, mistaken=draw.random() < mistakes),
            right=ending(prompt),
            task=prompt.task,
        )
        for prompt in prompts
        for _ in range(copies)
    ]
