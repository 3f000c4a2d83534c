"""What this machine can isolate, found out by doing it: a box, looked at from inside.

Guarantees: `examine` starts at most one box and ends it; every finding that is not sound carries a
remedy; nothing that can go wrong with a backend raises.
"""

from dataclasses import dataclass, field
from subprocess import SubprocessError
from typing import Any, Final, Literal

from sandbox.backends.settings import BoxSettings
from sandbox.box import Box, BoxLostError
from sandbox.errors import SandboxError
from sandbox.execution import limits_of, patience_of
from sandbox.languages import BUILD_LIMITS, LANGUAGES, LanguageSpec
from sandbox.walls import MEANINGS, faults

BackendKind = Literal["docker", "bubblewrap"]
KINDS: Final[tuple[BackendKind, ...]] = ("docker", "bubblewrap")
NO_GROUPS: Final = (
    "no control groups: memory and processes are bounded for each process alone; run as root, or "
    "use Docker"
)
NO_LANGUAGE: Final[dict[BackendKind, str]] = {
    "docker": "run: plumb sandbox build --force",
    "bubblewrap": "install it, or use an image's files: plumb sandbox build --rootfs DIR",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What was looked at.
        state: `ok`; `missing`, without which nothing is run; or `weak`, without which it is.
        detail: What was found, and what to do where that is not sound.
    """

    subject: str
    state: Literal["ok", "missing", "weak"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """A backend, and what was found."""

    backend: BackendKind
    findings: list[Finding] = field(default_factory=list)

    @property
    def isolates(self) -> bool:
        """Whether programs can be run in it."""
        return all(finding.state != "missing" for finding in self.findings)


async def examine(kind: BackendKind, settings: BoxSettings | None = None) -> Examination:
    """Look at one backend by starting a box of it."""
    from sandbox.backends import choose

    try:
        backend = await choose(kind, settings or BoxSettings(slots=1))
        box = await backend.open()
    except (SandboxError, BoxLostError, OSError, SubprocessError) as error:
        return Examination(kind, [Finding("available", "missing", str(error))])
    findings: list[Finding] = []
    try:
        findings += [Finding("available", "ok"), *_walls(box.facts), _groups(box.facts)]
        findings += [await _language(kind, box, spec) for spec in LANGUAGES.values()]
    except BoxLostError as error:
        findings.append(Finding("box", "missing", f"it was lost: {error}"))
    finally:
        await box.close()
    return Examination(kind, findings)


def _walls(facts: Any) -> list[Finding]:
    broken = faults(facts)
    if broken:
        return [Finding("walls", "missing", line) for line in broken]
    return [Finding(meaning, "ok", _shown(facts, name)) for name, meaning in MEANINGS.items()]


def _shown(facts: Any, name: str) -> str:
    value = facts["probe"][name]
    return "" if isinstance(value, bool) else f"{name}: {value}"


def _groups(facts: Any) -> Finding:
    version = facts.get("cgroups")
    if version is None:
        return Finding("memory and processes of a run are bounded", "weak", NO_GROUPS)
    return Finding("memory and processes of a run are bounded", "ok", f"cgroup {version}")


async def _language(kind: BackendKind, box: Box, spec: LanguageSpec) -> Finding:
    role = {"app": None, "argv": list(spec.version), "fds": ["null", "out", "out"]}
    limits = limits_of(BUILD_LIMITS, spec)
    request = {"op": "run", "roles": [role], "limits": limits}
    answer = await box.ask(request, patience_of(BUILD_LIMITS))
    said = answer["out"].strip().splitlines()
    if answer["ended"][0]["code"] != 0 or not said:
        reason = said[-1] if said else answer["err"].strip() or "no answer"
        return Finding(spec.name, "weak", f"{reason}; {NO_LANGUAGE[kind]}")
    return Finding(spec.name, "ok", said[0])
