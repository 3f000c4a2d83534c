"""Settings of reasoning modes: in which way a prompt is to be thought about."""

import re
from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import BaseModel, Field, model_validator

from rewards.reasoning import Checks
from rl.config.section import NamedSection

TERM: Final = "reasoning"
"""The term that looks at what modes ask for, and the verifier that it is made of."""


class ChecksConfig(Checks, NamedSection):
    """What the thinking of answers in a mode has to be. It is measured; what it is worth, `weight`
    and `factor` of `reward.terms.reasoning` say."""


class ModeConfig(NamedSection):
    """A way to think: what the policy is told, and what its thinking has to be."""

    template_arguments: dict[str, Any] = {}
    """Arguments of the chat template, over those of `rollout`, as `{enable_thinking: false}`."""
    system: str | None = None
    """Text put into the system message, behind what it says; where there is none it is one."""
    template: str | None = None
    """Text around the last user message, such as `{prompt} /no_think`; `{prompt}` stands for it."""
    prefix: str = ""
    """Text that each turn of the policy begins with, written for it behind what the chat template
    writes, such as `/reasoning_en /turbo <think>`. It is read, and never trained on."""
    share: float = Field(default=1.0, ge=0)
    """Its share of the prompts for which neither their row nor their source names a mode, beside
    the shares of the others. 0: only what names it."""
    checks: ChecksConfig | None = None
    """What the thinking has to be; null: anything."""

    @model_validator(mode="after")
    def _template_has_a_place(self) -> Self:
        if self.template is not None and "{prompt}" not in self.template:
            raise ValueError(
                f"template {self.template!r} has no place for the prompt: put {{prompt}} where it "
                "belongs"
            )
        return self


def faults(modes: Mapping[str, ModeConfig], named: Mapping[str, str | None]) -> list[str]:
    """What is wrong with modes and with where they are named.

    Args:
        modes: by name.
        named: names of modes by the path of the setting that has them.
    """
    found = [
        f"modes: {name!r} is no name: use letters, digits, -, _ and dots within"
        for name in modes
        if not re.fullmatch(r"[\w-][\w.-]*", name)
    ]
    for path, name in named.items():
        if name and name not in modes:
            known = f"there are {', '.join(modes)}" if modes else "there are no modes"
            found.append(f"{path}={name!r} is no mode; {known}")
    return found


def with_checks(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A run's tree of settings in which the term `reasoning` has the checks of all modes.

    The term is added where there is none; it is then measured and pays nothing.
    """
    modes = tree.get("modes")
    if not isinstance(modes, Mapping):
        return dict(tree)
    plain = {name: _plain(mode) for name, mode in modes.items()}
    checks = {
        name: {**ChecksConfig().model_dump(), **_plain(mode["checks"])}
        for name, mode in plain.items()
        if isinstance(mode, Mapping) and isinstance(_plain(mode.get("checks")), Mapping)
    }
    reward = _plain(tree.get("reward", {}))
    if not checks or not isinstance(reward, Mapping):
        return dict(tree)
    terms = _plain(reward.get("terms", {}))
    if not isinstance(terms, Mapping):
        return dict(tree)
    of_term = {name: _plain(term) for name, term in terms.items()}
    own = next((name for name, term in of_term.items() if _is_reasoning(name, term)), None)
    term: dict[str, Any] = {"weight": 0.0, **(of_term[own] if own is not None else {})}
    options = term.get("options") or {}
    if not isinstance(options, Mapping):
        return dict(tree)
    term["options"] = {**options, "modes": checks}
    return {**tree, "reward": {**reward, "terms": {**of_term, own or TERM: term}}}


def _is_reasoning(name: str, term: Any) -> bool:
    return isinstance(term, Mapping) and (term.get("spec") or name) == TERM


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else value
