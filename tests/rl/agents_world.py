"""Agents for tests: programs that ask, where they run, and hours that pass in a moment."""

import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rl.config import AgentConfig
from rl.endpoint import programs
from rl.endpoint.agents import Agents
from rl.endpoint.recorder import Recorder

ASKING = """
import json, os, sys, urllib.request
def ask(messages, key=os.environ["OPENAI_API_KEY"], **more):
    body = json.dumps({"model": os.environ["OPENAI_MODEL"], "messages": messages, **more})
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        body.encode(), {"Authorization": "Bearer " + key, "Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["choices"][0]["message"]
task = json.load(sys.stdin)
"""


def folder_with(path: Path, source: str) -> Path:
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    (path / "agent.py").write_text(ASKING + textwrap.dedent(source))
    return path


@asynccontextmanager
async def agents(**settings: Any) -> AsyncIterator[Agents]:
    made = Agents(AgentConfig(**settings))
    try:
        await made.start()
        yield made
    finally:
        await made.aclose()


async def play(made: Agents, recorder: Recorder) -> dict[str, float]:
    environment = made()
    await environment.run(recorder.prompt, recorder)  # type: ignore[arg-type]
    return dict(environment.metrics())


def hurry(monkeypatch: pytest.MonkeyPatch, is_over: Callable[[], object]) -> list[int]:
    """Let hours pass once something is over; grows by one a look at the clock since then."""
    looks: list[int] = []

    def monotonic() -> float:
        if is_over():
            looks.append(1)
        return time.monotonic() + (10_000 if looks else 0)

    monkeypatch.setattr(programs, "monotonic", monotonic)
    return looks


def plain(tmp_path: Path, source: str, **more: Any) -> dict[str, Any]:
    folder = folder_with(tmp_path / "agent", source)
    command = [sys.executable, "agent.py"]
    return {"command": command, "isolation": "none", "folder": folder, **more}


def runs(mark: str) -> bool:
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in one.read_text():
                return True
        except OSError:
            continue
    return False
