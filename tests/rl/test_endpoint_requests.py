"""What a client may ask the endpoint for."""

import json
from typing import Any

import pytest

from rl.endpoint.refusals import RefusalError
from rl.endpoint.requests import Asked, read
from rl.tokens import Sampling
from tests.rl.endpoint_world import ASKED, TOOL

HOW = Sampling(0.8, 100, top_p=0.9)


def asked(**fields: Any) -> Asked:
    return read(json.dumps({"model": "m", "messages": ASKED, **fields}).encode(), HOW)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0),
        ("temperature", 1.0),
        ("temperature", True),
        ("temperature", "0.8"),
        ("top_p", 1),
        ("top_k", 5),
        ("min_p", 0.1),
        ("n", 2),
        ("presence_penalty", 0.5),
        ("frequency_penalty", -0.5),
        ("repetition_penalty", 1.1),
        ("logit_bias", {"5": -100}),
        ("response_format", {"type": "json_object"}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}),
        ("tool_choice", "required"),
        ("tool_choice", "none"),
        ("tool_choice", {"type": "function", "function": {"name": "f"}}),
        ("parallel_tool_calls", False),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("seed", 1),
        ("stop", ["x"]),
        ("stop", "x"),
        ("reasoning_effort", "low"),
        ("modalities", ["audio"]),
        ("guided_json", {}),
        ("structured_outputs", {"regex": "a"}),
        ("chat_template_kwargs", {"enable_thinking": False}),
        ("functions", []),
        ("max_tokens", 0),
        ("max_completion_tokens", "9"),
        ("stream", "yes"),
        ("tools", {}),
        ("messages", []),
        ("messages", "hello"),
    ],
)
def test_what_changes_the_policy_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(RefusalError, match=name) as refusal:
        asked(**{"tools": [TOOL], name: value})
    assert refusal.value.status == 400
    assert refusal.value.param == name
    assert "\n" not in str(refusal.value)


def test_what_says_the_same_as_the_run_is_taken() -> None:
    neutral = {
        "temperature": 0.8, "top_p": 0.9, "top_k": -1, "min_p": 0, "n": 1, "presence_penalty": 0,
        "frequency_penalty": 0.0, "repetition_penalty": 1, "logit_bias": {}, "stop": None,
        "response_format": {"type": "text"}, "tool_choice": "auto", "parallel_tool_calls": True,
        "logprobs": False, "seed": None, "user": "u", "metadata": {"a": "b"}, "store": False,
        "service_tier": "auto", "reasoning_effort": None,
    }  # fmt: skip
    assert asked(**neutral, tools=[TOOL]) == asked(tools=[TOOL])
    assert asked(tool_choice="none") == asked()
    assert asked(max_tokens=5, max_completion_tokens=9).max_tokens == 5


def test_messages_are_read_in_one_form() -> None:
    call = {"id": "a", "type": "function", "index": 0}
    got = asked(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "hm",
                "refusal": None,
                "tool_calls": [
                    {**call, "function": {"name": "f", "arguments": '{"x":1}'}},
                    {**call, "function": {"name": "g", "arguments": "{broken"}},
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "7"},
        ]
    ).messages
    assert [message["role"] for message in got] == ["system", "user", "assistant", "tool"]
    assert got[1]["content"] == "ab"
    assert [one["function"]["arguments"] for one in got[2]["tool_calls"]] == [{"x": 1}, "{broken"]
    assert set(got[2]) == {"role", "content", "tool_calls"}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "images"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "input_audio"),
        ({"role": "user"}, "content has to be text"),
        ({"role": "function", "content": "x"}, "role"),
        ({"role": "tool", "content": "x"}, "tool_call_id"),
        ({"role": "assistant", "content": None, "function_call": {"name": "f"}}, "function_call"),
        ({"role": "assistant", "tool_calls": [{"id": 1}]}, "function"),
        ("hello", "object"),
    ],
)
def test_a_message_that_is_none_is_refused_with_its_place(message: Any, told: str) -> None:
    with pytest.raises(RefusalError, match=told) as refusal:
        asked(messages=[*ASKED, message])
    assert "messages[1]" in str(refusal.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"{",
        b'{"messages": NaN}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"messages": [' + b"[" * 500 + b"]" * 500 + b"]}",
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "a"}], "max_tokens": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(RefusalError) as refusal:
        read(body, HOW)
    assert refusal.value.status == 400


def test_arguments_that_are_nested_too_deep_are_refused() -> None:
    function = {"name": "f", "arguments": '{"x":' + "[" * 100 + "]" * 100 + "}"}
    call = {"id": "a", "type": "function", "function": function}
    with pytest.raises(RefusalError, match="nested"):
        asked(messages=[{"role": "assistant", "tool_calls": [call]}])
