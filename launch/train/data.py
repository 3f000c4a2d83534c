"""The prompts of a run: what is trained on, from one file or several, and what is evaluated.

Guarantees: a prompt that is evaluated is never trained on, in whichever source it stands; a prompt
that no answer can be graded on is found before anything starts; no source is left out in silence.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from data.adaptive import AdaptiveStream
from data.curriculum import CurriculumStream
from data.errors import PromptError
from data.mixture import Mixture
from data.refused import refused
from data.schema import Prompt, PromptSource
from data.sources import load_prompts
from data.split import hold_out
from data.stream import PromptStream
from data.validate import places
from rewards import Rubric
from rl.config import DataConfig, ReadingConfig, RunConfig
from rl.errors import ConfigError
from rl.evaluation_sets import HELD_OUT
from rl.modes import counted_modes

SHOWN = 3  # kinds of prompts that cannot be graded, each with an example
HELD_OUT_SIZE = 256
"""Prompts of an evaluation, where the settings name neither a file for it nor a number."""

Say = Callable[[str], None]


def load_data(config: DataConfig, grading: Rubric, say: Say) -> tuple[list[Prompt], list[Prompt]]:
    """Training prompts of all sources, and the evaluation prompts that are never trained on.

    Raises:
        DataError: The data cannot be read, or holds prompts that `grading` could never grade.
        RewardError: A verifier does not load, or asks for a column that the data lacks.
    """
    prompts: list[Prompt] = []
    for name, source in config.training.items():
        found = load_gradable(source, source.file, source.limit, config.on_bad, grading, say)
        prompts += [prompt.of_source(name) for prompt in found] if name else found
    if config.eval is not None:
        evaluation: list[Prompt] = []
        if config.eval_size != 0:
            evaluation = load_gradable(
                config, config.eval, config.eval_size, config.on_bad, grading, say
            )
        asked = {prompt.text_digest() for prompt in evaluation}
        left = [prompt for prompt in prompts if prompt.text_digest() not in asked]
        if not left:
            raise PromptError(
                f"every prompt of {config.trains_on} is in data.eval={config.eval} too, and those "
                "are never trained on: give another file, or lower data.eval_size"
            )
        return left, evaluation
    # The split does not follow the run's seed: runs with different seeds stay comparable.
    size = HELD_OUT_SIZE if config.eval_size is None else config.eval_size
    return hold_out(prompts, size, seed=0) if size else (prompts, [])


def load_evaluations(config: RunConfig, grading: Rubric, say: Say) -> dict[str, list[Prompt]]:
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
        found[name] = load_gradable(
            config.data, one.file, one.size, config.data.on_bad, grading, say
        )
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
            "every prompt that is trained on is in a set of evaluation too, and those are never "
            "trained on: give another file, or lower the set's size"
        )
    return left


def stream_of(config: RunConfig, prompts: Sequence[Prompt]) -> PromptSource:
    """Training prompts in the order in which they are asked.

    Raises:
        DataError: A source has no prompt left, or two prompts have the same id.
    """
    data = config.data
    if not data.sources:
        return _ordered(config, prompts)
    parts: dict[str, list[Prompt]] = {name: [] for name in data.sources}
    for prompt in prompts:
        parts[prompt.source].append(prompt)
    for name, part in parts.items():
        if not part:
            raise PromptError(
                f"every prompt of data.sources.{name} is evaluated, and those are never trained "
                "on: give another file, or lower data.eval_size"
            )
    weights = {name: source.weight for name, source in data.sources.items()}
    return Mixture({name: _ordered(config, part) for name, part in parts.items()}, weights)


def _ordered(config: RunConfig, prompts: Sequence[Prompt]) -> PromptSource:
    """The prompts of one source in the order that `data.order` names."""
    data = config.data
    seed, epochs, shuffle = config.seed, data.epochs, data.shuffle
    if data.order == "curriculum":
        return CurriculumStream(
            prompts,
            seed=seed,
            epochs=epochs,
            batches=config.train.steps,
            shuffle=shuffle,
            start=data.curriculum.start,
            until=data.curriculum.until,
        )
    if data.order == "adaptive":
        return AdaptiveStream(
            prompts,
            seed=seed,
            epochs=epochs,
            shuffle=shuffle,
            floor=data.adaptive.floor,
            half_life=data.adaptive.half_life,
        )
    return PromptStream(prompts, seed=seed, epochs=epochs, shuffle=shuffle)


def counted(prompts: Sequence[Prompt]) -> str:
    """How many prompts there are, of each source and in each mode where there are several."""
    by_source = Counter(prompt.source for prompt in prompts)
    named = ", ".join(f"{count} of {name}" for name, count in by_source.items() if name)
    parts = "; ".join(filter(None, [named, counted_modes(prompts)]))
    return f"{len(prompts)} prompts to train on" + (f" ({parts})" if parts else "")


def load_gradable(
    reading: ReadingConfig,
    source: str,
    limit: int | None,
    on_bad: str,
    grading: Rubric,
    say: Say,
) -> list[Prompt]:
    """The prompts of a file, `limit` at most, on which an answer can be graded."""
    loaded = load_prompts(
        source, **reading.columns, system=reading.system, template=reading.template, limit=limit
    )
    return without_refused(loaded, source, on_bad, grading, say)


def without_refused(
    prompts: list[Prompt],
    source: str,
    on_bad: str,
    grading: Rubric,
    say: Say,
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
