"""Running things in boxes: builds are made where they are missing, failures of boxes are retried.

Guarantee: an answer that comes out of here was measured. When a box dies under a request, the
request is tried again in another; when that does not help, `UnavailableError` says so.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.agent.denied import MOST_STRETCH
from sandbox.box import Box, BoxLostError
from sandbox.errors import UnavailableError
from sandbox.languages import BUILD_LIMITS, LanguageSpec
from sandbox.pool import Pool
from sandbox.types import Limits

ATTEMPTS: Final = 4
RETRY_SECONDS: Final = 0.2  # before the second attempt; then doubled
ERROR_BYTES: Final = 64 << 10  # of standard error
RESULT_BYTES: Final = 4 << 20  # of what calls return
INODES_A_MB: Final = 64
LEAST_INODES: Final = 1024
ARTIFACT_BYTES: Final = 32 << 20  # of what a build makes
BOX_SECONDS: Final = 300.0  # that a box may take beside a run: a compiler that it has to start


class BuildFailedError(Exception):
    """A program does not compile; holds what the compiler said and, if it was cut off, by what."""

    def __init__(self, log: str, cause: str) -> None:
        super().__init__(cause)
        self.log = log
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Build:
    """What is put at /app of a run, and how it is made.

    Attributes:
        files: Sources, by name.
        spec: The language's entry; None: the files are kept as they are.
        parts: Builds made before, whose outputs lie among the files.
        key: Identifies files and flags.
    """

    files: Mapping[str, str]
    spec: LanguageSpec | None = None
    parts: tuple["Build", ...] = ()
    key: str = field(init=False)

    def __post_init__(self) -> None:
        flags = [self.spec.build, self.spec.output] if self.spec is not None else []
        parts = [part.key for part in self.parts]
        canonical = json.dumps([flags, sorted(self.files.items()), parts])
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:32]
        object.__setattr__(self, "key", digest)

    def request(self) -> dict[str, Any]:
        """The request that makes it."""
        request: dict[str, Any] = {"op": "build", "key": self.key, "files": dict(self.files)}
        if self.spec is not None and self.spec.output is not None:
            request["output"] = self.spec.output
            request["parts"] = [part.key for part in self.parts]
            request["limits"] = limits_of(BUILD_LIMITS, self.spec, result_bytes=ARTIFACT_BYTES)
            if self.spec.build is not None:
                request["argv"] = ["sh", "-c", self.spec.build]
            else:
                request["java"] = self.spec.version[0]
        return request


@dataclass(frozen=True, slots=True)
class Role:
    """A process of a run.

    Attributes:
        fds: What its descriptors 0, 1, 2, ... are, as `slot.py` names them.
        build: What it sees at /app.
        argv: The command; `{heap}` in it is filled in.
        python: Instead of a command: what the zygote's Python does.
    """

    fds: Sequence[str]
    build: Build | None = None
    argv: Sequence[str] | None = None
    python: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its roles share limits, and end together."""

    roles: Sequence[Role]
    limits: Limits
    spec: LanguageSpec
    inputs: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        """The request that makes it go."""
        heap = str(max(16, self.limits.memory_mb))
        roles = []
        for role in self.roles:
            app = role.build.key if role.build is not None else None
            if role.build is None and self.files:
                app = "files"
            argv = [part.replace("{heap}", heap) for part in role.argv] if role.argv else None
            roles.append({"app": app, "argv": argv, "python": role.python, "fds": list(role.fds)})
        return {
            "op": "run",
            "roles": roles,
            "inputs": list(self.inputs),
            "files": dict(self.files),
            "limits": limits_of(self.limits, self.spec),
        }


def limits_of(
    limits: Limits, spec: LanguageSpec, result_bytes: int = RESULT_BYTES
) -> dict[str, Any]:
    """Limits as a box wants them, with what the language's runtime takes for itself."""
    return {
        "wall_seconds": limits.wall_seconds,
        "cpu_seconds": limits.cpu_seconds or limits.wall_seconds,
        "memory_mb": limits.memory_mb + spec.extra_mb,
        "processes": limits.processes + spec.extra_processes,
        "disk_mb": limits.disk_mb,
        "inodes": max(LEAST_INODES, INODES_A_MB * limits.disk_mb),
        "stack_mb": spec.stack_mb,
        "out_bytes": limits.output_kb << 10,
        "err_bytes": ERROR_BYTES,
        "result_bytes": result_bytes,
    }


