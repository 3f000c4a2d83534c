"""The sandbox that all episodes of an environment share, and programs that carry their state.

A session's state does not live in a box that would have to wait for the policy's next turn: it
comes out of each run as text, stays with the episode, and goes into the next run. So a thousand
open episodes hold no box, and one that dies costs nothing but a run that is made again.

Guarantee: the text is never looked into outside of the sandbox. It is the program's own: whatever
the program does to it, it does to itself.
"""

import json
import os
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

from rl.errors import ConfigError
from sandbox import Limits, Program, RunResult, Sandbox, SandboxError, Status

TOKEN_VARIABLE: Final = "PLUMB_SANDBOX_TOKEN"
ERRORS_SHOWN: Final = 4_000  # characters at the end of standard error


class Boxed:
    """What environments that run programs have in common.

    Args:
        sandbox: `docker`, `bubblewrap`, `auto`, `ray:N`, or the URL of a service.
        seconds: one run may take, counted from its start.
        memory_mb: one run may take, MiB.
        output_kb: one run may write, KiB.
        state_kb: a session's state may take, KiB of text.
    """

    keeps_time = True
    in_order = True
    box: ClassVar[Sandbox | None] = None

    def __init__(
        self,
        sandbox: str = "auto",
        seconds: float = 10.0,
        memory_mb: int = 256,
        output_kb: int = 256,
        state_kb: int = 4096,
    ) -> None:
        self._output_kb = output_kb
        self._state_kb = state_kb
        self._limits = Limits(wall_seconds=seconds, memory_mb=memory_mb, output_kb=output_kb)
        self._state = ""
        self._runs = self._failed = 0

    @classmethod
    async def start(cls, sandbox: str = "auto") -> None:
        """Open the sandbox.

        Raises:
            ConfigError: It cannot be had; says why.
        """
        box = Sandbox.open(sandbox, token=os.environ.get(TOKEN_VARIABLE))
        try:
            await box.start()
        except SandboxError as error:
            raise ConfigError(f"env: there is no sandbox {sandbox!r}: {error}") from error
        cls.box = box

    @classmethod
    async def aclose(cls) -> None:
        """Close it."""
        box, cls.box = cls.box, None
        if box is not None:
            await box.aclose()

    def metrics(self) -> dict[str, float]:
        """How many programs ran, and how many of them did not end well."""
        return {"runs": self._runs, "runs_failed": self._failed}

    async def _ran(self, source: str, stdin: str = "", limits: Limits | None = None) -> RunResult:
        """Run a Python program."""
        assert self.box is not None, "`start` opens it"
        result = await self.box.run(
            Program(source=source), stdin=stdin, limits=limits or self._limits
        )
        self._runs += 1
        self._failed += result.status is not Status.PASSED
        return result

    async def _carried(
        self, program: str, asked: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        """Run one of the programs beside this file with the state, and keep the state after it.

        Returns:
            What was written, and what the program says of itself; nothing if it did not come to its
            end, and then the state is what it was before.
        """
        mark = secrets.token_hex(16)
        room = self._output_kb + self._state_kb + 64
        limits = self._limits.model_copy(update={"output_kb": min(room, 65536)})
        stdin = json.dumps(
            {
                **asked,
                "state": self._state,
                "mark": mark,
                "state_bytes": self._state_kb << 10,
                "output_bytes": self._output_kb << 10,
            }
        )
        result = await self._ran(_program(program), stdin, limits)
        written, found, said = result.stdout.rpartition(mark)
        told = _told(said) if found and result.status is Status.PASSED else None
        if told is None:
            why = result.reason or "the process ended before its end"
            return f"{result.stdout}\n[{why}; nothing of this run is kept]", {}
        self._state = told.pop("state")
        return written, told


def _told(said: str) -> dict[str, Any] | None:
    """What a program says of itself; None: it was kept from saying it."""
    try:
        told = json.loads(said)
    except (ValueError, RecursionError):
        return None
    is_whole = isinstance(told, dict) and isinstance(told.get("state"), str)
    return told if is_whole else None


def shown(result: RunResult) -> str:
    """What a run wrote and how it ended, in words."""
    parts = [result.stdout, result.stderr[-ERRORS_SHOWN:]]
    if result.status is not Status.PASSED:
        parts.append(f"[{result.reason}]")
    return "\n".join(part.rstrip("\n") for part in parts if part.strip()) or "[no output]"


@cache
def _program(name: str) -> str:
    return (Path(__file__).parent / "programs" / name).read_text("utf-8")
