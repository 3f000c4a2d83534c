"""An evaluation as it will be done: from what the command line says to settings and prompts.

Guarantee: whatever is wrong with options, files or verifiers is found here, before an engine starts
or an endpoint is asked.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from data.asking import ModelSettings
from data.schema import Prompt
from launch.evaluate.options import Options
from launch.evaluate.presets import Preset, preset_of
from launch.evaluate.rewarding import STANDARD, reward_of
from launch.evaluate.sampling import samples_of, settings_of, with_room
from launch.evaluate.selecting import Choice, choice_of
from launch.evaluate.sets import (
    BOXED,
    BUILTIN,
    OWN,
    EvalSet,
    Reading,
    gradable,
    named,
    read_prompts,
    worded,
)
from launch.evaluate.target import Target, base_config, target_of
from launch.evaluate.thinking import wished
from rl.config import RewardConfig, RunConfig
from rl.config.modes import TERM
from rl.errors import ConfigError
from rl.hub import see_hub
from rl.modes import in_modes
from rl.rewarding import rubric

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What is done.

    Attributes:
        target: what answers.
        config: a run's, with the model, the verifiers and the longest answer.
        sets: what is asked.
        out: where everything is written.
        preset: what the sampling comes from; None: options alone.
        thinking: whether the model is to think; None: as its template has it.
        served: an endpoint's settings; None: engines answer.
        choice: what chooses the best of several answers; None: nothing does.
        engines: how many; None: as many as there is room for.
    """

    target: Target
    config: RunConfig
    sets: Sequence[EvalSet]
    out: Path
    preset: Preset | None
    thinking: bool | None
    served: ModelSettings | None
    choice: Choice | None
    engines: int | None

    @property
    def answers(self) -> int:
        """How many there will be in all."""
        return sum(len(one.prompts) * one.settings.samples for one in self.sets)


def work_of(options: Options, say: Say) -> Work:
    """Read and check everything.

    Raises:
        PlumbError, DataError, RewardError: something cannot be used.
    """
    target = target_of(options.target)
    is_run = options.config is not None or target.run_dir is not None
    base = base_config(target, options.config, _overrides(options))
    model = options.served.model or target.name
    preset, thinking = None, wished(options.thinking, base)
    if options.preset is not None:
        preset = preset_of(options.preset, model, thinking)
        thinking = preset.thinking
    served = _served(options, target)
    if served is not None and base.rollout.template_file is not None:
        say("rollout.template_file is not used: an endpoint has its own chat template")
    if served is not None and (base.env is not None or base.agent is not None):
        raise ConfigError(
            "episodes with an environment or an agent need our engines: give the model's folder, "
            "or a config without env and agent"
        )
    choice = choice_of(options.select, options.tasks)
    read = _read(options, base, is_run)
    tasks = {prompt.task for prompts, _ in read.values() for prompt in prompts}
    reward = reward_of(
        tasks,
        base.reward,
        is_run=is_run or _all_builtin(read),
        verifier=options.verifier,
        options=options.tasks,
        judged_besides=choice is not None and choice.asks_judge,
        workers=options.workers,
    )
    reward = _measured(reward, base.reward) if served is None else reward
    config = base.model_copy(update={"reward": reward})
    _check_modes(config, options, served)
    samples = samples_of(options.answers, list(read))
    sets = [
        EvalSet(
            name,
            reading,
            format,
            _asked(name, prompts, reading, options, config, say, is_run=is_run),
            settings_of(name, samples.get(name), preset, options, base),
        )
        for name, (prompts, (reading, format)) in read.items()
    ]
    _check_choice(choice, sets)
    config, sets = with_room(config, sets, options, say, is_run=is_run)
    if served is None:
        see_hub(config.model.path, weights=True)
    out = options.out or Path("evals") / model.replace("/", "--").replace(":", "-")
    return Work(target, config, sets, out, preset, thinking, served, choice, options.engines)


Read = dict[str, tuple[list[Prompt], tuple[Reading, str]]]


