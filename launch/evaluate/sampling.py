"""How each set is sampled, and how long prompts and answers may be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from launch.evaluate.options import Options, SamplingOptions
from launch.evaluate.presets import Preset
from launch.evaluate.sets import EvalSet
from launch.evaluate.target import context_of
from rl.config import EvaluationConfig, RunConfig
from rl.errors import ConfigError

PROMPT_TOKENS: Final = 8192
"""Longest prompt, tokens, where neither options nor the model's context say less."""

Say = Callable[[str], None]


def settings_of(
    name: str,
    samples: int | None,
    preset: Preset | None,
    options: Options,
    base: RunConfig,
) -> EvaluationConfig:
    """How a set is sampled: options over the preset over what the run's `evaluation` says."""
    own = base.evaluation.get(name)
    found: dict[str, Any] = {} if own is None else own.model_dump()
    if preset is not None:  # what it does not say changes nothing, whatever the run says
        sampled = SamplingOptions.__dataclass_fields__
        found = {name: value for name, value in found.items() if name not in sampled}
        found |= preset.sampling
    found |= options.sampling.given
    if samples is not None:
        found["samples"] = samples
    try:
        return EvaluationConfig.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{'.'.join(map(str, first['loc']))}: " if first["loc"] else ""
        said = str(first.get("ctx", {}).get("error", first["msg"]))
        raise ConfigError(f"the set {name}: {where}{said}") from error


def samples_of(given: Sequence[str], sets: Sequence[str]) -> Mapping[str, int]:
    """Answers a prompt of each set."""
    found: dict[str, int] = {}
    plain = [option for option in given if "=" not in option]
    if len(plain) > 1:
        raise ConfigError(f"-k {plain[0]} and -k {plain[1]}: give one of them, or NAME=NUMBER")
    for option in given:
        name, equals, number = option.rpartition("=")
        if not number.isdecimal() or int(number) < 1:
            raise ConfigError(f"-k {option}: write a number from 1 on, or NAME=NUMBER")
        if equals and name not in sets:
            raise ConfigError(f"-k {option}: there is no set {name!r}: {', '.join(sets)}")
        names = [name] if equals else [one for one in sets if one not in found]
        found |= dict.fromkeys(names, int(number))
    return found


def with_room(
    config: RunConfig, sets: list[EvalSet], options: Options, say: Say, *, is_run: bool
) -> tuple[RunConfig, list[EvalSet]]:
    """Limits of tokens that the model's context has room for."""
    rollout = config.rollout
    wanted = max(one.settings.max_tokens or rollout.max_response_tokens for one in sets)
    prompt = options.max_prompt_tokens
    if prompt is None:
        prompt = rollout.max_prompt_tokens if is_run else PROMPT_TOKENS
    context = context_of(config.model.path) if _asks_engines(options) else None
    if context is not None and wanted + prompt > context:
        if options.max_prompt_tokens is None:
            prompt = max(1, min(prompt, max(context - wanted, context // 4)))
        if context - prompt < 1:
            raise ConfigError(
                f"--max-prompt-tokens {prompt}: {config.model.path} has a context of {context} "
                "tokens, which leaves none for an answer"
            )
        if wanted > context - prompt:
            say(f"answers are cut at {context - prompt} tokens: the model's context is {context}")
            wanted = context - prompt
    limits = {"max_prompt_tokens": prompt, "max_response_tokens": wanted}
    config = config.model_copy(update={"rollout": rollout.model_copy(update=limits)})
    cut = [
        replace(
            one,
            settings=one.settings.model_copy(
                update={
                    "max_tokens": min(
                        one.settings.max_tokens or rollout.max_response_tokens, wanted
                    )
                }
            ),
        )
        for one in sets
    ]
    return config, cut


def _asks_engines(options: Options) -> bool:
    """Whether engines answer, and not an endpoint."""
    return not options.target.startswith(("http://", "https://"))
