"""What a run says about a program: how it ended, in the words of `Status`."""

import signal
from collections.abc import Mapping
from typing import Any

from sandbox.execution import RESULT_BYTES
from sandbox.types import Limits, RunResult, Status, readable

STDERR_SHOWN = 200  # characters of standard error in a reason


def status_of(answer: Mapping[str, Any], limits: Limits, role: int = 0) -> tuple[Status, str]:
    """How a role's program ended, and one line about it."""
    if answer["stopped"] == "wall":
        return Status.TIME_LIMIT, f"took longer than {limits.wall_seconds:g} s"
    if answer["stopped"] == "output":
        if "result" in answer["full"]:
            return Status.OUTPUT_LIMIT, f"returned more than {RESULT_BYTES >> 20} MiB"
        return Status.OUTPUT_LIMIT, f"wrote more than {limits.output_kb} KiB"
    if answer["out_of_memory"]:
        return Status.MEMORY_LIMIT, f"used more than {limits.memory_mb} MiB"
    return _by_code(answer, limits, answer["ended"][role]["code"])


def _by_code(answer: Mapping[str, Any], limits: Limits, code: int) -> tuple[Status, str]:
    if code == 0:
        return Status.PASSED, ""
    if code == 128 + signal.SIGXCPU or (code == 128 + signal.SIGKILL and _is_spent(answer, limits)):
        return Status.TIME_LIMIT, f"used more than {limits.cpu_seconds or limits.wall_seconds:g} s"
    return Status.RUNTIME_ERROR, f"{_ending(code)}{_last_line(answer['err'])}"


def run_result(answer: Mapping[str, Any], limits: Limits) -> RunResult:
    """A plain run, as it is told to a caller."""
    status, reason = status_of(answer, limits)
    ended = answer["ended"][0]["code"]
    return RunResult(
        status=status,
        reason=reason,
        exit_code=ended if answer["stopped"] is None else None,
        stdout=answer["out"],
        stderr=answer["err"],
        wall_seconds=round(answer["wall_seconds"], 6),
        cpu_seconds=round(answer["cpu_seconds"], 6),
        memory_mb=round(answer["memory_mb"], 1),
    )


def _is_spent(answer: Mapping[str, Any], limits: Limits) -> bool:
    return bool(answer["cpu_seconds"] >= (limits.cpu_seconds or limits.wall_seconds) * 0.95)


def _ending(code: int) -> str:
    if 128 < code < 128 + 65:
        try:
            return f"killed by {signal.Signals(code - 128).name}"
        except ValueError:
            return f"exit code {code}"
    return "killed" if code < 0 else f"exit code {code}"


def _last_line(text: str) -> str:
    lines = [line for line in readable(text).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Node.js v")]  # how node ends a trace
    return f": {lines[-1].strip()[:STDERR_SHOWN]}" if lines else ""