def _read(options: Options, base: RunConfig, is_run: bool) -> Read:
    """The prompts of every set: of the options, else those of the run's `evaluation`."""
    files = named(options.sets, "--set")
    formats = named(options.formats, "--format")
    if not files and is_run:
        files = {name: one.file for name, one in base.evaluation.items() if one.file}
    if not files:
        raise ConfigError(
            "which prompts? give --set NAME=FILE, such as --set math500=test.jsonl, once or more"
        )
    for name in formats:
        if name not in files:
            raise ConfigError(f"--format {name}: there is no set of this name: {', '.join(files)}")
    found: Read = {}
    for name, file in files.items():
        own = base.evaluation.get(name)
        limit = options.limit
        if limit is None and own is not None:
            limit = own.size
        reading = Reading(file, formats.get(name, "auto"), limit)
        prompts, format = read_prompts(name, reading, base.data.columns if is_run else None)
        if format == OWN and base.reward.verifier not in STANDARD.values():
            # The run's own verifier grades what the run is trained on, whatever its task is called.
            routed = base.reward.routes
            prompts = [one if one.task in routed else replace(one, task="") for one in prompts]
        found[name] = (prompts, (reading, format))
    return found


def _all_builtin(read: Read) -> bool:
    """Whether nothing but built-in tasks is asked, which the default verifiers are for."""
    return all(format == BUILTIN for _, (_, format) in read.values())


def _asked(
    name: str,
    prompts: Sequence[Prompt],
    reading: Reading,
    options: Options,
    config: RunConfig,
    say: Say,
    *,
    is_run: bool,
) -> list[Prompt]:
    """The prompts as they are asked, all of which can be graded."""
    data = config.data
    template = options.template
    if template is None:
        template = data.template if is_run else BOXED
    own = frozenset({prompt.task for prompt in prompts} - (set(STANDARD) - {"math"}))
    if reading.file.startswith("builtin:") and options.template is None and not is_run:
        template = None
    system = options.system if options.system is not None else data.system
    dressed = worded(prompts, system, template, own)
    asked = gradable(dressed, reading.file, data.on_bad, rubric(config.reward), say)
    named = config.evaluation.get(name)
    mode = options.mode or (None if named is None else named.mode)
    return in_modes(asked, config, seed=0, mode=mode)


def _measured(reward: RewardConfig, base: RewardConfig) -> RewardConfig:
    """What grades, with what looks at the thinking of modes: it is measured and changes nothing."""
    terms = {
        name: term.model_copy(update={"weight": 0.0, "factor": 1.0})
        for name, term in base.terms.items()
        if (term.spec or name) == TERM
    }
    return reward.model_copy(update={"terms": terms})


def _check_modes(config: RunConfig, options: Options, served: ModelSettings | None) -> None:
    if options.mode is not None and options.mode not in config.modes:
        known = ", ".join(config.modes) or "none: give the --config of a run that has modes"
        raise ConfigError(f"--mode {options.mode}: there is no such mode; there are {known}")
    prefixed = [name for name, mode in config.modes.items() if mode.prefix]
    if served is not None and prefixed:
        raise ConfigError(
            f"modes.{prefixed[0]}.prefix cannot be put before an endpoint's answers: evaluate the "
            "model's folder, or say it by the mode's template, system or template_arguments"
        )


class Served(ModelSettings):
    """An endpoint that is evaluated."""

    names_model: ClassVar[str] = "--served-model"


def _served(options: Options, target: Target) -> ModelSettings | None:
    if not target.urls:
        if options.served.given:
            raise ConfigError(
                f"{options.served.given[0]} is of endpoints, and {options.target} is a model: "
                "leave it out"
            )
        return None
    if options.engines is not None:
        raise ConfigError("--engines is for models, not for endpoints: leave it out")
    if options.max_prompt_tokens is not None:
        raise ConfigError(
            "--max-prompt-tokens is for models: an endpoint refuses what is too long for it"
        )
    given = options.served
    if given.key_env is not None and not os.environ.get(given.key_env):
        raise ConfigError(f"--key-env {given.key_env}: the variable is not set: set it")
    values = {
        "url": target.urls,
        "model": given.model,
        "api_key_env": given.key_env,
        "concurrency": given.concurrency,
        "timeout": given.timeout,
    }
    try:
        return Served.model_validate({k: v for k, v in values.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _overrides(options: Options) -> list[str]:
    seed = [] if options.seed is None else [f"seed={options.seed}"]
    return [*options.overrides, *seed]


def _check_choice(choice: Choice | None, sets: Sequence[EvalSet]) -> None:
    if choice is not None and all(one.settings.samples < 2 for one in sets):
        raise ConfigError("--select chooses among several answers: give -k 2 or more")
