"""What a box must have said of its walls before any program is run in it.

Guarantee: what the box did not look at counts as a fault, as does what it could not see.
"""

from collections.abc import Mapping
from typing import Any, Final

# What a run sees when it looks around: see `agent/probe.py`.
SOUND: Final[Mapping[str, Any]] = {
    "uid": 1000,
    "processes": [1, 2],
    "capabilities": 0,
    "no_new_privileges": True,
    "seccomp": True,
    "interfaces": ["lo"],
    "read_only": True,
    "nested_namespaces": False,
    "store": False,
}
MEANINGS: Final[Mapping[str, str]] = {
    "uid": "runs have a user id of their own",
    "processes": "runs see only their own processes",
    "capabilities": "runs have no capabilities",
    "no_new_privileges": "runs cannot gain privileges",
    "seccomp": "runs are behind a system-call filter",
    "interfaces": "runs have no network",
    "read_only": "runs cannot write outside of /tmp",
    "nested_namespaces": "runs cannot make namespaces",
    "store": "runs do not see other programs",
}


def faults(facts: Mapping[str, Any]) -> list[str]:
    """What of a box's own account is not as it must be, one line each; empty: it is sound."""
    probe = facts.get("probe")
    if not isinstance(probe, Mapping):
        return ["the box did not look at its walls"]
    if "error" in probe:
        return [f"the box could not look at its walls: {probe['error']}"]
    return [
        f"{MEANINGS[name]}: not proven ({name} is {probe.get(name)!r}, not {right!r})"
        for name, right in SOUND.items()
        if not _same(probe.get(name), right)
    ]


def _same(found: Any, right: Any) -> bool:
    """Equal, and of the same kind: 1 is not True, and 0 is not False."""
    return type(found) is type(right) and bool(found == right)
