"""Agent frameworks that nobody here wrote, unmodified, each one trajectory an episode.

They are no dependencies of Plumb's: `PLUMB_AGENTS_PYTHON` names a Python that has them, such as
that of the virtual environment that `make agents` makes.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import rl.endpoint
from data.schema import Prompt
from rl.config.agent import AgentConfig
from rl.endpoint.agents import Agents
from tests.rl.endpoint_world import Speaker, calls, check_token_rule, recorder_of

NAMED = os.environ.get("PLUMB_AGENTS_PYTHON", "")
PYTHON = str(Path(NAMED).absolute()) if NAMED else ""

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

VERIFIERS = '''
from collections.abc import Iterable

import verifiers.v1 as vf

__all__ = ["Counting"]


class CountData(vf.TaskData):
    answer: str = ""


class Tools(vf.Toolset[vf.ToolsetConfig]):
    TOOL_PREFIX = None

    @vf.tool
    async def f(self, x: str) -> str:
        """A function."""
        return f"{x} has seven"


class CountConfig(vf.TaskConfig):
    tools: vf.ToolsetConfig = vf.ToolsetConfig()


class Count(vf.Task[CountData, vf.State, CountConfig]):
    @classmethod
    def toolsets(cls, config: CountConfig) -> list[vf.Toolset]:
        return [Tools(config.tools)]

    @vf.reward
    async def right(self, trace: vf.Trace) -> float:
        print("no reward")
        return float(self.data.answer in trace.last_reply)

    @vf.reward(weight=0.5)
    async def used(self, trace: vf.Trace) -> float:
        return float(len(trace.tool_messages) == 3)

    @vf.metric
    async def letters(self, trace: vf.Trace) -> float:
        return len(trace.last_reply)


class Settings(vf.TasksetConfig):
    task: CountConfig = CountConfig()


class Counting(vf.Taskset[Count, Settings]):
    def load(self) -> Iterable[Count]:
        for answer in ("six", "seven"):
            data = CountData(prompt=f"Is it {answer}?", answer=answer)
            yield Count(data, self.config.task)


if __name__ == "__main__":
    Tools.run()
'''


def said() -> Iterator[str]:
    yield f"<think>\nhm\n</think>\n\nLet me see.{calls('one é', 'two')}"
    yield calls("three")
    yield "It is seven."


def has(module: str) -> bool:
    look = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    command = [PYTHON, "-c", look]
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


ADAPTER = Path(rl.endpoint.__file__).parent / "adapters" / "verifiers_agent.py"


@pytest.mark.timeout(900)
async def test_a_task_of_verifiers_is_one_trajectory_and_its_rewards_are_the_episode_s(
    tmp_path: Path,
) -> None:
    if not has("verifiers"):
        pytest.skip("PLUMB_AGENTS_PYTHON names no Python that has verifiers")
    (tmp_path / "counting_v1.py").write_text(VERIFIERS)
    variables = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}
    rows = await asyncio.to_thread(
        subprocess.run,
        [PYTHON, str(ADAPTER), "rows", "counting-v1"],
        env=variables,
        capture_output=True,
        check=True,
        text=True,
    )
    assert [json.loads(line) for line in rows.stdout.splitlines()] == [
        {"id": "counting-v1:0", "prompt": "Is it six?"},
        {"id": "counting-v1:1", "prompt": "Is it seven?"},
    ]
    turns = said()
    speaker = Speaker(lambda text: next(turns))
    prompt = Prompt("source/counting-v1:1", ({"role": "user", "content": "Is it seven?"},))
    recorder = recorder_of(speaker, prompt=prompt)
    settings = AgentConfig(
        command=[PYTHON, str(ADAPTER), "play", "counting-v1"],
        isolation="none",
        folder=tmp_path,
        variables=variables,
        result="reward",
        seconds=1800.0,
    )
    agents = Agents(settings)
    await agents.start()
    try:
        environment = agents()
        await environment.run(recorder.prompt, recorder)  # type: ignore[arg-type]
    finally:
        await agents.aclose()
    verdict = environment.reward([])
    assert verdict is not None and verdict.is_correct and verdict.reward == 1.5, environment._run
    metrics = environment.metrics()
    assert (metrics["reward_right"], metrics["reward_used"], metrics["letters"]) == (1, 0.5, 12)
    assert recorder.counts == {"begun": 1, "followed": 2}
    check_token_rule(recorder, speaker)
    (trajectory,) = recorder.trajectories
    text = speaker.tokenizer.decode(trajectory.ids.tolist(), skip_special_tokens=False)
    assert "Is it seven?" in text and text.count("has seven") == 3