async def build(pool: Pool, wanted: Build) -> None:
    """Make `wanted` in some box.

    Raises:
        BuildFailedError: It does not compile.
        UnavailableError: The infrastructure failed.
    """
    await _attempt(pool, wanted.key, lambda box: _build_in(pool, box, wanted))


async def execute(pool: Pool, run: Run) -> dict[str, Any]:
    """The box's answer to `run`.

    Raises:
        BuildFailedError: A program of it does not compile.
        UnavailableError: The infrastructure failed.
    """
    builds = {role.build.key: role.build for role in run.roles if role.build is not None}
    request = run.request()
    patience = patience_of(run.limits)
    kills: list[dict[str, Any]] = []

    async def go(box: Box) -> dict[str, Any]:
        for one in builds.values():
            if one.key not in box.built:
                await _build_in(pool, box, one)
        answer = await box.ask(request, patience)
        for key in answer.get("missing", ()):  # it had to make room
            box.built.discard(key)
            await _build_in(pool, box, builds[key])
        if "missing" in answer:
            answer = await box.ask(request, patience)
        if "missing" in answer:
            raise BoxLostError("it cannot keep what it builds; raise store_mb")
        for ended in answer["ended"]:
            if ended["fault"]:
                raise BoxLostError(ended["fault"])
            # The first process of a run's namespace: nobody inside should be able to kill it. Where
            # it happens twice the program is to blame all the same.
            killed = ended["code"] < 0 and answer["stopped"] is None
            if killed and not answer["out_of_memory"] and not kills:
                kills.append(answer)
                raise BoxLostError("somebody outside of the sandbox killed a run")
        return answer

    answer: dict[str, Any] = await _attempt(pool, next(iter(builds), None), go)
    return answer


def patience_of(limits: Limits) -> float:
    """Seconds after which a box that is silent about a run is broken."""
    return BOX_SECONDS + limits.wall_seconds * (1 + MOST_STRETCH)


async def _build_in(pool: Pool, box: Box, wanted: Build) -> None:
    for part in wanted.parts:
        if part.key not in box.built:
            await _build_in(pool, box, part)
    answer = await _make(pool, box, wanted)
    if "missing" in answer:  # it had to make room
        for part in wanted.parts:
            await _build_in(pool, box, part)
        answer = await _make(pool, box, wanted)
    if "missing" in answer:
        raise BoxLostError("it cannot keep what it builds; raise store_mb")
    if not answer["built"]:
        cause = "does not compile"
        if answer.get("stopped") == "wall":
            cause = f"was not compiled within {BUILD_LIMITS.wall_seconds:g} s"
        elif answer.get("out_of_memory"):
            cause = f"took more than {BUILD_LIMITS.memory_mb} MiB to compile"
        elif answer.get("stopped") == "output":
            cause = f"compiles to more than {ARTIFACT_BYTES >> 20} MiB, or to endless complaints"
        raise BuildFailedError(answer["log"], cause)
    box.built.add(wanted.key)


async def _make(pool: Pool, box: Box, wanted: Build) -> dict[str, Any]:
    """The box's answer to a build; its patience counts from where it is this one's turn."""
    request, patience = wanted.request(), patience_of(BUILD_LIMITS)
    if "java" not in request:
        return await box.ask(request, patience)
    with pool.aside():
        await box.compiler.acquire()
    return await box.ask_compiler(request, patience)


async def _attempt(pool: Pool, key: str | None, work: Any) -> Any:
    pause = RETRY_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with pool.seat(key) as box:
                return await work(box)
        except BoxLostError as error:
            if attempt == ATTEMPTS:
                raise UnavailableError(
                    f"the sandbox failed {ATTEMPTS} times, the last time: {error}"
                ) from error
        await asyncio.sleep(pause)
        pause *= 2
    raise AssertionError("unreachable")
