"""The configs that come along load, and their demonstrations fit what the runs have for them."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from data.builtin import PREFIX, builtin_prompts, demonstration, words
from data.schema import Prompt
from launch.train.dry_run import dry_run
from rewards import Sample, Verdict
from rl.config import RunConfig
from rl.config_file import load_config
from rl.episodes.environment import begin_environment
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.tiny import make_tokenizer
from rl.tokens import Episode, Sampling
from sandbox import BoxSettings
from sandbox.backends import choose
from sandbox.errors import SandboxError
from tests.rl.scripted import Scripted, Turn

FOLDER = Path(__file__).parents[2] / "launch" / "configs"
CONFIGS = sorted(FOLDER.glob("*.yaml"))
SHOWN = 12  # prompts of each config


def bubblewrap_or_skip() -> None:
    try:
        asyncio.run(choose("bubblewrap", BoxSettings(slots=1)))
    except SandboxError as error:
        pytest.skip(str(error))


def loaded(path: Path) -> tuple[RunConfig, list[Prompt]]:
    config = load_config(path, [])
    assert config.data.train is not None
    assert config.data.train.startswith(PREFIX)
    return config, builtin_prompts(config.data.train)[:SHOWN]


async def grade(sample: Sample) -> Verdict:
    is_right = sample.response == rf"\boxed{{{sample.reference}}}"
    return Verdict.correct() if is_right else Verdict.incorrect()


async def played(
    config: RunConfig, prompts: Sequence[Prompt], *, mistaken: bool = False, tools: bool = True
) -> list[tuple[Episode, Verdict]]:
    """What becomes of a policy that says what was demonstrated, and ends where it has no more."""
    tokenizer = make_tokenizer(tools=True, words=words(prompts))
    found = []
    async with AsyncExitStack() as stack:
        environment = await begin_environment(stack, config)
        for prompt in prompts:
            said = demonstration(prompt, mistaken=mistaken)
            turns = [one["content"] for one in said if one["role"] == "assistant"]
            ids = [[*tokenizer(turn)["input_ids"], tokenizer.eos_token_id] for turn in turns]
            script = [Turn(*one) for one in zip(ids, turns, strict=True)]
            script += [Turn([tokenizer.eos_token_id], "")] * config.episode.turns
            policy = Scripted(script)
            runner = GroupRunner(Renderer(tokenizer), policy, grade, environment, config)
            sampling = Sampling(0.0, config.rollout.max_response_tokens)
            (episode,), (verdict,) = await runner.evaluate(
                prompt, 1, sampling, policy, "k", tools=tools
            )
            found.append((episode, verdict))
    return found


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_loads_and_its_demonstrations_fit(path: Path) -> None:
    config, prompts = loaded(path)
    tokenizer = make_tokenizer(tools=True, words=words(prompts))
    for prompt in prompts:
        for mistaken in (False, True):
            said = demonstration(prompt, mistaken=mistaken)
            for message in (*prompt.messages, *said):
                length = len(tokenizer(message["content"])["input_ids"]) + 1
                limit = config.rollout.max_prompt_tokens
                if message["role"] == "assistant":
                    limit = config.rollout.max_response_tokens
                assert length <= limit, message
    assert prompts


@pytest.mark.parametrize("name", ["calculator", "python_tool"])
def test_a_tool_s_demonstrations_are_right_with_it_and_mistakes_wrong(name: str) -> None:
    config, prompts = loaded(FOLDER / f"{name}.yaml")
    if config.env is not None and config.env.spec == "python":
        bubblewrap_or_skip()
        options: dict[str, Any] = {**config.env.options, "sandbox": "bubblewrap"}
        config = config.model_copy(
            update={"env": config.env.model_copy(update={"options": options})}
        )
    right = asyncio.run(played(config, prompts))
    for (episode, verdict), prompt in zip(right, prompts, strict=True):
        assert verdict.reward == 1, (prompt.id, verdict)
        said = demonstration(prompt)
        assert episode.turns == len(said) // 2 + 1
        told = [one["content"] for one in episode.messages if one["role"] == "tool"]
        assert told == [one["content"] for one in said if one["role"] == "tool"]
        assert episode.metrics["tool_errors"] == 0
    for other in ({"mistaken": True}, {"tools": False}):
        wrong = asyncio.run(played(config, prompts, **other))
        if "mistaken" in other:
            assert {verdict.reward for _, verdict in wrong} == {0.0}
        assert sum(episode.metrics.get("tool_errors", 0) for episode, _ in wrong) > 0


@pytest.mark.parametrize("name", ["calculator", "python_tool", "game"])
def test_a_dry_run_of_an_environment_s_config_finds_nothing_wrong(
    name: str,
) -> None:
    if name == "python_tool":
        bubblewrap_or_skip()
    config, _ = loaded(FOLDER / f"{name}.yaml")
    source = re.sub(r"count=\d+", "count=40", str(config.data.train))
    settings = [f"data.train={source}", "data.eval_size=4"]
    if config.env is not None and "sandbox" in config.env.options:
        settings.append("env.options.sandbox=bubblewrap")
    said: list[str] = []
    assert dry_run(FOLDER / f"{name}.yaml", settings, said.append) == 0, said
    assert "36 prompts to train on, 4 held out" in said


def test_the_game_s_demonstrations_win_with_turns_that_earn_and_mistakes_lose() -> None:
    config, prompts = loaded(FOLDER / "game.yaml")
    for (episode, verdict), prompt in zip(
        asyncio.run(played(config, prompts)), prompts, strict=True
    ):
        assert verdict.reward == 1
        said = demonstration(prompt)
        assert episode.turns == len(said) // 2 + 1
        assert episode.turn_reward == pytest.approx(0.5)
        first = len(prompt.messages)
        told = [one["content"] for one in episode.messages[first:] if one["role"] == "user"]
        assert told[: len(said) // 2] == [one["content"] for one in said if one["role"] == "user"]
    wrong = asyncio.run(played(config, prompts, mistaken=True))
    assert {verdict.reward for _, verdict in wrong} == {0.0}
    assert all(episode.turn_reward < 0.5 for episode, _ in wrong)
