"""In what two evaluations of the same prompts differ beside the model, in words."""

from collections.abc import Mapping
from typing import Any, Final

ASKED: Final = ("sampling", "thinking", "rendering", "modes", "environment", "episode", "agent")
"""What of two evaluations should be the same, beside prompts, k and verifiers."""


def set_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """How a set was asked otherwise, a line each.

    Args:
        one: what `results.json` says of the set in the first evaluation.
        other: and in the second.
    """
    found = []
    for what in ASKED:
        a, b = _asked(one, what), _asked(other, what)
        if a != b:
            found.append(f"{what} differs: {_short(a, b)}")
    a, b = (sorted(which.get("accuracy_by_mode") or {}) for which in (one, other))
    if a != b:
        said = " / ".join(", ".join(modes) or "none" for modes in (a, b))
        found.append(f"the modes that prompts were asked in differ: {said}")
    if one["samples"] != other["samples"]:
        found.append(f"k differs: A {one['samples']}, B {other['samples']}")
    return found


def judged_by(reward: Any) -> Any:
    """What of the rewards' settings says which answers are correct."""
    if not isinstance(reward, dict):
        return reward
    return {name: reward.get(name) for name in ("verifier", "options", "routes")}


def _asked(one: Mapping[str, Any], what: str) -> Any:
    """What answers depended on; how long a prompt may be shows in those that count in neither."""
    value = one["asked"].get(what)
    if what == "rendering" and isinstance(value, dict):
        return {name: at for name, at in value.items() if name != "max_prompt_tokens"}
    return value


def _short(a: Any, b: Any) -> str:
    if isinstance(a, dict) and isinstance(b, dict):
        names = sorted(name for name in {*a, *b} if a.get(name) != b.get(name))
        return ", ".join(f"{name}: A {a.get(name)}, B {b.get(name)}" for name in names)
    return ", ".join(
        f"{name} {', '.join(at) if isinstance(at, dict) else at}"
        for name, at in (("A", a), ("B", b))
    )
