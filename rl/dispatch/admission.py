"""Which groups can teach something: how a group ends, by the rule that `sampler.filter` names.

Guarantees: verdicts that measured nothing are left out of every rule; a group of which too little
was measured is ungradable, whatever the rule. A user's rule is read and tried for its shape before
anything starts; what it says or raises later is one line that names it.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol, cast, get_args

from rewards.errors import PluginError
from rewards.plugin_file import is_file_spec, load_from_file
from rl.dispatch.correctness import Correctness
from rl.dispatch.everything import Everything
from rl.dispatch.reward import Reward
from rl.errors import ConfigError
from rl.groups import Group

Ending = Literal[
    "accepted", "rejected_correct", "rejected_incorrect", "rejected_equal", "ungradable"
]
ENDINGS: Final[tuple[Ending, ...]] = get_args(Ending)


class Admission(Protocol):
    """Says how a graded group ends."""

    def ending(self, group: Group) -> Ending:
        """How the group ends; only "accepted" is trained."""


RULES: Final[dict[str, Callable[[], Admission]]] = {
    "correctness": Correctness,
    "reward": Reward,
    "none": Everything,
}


def admission_of(name: str) -> Admission:
    """The rule that `sampler.filter` names: one of `RULES`, or `path/to/file.py:Class`.

    Raises:
        ConfigError: There is no such rule, or it cannot be one.
    """
    if name in RULES:
        return RULES[name]()
    if not is_file_spec(name):
        known = ", ".join(RULES)
        raise ConfigError(
            f"sampler.filter: there is no rule {name!r}; choose one of {known}, or write "
            "path/to/file.py:Class"
        )
    try:
        found, label = load_from_file(name, "filter")
    except PluginError as error:
        raise ConfigError(f"sampler.filter: {error}") from error
    return UserAdmission(_made(found, label), label)


class UserAdmission:
    """A user's rule, which sees groups of which at least two episodes were graded.

    Args:
        rule: has `ending(group)`.
        label: what messages call it.
    """

    def __init__(self, rule: Any, label: str) -> None:
        self._rule = rule
        self._label = label

    def ending(self, group: Group) -> Ending:
        """What the rule says.

        Raises:
            ConfigError: It raised, or said something that is no ending.
        """
        if len(group.gradable) < min(2, len(group.verdicts)) or not group.gradable:
            return "ungradable"
        try:
            said = self._rule.ending(group)
        except Exception as error:
            text = " ".join(str(error).split())
            raise ConfigError(
                f"sampler.filter: {self._label} failed at prompt {group.prompt.id!r}: "
                f"{type(error).__name__}: {text}"
            ) from error
        if said not in ENDINGS:
            raise ConfigError(
                f"sampler.filter: {self._label} said {said!r} of prompt {group.prompt.id!r}; "
                f"an ending is one of {', '.join(ENDINGS)}"
            )
        return cast(Ending, said)


def _made(found: object, label: str) -> Any:
    if not inspect.isclass(found):
        raise ConfigError(f"sampler.filter: {label} is not a class")
    method = getattr(found, "ending", None)
    if not callable(method) or not _takes(method, found, None):
        raise ConfigError(f"sampler.filter: {label} has no `def ending(self, group)`")
    if inspect.iscoroutinefunction(method):
        raise ConfigError(f"sampler.filter: `ending` of {label} must not be async")
    try:
        return found()
    except Exception as error:
        text = " ".join(str(error).split())
        raise ConfigError(
            f"sampler.filter: {label} cannot be made without arguments: "
            f"{type(error).__name__}: {text}"
        ) from error


def _takes(function: Callable[..., Any], *arguments: object) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True
