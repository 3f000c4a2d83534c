"""Rendering by appending with the tokenizers and templates of public models."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from transformers import PreTrainedTokenizerFast

from rl.episodes.rendering import Renderer
from tests.rl.conversations import Said, as_json, conversations, play

FOLDERS = Path(__file__).parents[3] / "shared" / "tokenizers"


def qwen_calls(turn: Said) -> str:
    calls = [
        f'<tool_call>\n{{"name": "f", "arguments": {x}}}\n</tool_call>'
        for x in as_json(turn.values)
    ]
    is_said = turn.content and not turn.content.endswith("</think>\n\n")
    return "\n" * bool(calls and is_said) + "\n".join(calls)


@cache
def load(name: str) -> PreTrainedTokenizerFast:
    if not (FOLDERS / name).is_dir():
        pytest.skip(f"{FOLDERS / name} is not there")
    return PreTrainedTokenizerFast.from_pretrained(FOLDERS / name)


@pytest.mark.parametrize(
    ("name", "arguments", "after_results", "after_user"),
    [
        ("qwen3", {}, "the context goes on", "it begins anew"),
        ("qwen3", {"enable_thinking": False}, "it begins anew", "it begins anew"),
        ("deepseek_v3", {}, "it begins anew", "the context goes on"),
        ("llama3_1", {}, "the context goes on", "the context goes on"),
    ],
)
def test_what_is_found_out_about_a_template(
    name: str, arguments: Any, after_results: str, after_user: str
) -> None:
    found = Renderer(load(name), arguments=arguments).finding
    results, user = found.removeprefix("after tool results ").split(
        ", after a message of the user "
    )
    assert results.startswith(after_results)
    assert user.startswith(after_user)
    assert "WARNING" not in found


@pytest.mark.parametrize(
    ("name", "arguments", "roles", "calls"),
    [
        ("qwen3", {}, ["tool"], True),
        ("qwen3", {}, ["user", "tool"], True),
        ("qwen3", {"enable_thinking": False}, ["user", "tool"], True),
        ("deepseek_v3", {}, ["user"], False),
        ("deepseek_v3", {}, ["user", "tool"], False),
        ("llama3_1", {}, ["user", "tool"], False),
    ],
)
def test_contexts_are_the_templates_own_text(
    name: str, arguments: Any, roles: list[str], calls: bool
) -> None:
    tokenizer = load(name)
    renderer = Renderer(tokenizer, arguments=arguments)
    follows = [role for role in roles if renderer._probe(role, True).follows]
    lengths = set()

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(conversations(roles, calls=calls))
    def check(turns: Any) -> None:
        episode = asyncio.run(
            play(
                renderer,
                tokenizer,
                turns,
                end=lambda turn: tokenizer.eos_token,
                write=qwen_calls,
                **arguments,
            )
        )
        anew = [any(new["role"] not in follows for new in turn.new) for turn in turns]
        assert len(episode.trajectories) == 1 + sum(anew)
        lengths.add(len(turns) - sum(anew))

    check()
    assert max(lengths) > 0 or not follows
