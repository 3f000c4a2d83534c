"""The verifiers of `plumb verify`, with the options that the command was given.

Guarantee: an option that the task does not have is refused, never ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from launch.verify.tasks import OWN
from rewards import Use
from rl.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """Options that belong to one task; None: not given.

    Attributes:
        sandbox: code: where programs run, as `Sandbox.open` takes it, or URLs with commas.
        trust: code: the level that tests must reach.
        judge: text: the base URL of the judge's endpoint, or URLs with commas.
        judge_model: text: the model that is asked for there.
        judge_key_env: text: the environment variable with its API key.
        rubric: text: a rubric's name, or its file.
        votes: text: grades an answer, whose median counts.
        loose: text: whether constraints are checked loosely.
        plugin: any: a verifier that grades in place of the task's own.
    """

    sandbox: str | None = None
    trust: str | None = None
    judge: str | None = None
    judge_model: str | None = None
    judge_key_env: str | None = None
    rubric: str | None = None
    votes: int | None = None
    loose: bool | None = None
    plugin: str | None = None


_TASK_OF = {"sandbox": "code", "trust": "code"}  # the others are for text


def uses_of(
    task: str, options: TaskOptions, *, workers: int | None, memory_mb: int
) -> dict[str, Use]:
    """The verifiers that rows of `task` may ask for and that need options, by their names there.

    Raises:
        ConfigError: An option is of another task, or makes no sense alone.
    """
    for name in options.__slots__:
        if name == "plugin":
            continue
        belongs = _TASK_OF.get(name, "text")
        if getattr(options, name) is not None and task != belongs:
            raise ConfigError(
                f"--{name.replace('_', '-')} is for --task {belongs}, not for {task}; leave it out"
            )
    if options.plugin is not None:
        return {OWN: Use(options.plugin)}
    if task == "code":
        return _code(options, workers, memory_mb)
    if task == "tool":
        return {"tool-bare": Use("tool", {"bare": True})}
    return _text(options) if task == "text" else {}


def use_of(name: str, uses: Mapping[str, Use]) -> Use:
    """The verifier that a row asks for.

    Raises:
        ConfigError: It is a judge, and none was named.
    """
    if OWN in uses:
        return uses[OWN]
    if name == "judge" and name not in uses:
        raise ConfigError(
            "a row without constraints needs a judge; give --judge URL, an endpoint such as "
            "http://127.0.0.1:8000/v1"
        )
    return uses.get(name, Use(name))


def trust_option(trust: str | None) -> dict[str, Any]:
    """The verifier's option for `--trust`; raises ConfigError for a level that there is not."""
    if trust is None:
        return {}
    from sandbox.types import Trust

    level = trust.replace("-", "_")
    if level not in list(Trust):
        raise ConfigError(f"--trust is {trust!r}; use in-process, checker or outside")
    return {"trust": level}


def _code(given: TaskOptions, workers: int | None, memory_mb: int) -> dict[str, Use]:
    options: dict[str, Any] = {
        **trust_option(given.trust),
        "sandbox": _one_or_several(given.sandbox or "auto"),
        "box": {} if workers is None else {"slots": workers},
        "limits": {"memory_mb": memory_mb},
    }
    return {"code": Use("code", options), "code-bare": Use("code", {**options, "bare": True})}


def _text(options: TaskOptions) -> dict[str, Use]:
    uses = {"constraints": Use("constraints", {"loose": True} if options.loose else {})}
    judging = {
        "model": options.judge_model,
        "api_key_env": options.judge_key_env,
        "rubric": options.rubric,
        "votes": options.votes,
    }
    given = {name: value for name, value in judging.items() if value is not None}
    if options.judge is not None:
        return uses | {"judge": Use("judge", {"url": _one_or_several(options.judge), **given})}
    if given:
        raise ConfigError("a rubric, votes, a model and its key are for a judge; give --judge URL")
    return uses


def _one_or_several(places: str) -> str | list[str]:
    return places.split(",") if "," in places else places
