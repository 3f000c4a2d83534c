"""Agents that say themselves what their episode was worth."""

import json
from pathlib import Path
from typing import Any

import pytest

from rl.config import AgentConfig
from rl.endpoint.rewards import METRICS, worth_of
from rl.errors import InfrastructureError
from tests.rl.agents_world import agents, plain
from tests.rl.endpoint_world import Speaker, recorder_of

SAYS = """
import json, sys
ask(task["messages"])
print("a log")
print("why it ended", file=sys.stderr)
{end}
"""


@pytest.mark.parametrize(
    ("said", "reward", "is_correct"),
    [
        ('{"reward": 1}', 1.0, True),
        ('{"reward": 0.25, "metrics": {}}\n\n', 0.25, False),
        ('{"reward": 0.25, "correct": true}', 0.25, True),
        ('{"reward": 3, "correct": false}', 3.0, False),
        ('{"reward": -1, "metrics": 7, "correct": 1}', -1.0, False),
        ('{"reward": 1}\n{"reward": 0}', 0.0, False),
    ],
)
def test_the_last_line_is_what_it_was_worth(said: str, reward: float, is_correct: bool) -> None:
    worth = worth_of(said)
    assert worth is not None
    assert (worth.verdict.reward, worth.verdict.is_correct) == (reward, is_correct)


@pytest.mark.parametrize(
    "said",
    [
        "", "1", "[1]", "{}", '{"reward": "1"}', '{"reward": true}', '{"reward": NaN}',
        '{"reward": Infinity}', '{"reward": 1e999}', f'{{"reward": {10**400}}}', "[" * 100_000,
        '{"reward": 1}\nmore', '{"reward": null}', "\x00", '{"reward": 1',
    ],
)  # fmt: skip
def test_all_else_is_no_reward(said: str) -> None:
    assert worth_of(said) is None


def test_metrics_are_numbers_and_bounded() -> None:
    told: dict[str, Any] = {str(i): i for i in range(3 * METRICS)}
    worth = worth_of(
        json.dumps({"reward": 1, "metrics": {"a" * 999: 1, "b": "2", "c": None, **told}})
    )
    assert worth is not None
    assert len(worth.metrics) == METRICS and max(map(len, worth.metrics)) <= 64
    assert "b" not in worth.metrics and "c" not in worth.metrics


def test_names_of_metrics_can_be_written_to_a_file() -> None:
    worth = worth_of(r'{"reward": 1, "metrics": {"a\ud800": 1, "\ud83d\ude00": 2}}')
    assert worth is not None
    assert dict(worth.metrics) == {"a?": 1.0, "\U0001f600": 2.0}


async def test_an_agent_s_reward_is_the_episode_s(tmp_path: Path) -> None:
    end = 'print(json.dumps({"reward": 0.5, "metrics": {"found": 2}}))'
    async with agents(**plain(tmp_path, SAYS.format(end=end), result="reward")) as made:
        recorder = recorder_of(Speaker(lambda text: "seven"))
        environment = made()
        await environment.run(recorder.prompt, recorder)  # type: ignore[arg-type]
    verdict = environment.reward([])
    assert verdict is not None and (verdict.reward, verdict.is_correct) == (0.5, False)
    assert environment.metrics()["found"] == 2
    assert recorder.episode("stop").response == "seven"


async def test_one_that_gives_none_earns_nothing_and_one_may_ask_to_be_tried_again(
    tmp_path: Path,
) -> None:
    async with agents(**plain(tmp_path, SAYS.format(end="sys.exit(3)"), result="reward")) as made:
        recorder = recorder_of(Speaker(lambda text: "seven"))
        environment = made()
        await environment.run(recorder.prompt, recorder)  # type: ignore[arg-type]
    verdict = environment.reward([])
    assert verdict is not None and verdict.is_gradable and verdict.reward == 0
    assert "it said why it ended" in verdict.reason
    assert environment.metrics()["agent_failed"] == 1
    for result in ("reward", "stdout"):
        again = plain(tmp_path, SAYS.format(end="sys.exit(75)"), result=result)
        async with agents(**again) as made:
            recorder = recorder_of(Speaker(lambda text: "seven"))
            with pytest.raises(InfrastructureError, match="to be tried again: why it ended"):
                await made().run(recorder.prompt, recorder)  # type: ignore[arg-type]


async def test_verifiers_grade_where_it_says_nothing_of_rewards(tmp_path: Path) -> None:
    assert AgentConfig(command=["a"]).result == "stdout"
    async with agents(**plain(tmp_path, SAYS.format(end='print("{}")'))) as made:
        recorder = recorder_of(Speaker(lambda text: "seven"))
        environment = made()
        await environment.run(recorder.prompt, recorder)  # type: ignore[arg-type]
    assert environment.reward([]) is None
