"""Which verifier grades which task of an evaluation.

Guarantees: the verifiers are those of training, with a run's own options where a run is evaluated;
terms that shape rewards are left out, as they never change what is correct. An option that nothing
of the evaluation needs is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Final

from launch.evaluate.sets import CONSTRAINED, JUDGED
from launch.verify.uses import TaskOptions, uses_of
from rewards import Use
from rl.config import RewardConfig
from rl.errors import ConfigError

STANDARD: Final[Mapping[str, str]] = {
    "math": "math",
    "code": "code",
    "tool": "tool",
    "text": "constraints",
    CONSTRAINED: "constraints",
    JUDGED: "judge",
}
"""Verifiers by task, as `data.formats` names tasks."""
_CODE: Final = ("sandbox", "trust")


def reward_of(
    tasks: Iterable[str],
    base: RewardConfig,
    *,
    is_run: bool,
    verifier: str | None,
    options: TaskOptions,
    judged_besides: bool,
    workers: int | None,
) -> RewardConfig:
    """What grades answers to prompts of these tasks.

    Args:
        tasks: of all prompts.
        base: the run's settings, or the defaults.
        is_run: whether they are a run's.
        verifier: the one that grades everything; None: by task.
        options: of the command line.
        judged_besides: whether a judge is needed for more than grading.
        workers: grading processes; None: as `base` says.

    Raises:
        ConfigError: a task has no verifier, or an option belongs to none of them.
    """
    own = base.model_copy(update={"terms": {}})
    if workers is not None:
        own = _checked(own, {"workers": workers})
    if verifier is not None:
        _unneeded(options, set(), judged=judged_besides)
        return _checked(own, {"verifier": verifier, "options": {}, "routes": {}})
    wanted = sorted(set(tasks))
    routes: dict[str, object] = {
        name: route.model_dump() for name, route in own.routes.items() if name in wanted
    }
    left = [task for task in wanted if task not in routes]
    if is_run:
        # A run's own verifier grades its own tasks, and those that it is made for.
        left = [task for task in left if STANDARD.get(task, own.verifier) != own.verifier]
    else:
        unknown = [task for task in left if task not in STANDARD]
        if unknown and any(task for task in unknown):
            raise ConfigError(
                f"prompts of the task {unknown[0]!r} have no verifier: give --verifier, or the "
                "--config of a run that grades them"
            )
        left = [task for task in left if task in STANDARD]
    _unneeded(options, set(left), judged=judged_besides)
    for task in left:
        routes[task] = _route(task, options, workers)
    return _checked(own, {"routes": routes})


def judge_use(options: TaskOptions) -> Use:
    """The judge that the command line names.

    Raises:
        ConfigError: it names none.
    """
    if options.judge is None:
        raise ConfigError(
            "a judge is needed: give --judge URL, an endpoint such as http://127.0.0.1:8000/v1"
        )
    return uses_of("text", _only(options, judge=True), workers=None, memory_mb=0)["judge"]


def _route(task: str, options: TaskOptions, workers: int | None) -> dict[str, object]:
    spec = STANDARD[task]
    if spec == "judge":
        use = judge_use(options)
    elif spec == "code":
        use = uses_of("code", _only(options, judge=False), workers=workers, memory_mb=512)["code"]
    elif spec == "constraints":
        use = Use(spec, {"loose": True} if options.loose else {})
    else:
        use = Use(spec)
    return {"spec": use.spec, "options": dict(use.options)}


def _only(options: TaskOptions, *, judge: bool) -> TaskOptions:
    """The options of programs, or those of the judge."""
    names = [one.name for one in fields(options) if (one.name in _CODE) != judge]
    return TaskOptions(**{name: getattr(options, name) for name in names if name != "loose"})


def _unneeded(options: TaskOptions, tasks: set[str], *, judged: bool) -> None:
    for one in fields(options):
        if getattr(options, one.name) is None:
            continue
        if one.name in _CODE:
            needed, what = "code" in tasks, "programs"
        elif one.name == "loose":
            needed, what = CONSTRAINED in tasks, "texts with verifiable constraints"
        else:
            needed, what = judged or JUDGED in tasks, "texts for a judge"
        if not needed:
            flag = f"--{one.name.replace('_', '-')}"
            raise ConfigError(f"{flag} is for {what}, and no set has any: leave it out")


def _checked(reward: RewardConfig, changes: Mapping[str, object]) -> RewardConfig:
    return RewardConfig.model_validate({**reward.model_dump(), **changes})
