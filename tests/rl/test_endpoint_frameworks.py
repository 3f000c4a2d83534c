"""Agent frameworks that nobody here wrote, unmodified, each one trajectory an episode.

They are no dependencies of Plumb's: `PLUMB_AGENTS_PYTHON` names a Python that has them, such as
one of a virtual environment with `pip install openai-agents 'pydantic-ai-slim[openai]'`.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl.config.agent import AgentConfig
from rl.endpoint.agents import Agents
from tests.rl.endpoint_world import Speaker, calls, check_token_rule, recorder_of

PYTHON = os.environ.get("PLUMB_AGENTS_PYTHON", "")

OPENAI_AGENTS = """
import json, sys
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)
task = json.load(sys.stdin)

@function_tool
def f(x: str) -> str:
    "A function."
    return f"{x} has seven"

model = OpenAIChatCompletionsModel("policy", AsyncOpenAI())
agent = Agent("counter", instructions="Count.", model=model, tools=[f])
print(Runner.run_sync(agent, task["messages"][0]["content"]).final_output)
"""

PYDANTIC_AI = """
import json, sys
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

task = json.load(sys.stdin)
agent = Agent(OpenAIChatModel("policy"), instructions="Count.")

@agent.tool_plain
def f(x: str) -> str:
    "A function."
    return f"{x} has seven"

print(agent.run_sync(task["messages"][0]["content"]).output)
"""


def said() -> Iterator[str]:
    yield f"<think>\nhm\n</think>\n\nLet me see.{calls('one é', 'two')}"
    yield calls("three")
    yield "It is seven."


def has(module: str) -> bool:
    command = [PYTHON, "-c", f"import {module}"]
    return bool(PYTHON) and not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("module", "source"), [("agents", OPENAI_AGENTS), ("pydantic_ai", PYDANTIC_AI)]
)
async def test_a_framework_s_agent_is_one_trajectory(
    module: str, source: str, tmp_path: Path
) -> None:
    if not has(module):
        pytest.skip(f"PLUMB_AGENTS_PYTHON names no Python that has {module}")
    (tmp_path / "agent.py").write_text(source)
    turns = said()
    speaker = Speaker(lambda text: next(turns))
    recorder = recorder_of(speaker)
    settings = AgentConfig(command=[PYTHON, "agent.py"], isolation="none", folder=tmp_path)
    agents = Agents(settings)
    await agents.start()
    try:
        environment = agents()
        await environment.run(recorder.prompt, recorder)  # type: ignore[arg-type]
    finally:
        await agents.aclose()
    assert recorder.result == "It is seven.", environment._run
    assert recorder.counts == {"begun": 1, "followed": 2}
    check_token_rule(recorder, speaker)
    (trajectory,) = recorder.trajectories
    text = speaker.tokenizer.decode(trajectory.ids.tolist(), skip_special_tokens=False)
    assert text.count("has seven") == 3
