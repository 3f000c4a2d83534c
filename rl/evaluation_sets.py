"""The sets of prompts that a run evaluates, and how each is sampled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.schema import Prompt
from rl.config import EvaluationConfig, RunConfig
from rl.errors import ConfigError
from rl.tokens import Sampling

HELD_OUT = "held_out"
"""The set of `data.eval` and `train.eval_*`; its accuracy is `eval_accuracy`."""


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Prompts, and how they are asked."""

    name: str
    prompts: Sequence[Prompt]
    settings: EvaluationConfig


def sampling_of(settings: EvaluationConfig, config: RunConfig) -> Sampling:
    """How the answers of a set are sampled; the seed is each answer's own."""
    return Sampling(
        temperature=settings.temperature,
        max_tokens=settings.max_tokens or config.rollout.max_response_tokens,
        top_p=settings.top_p,
        top_k=settings.top_k,
        min_p=settings.min_p,
        repetition_penalty=settings.repetition_penalty,
        stop=tuple(config.rollout.stop),
        stop_token_ids=tuple(config.rollout.stop_token_ids),
    )


def evaluation_sets(
    config: RunConfig, held_out: Sequence[Prompt], named: Mapping[str, Sequence[Prompt]]
) -> list[EvaluationSet]:
    """The sets of a run: `held_out`, as `train.eval_*` says unless it is named, and the others."""
    train = config.train
    settings = config.evaluation.get(HELD_OUT) or EvaluationConfig(
        every=train.eval_every, samples=train.eval_samples, temperature=train.eval_temperature
    )
    others = [
        EvaluationSet(name, prompts, config.evaluation[name])
        for name, prompts in named.items()
        if name != HELD_OUT
    ]
    return [EvaluationSet(HELD_OUT, held_out, settings), *others]


def check_tools(environment: object, config: RunConfig) -> None:
    """Refuse to switch off tools that are not there.

    Raises:
        ConfigError: A set asks for it, and the environment has none.
    """
    for name, one in config.evaluation.items():
        has_tools = getattr(environment, "tools", ()) or getattr(environment, "takes_rows", False)
        if not one.tools and not has_tools:
            raise ConfigError(
                f"evaluation.{name}.tools is false, but there are no tools: set `env` to an "
                "environment that has some, or remove the setting"
            )
