"""Calls are read out of every format, and nothing that a model writes makes reading raise."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewards.tools import (
    FORMATS,
    CallsError,
    ToolCall,
    called_tool,
    format_of_template,
    match_calls,
    parse_calls,
)
from tests.processor_time import least_seconds
from tests.tool_forms import BAR, RENDER, TEXTUAL

TOOLS = (
    {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
    {"type": "function", "function": {"name": "g.h", "parameters": {"properties": {}}}},
)
F1 = ToolCall("f", {"a": 1})
CALL = '{"name": "f", "arguments": {"a": 1}}'


names = st.sampled_from(["f", "g.h", "get_weather", "a.b.c1"])
keys = st.sampled_from(["a", "b", "city_name", "x1"])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3), max_leaves=6
)
tool_calls = st.builds(ToolCall, names, st.dictionaries(keys, values, max_size=3))


def test_every_format_is_rendered_here() -> None:
    assert set(RENDER) == set(FORMATS)


@pytest.mark.parametrize("format", sorted(set(FORMATS) - TEXTUAL))
@settings(max_examples=12)
@given(calls=st.lists(tool_calls, min_size=1, max_size=3))
def test_what_is_written_is_read(format: str, calls: list[ToolCall]) -> None:
    text = RENDER[format](calls)
    for parsed in (parse_calls(text, format=format), parse_calls(text)):
        assert (parsed.calls, parsed.fault, parsed.text) == (tuple(calls), None, "")
        assert repr(parsed.calls) == repr(tuple(calls))  # 1 and 1.0 and True are not alike


KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array",
         dict: "object", type(None): "null"}  # fmt: skip


@pytest.mark.parametrize("format", sorted(TEXTUAL))
@settings(max_examples=12)
@given(calls=st.lists(tool_calls, min_size=1, max_size=3))
def test_what_is_written_as_text_is_read_as_declared(format: str, calls: list[ToolCall]) -> None:
    tools = [
        {"name": c.name, "parameters": {"type": "object", "properties": {
            k: {"type": KINDS[type(v)]} for k, v in c.arguments.items()}}}
        for c in calls
    ]  # fmt: skip
    text = RENDER[format](calls)
    reference = [{"name": c.name, "arguments": c.arguments} for c in calls]
    for parsed in (parse_calls(text, format=format), parse_calls(text)):
        assert (parsed.fault, parsed.text) == (None, "")
        assert match_calls(parsed.calls, reference), "without a declaration it may be either"
    if len({c.name for c in calls}) == len(calls):
        parsed = parse_calls(text, tools=tools)
        assert match_calls(parsed.calls, reference)
        for call in parsed.calls:
            assert all(isinstance(call.arguments[k], str) for k in call.readings)


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_auto_recognises_it_amid_thinking_and_text(format: str) -> None:
    calls = (F1, ToolCall("g.h", {"b": [1.5, "x"], "c": None}))
    text = RENDER[format](calls)
    before = "" if format in ("openai", "json", "pythonic") else "I will call it.\n\n"
    parsed = parse_calls(f"<think>{text} or not?</think>{before}{text}<|im_end|>", tools=TOOLS)
    assert (parsed.calls, parsed.format, parsed.fault) == (calls, format, None)
    assert parsed.text == before.strip()


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (f"Sure: {CALL} as you asked.", "json"),
        (f"First {CALL}, then [{CALL}]", "json"),
        ('{"f": {"a": 1}}', "json"),
        ('{"name": "f", "parameters": {"a": 1}}', "json"),
        ("Now [f(a=1)] runs.", "pythonic"),
        ("f(a=1)", "pythonic"),
        ("<|python_start|>[f(a=+1)]<|python_end|>", "pythonic"),
        ('[TOOL_CALLS]f[ARGS]{"a": 1}', "mistral"),
        ('[TOOL_CALLS]f[CALL_ID]x1[ARGS]{"a": 1}', "mistral"),
        ('[TOOL_CALLS]f{"a": 1}', "mistral"),
        ("<function=f>{\"a\": 1}</function>", "qwen3_coder"),
        (f"<{BAR}tool▁call▁begin{BAR}>f<{BAR}tool▁sep{BAR}>{{\"a\": 1}}<{BAR}tool▁call▁end{BAR}>",
         "deepseek"),
        ('[{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]',
         "openai"),
    ],
)  # fmt: skip
def test_other_shapes(text: str, format: str) -> None:
    parsed = parse_calls(text, tools=TOOLS)
    assert parsed.calls[0] == F1
    assert (parsed.format, parsed.fault) == (format, None)
    assert called_tool(text, tools=TOOLS) is not None


H2 = '{"name": "g.h", "parameters": {"b": 2}}'
ITEM = '{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\\"a\\": 1}"}}'


@pytest.mark.parametrize(
    ("text", "format", "names"),
    [
        (f"<|python_tag|>{CALL}\n{H2}", "llama3_json", "f g.h"),
        (f"<|python_tag|>{CALL}, {H2};", "llama3_json", "f g.h"),
        (f"[TOOL_CALLS] [{CALL}][TOOL_CALLS] [{H2}]", "mistral", "f g.h"),
        ('[TOOL_CALLS]f{"a": "[TOOL_CALLS]x"}', "mistral", "f"),
        ("f(a=1), g.h(b=2)", "pythonic", "f g.h"),
        ("f(a=1)\ng.h(b=2)", "pythonic", "f g.h"),
        ("```python\nf(a=1)\n```", "pythonic", "f"),
        ("```tool_code\n[f(a=1), g.h()]\n```", "pythonic", "f g.h"),
        ("Sure: [ f(a=1) ]", "pythonic", "f"),
        (f'Here: {{"tool_calls": [{ITEM}]}}', "json", "f"),
        (f"Calling: [{ITEM}, {ITEM}]", "json", "f f"),
        (f'```json\n{{"tool_calls": [{ITEM}]}}\n```', "fenced", "f"),
        ('{"function": "f", "parameters": {"a": 1}}', "json", "f"),
    ],
)
def test_every_call_of_an_answer_is_read(text: str, format: str, names: str) -> None:
    parsed = parse_calls(text, tools=TOOLS)
    assert (parsed.fault, parsed.format) == (None, format)
    assert " ".join(call.name for call in parsed.calls) == names
    assert parse_calls(text, format=format, tools=TOOLS).calls == parsed.calls
    assert called_tool(text, tools=TOOLS) is not None


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>{CALL}</tool_call>\n{H2}",
        f'<tool_call>{CALL}</tool_call>[TOOL_CALLS]g.h{{"b": 2}}',
        f"{CALL} [g.h(b=2)]",
        f"[TOOL_CALLS] [{CALL}] [{H2}]",
        f"<|python_tag|>{CALL} and [g.h(b=1)]",
    ],
)
def test_a_call_in_another_form_is_not_passed_over(text: str) -> None:
    parsed = parse_calls(text, tools=TOOLS)
    assert parsed.calls == ()
    assert parsed.fault is not None and "a call outside of the" in parsed.fault


def test_python_values() -> None:
    text = '[f(a=-1, b=(1, 2), c={"k": [True, null]}, d=-2.5, e="x" "y", g=false, h=None)]'
    (call,) = parse_calls(text).calls
    assert call.arguments == {
        "a": -1, "b": [1, 2], "c": {"k": [True, None]}, "d": -2.5, "e": "xy", "g": False, "h": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<tool_call>{}</tool_call>", "without a name"),
        (f"<tool_call>{CALL}", "not closed"),
        (f"{CALL}</tool_call>", "not opened"),
        ('<tool_call>{"name": "f"}</tool_call>', "no arguments"),
        ('<tool_call>{"name": "f", "arguments": "{}"}</tool_call>', "not an object"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1, "a": 2}}</tool_call>', "stands twice"),
        ('<tool_call>{"name": "f", "arguments": {"a": NaN}}</tool_call>', "NaN is no JSON"),
        ('<tool_call>{"name": "f", "arguments": {"a": 1e999}}</tool_call>', "range of a double"),
        (f'<tool_call>{{"name": "f", "arguments": {{"a": {"9" * 401}}}}}</tool_call>', "401"),
        ('<tool_call>{"name": "f", "arguments": {"a": "\\ud800"}}</tool_call>', "surrogate"),
        (f'<tool_call>{{"name": "f", "arguments": {{"a": {"[" * 70}{"]" * 70}}}}}</tool_call>',
         "nested"),
        (f"<tool_call>{CALL}</tool_call>" * 257, "more than 256"),
        ('{"name": "f", "arguments": {"a": 1}', "broken JSON"),
        ('```json\n{"name": "f", "arguments": {"a": }}\n```', "broken JSON"),
        ('{"tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}', "broken JSON"),
        ('{"tool_calls": 5}', "no list"),
        ("[f(a=1", "not closed"),
        ("[f(a=b)]", "no literal"),
        ("[f(1)]", "without a name"),
        ("[f(a=1, a=2)]", "stands twice"),
        ("[f(**{})]", "**"),
        ("[f(a=__import__('os'))]", "no literal"),
        ("[f(a=1), 5]", "no call"),
        ("[TOOL_CALLS] nothing", "broken JSON"),
        ("<|python_tag|>{", "broken JSON"),
        ("<function=f><parameter=a>1</function>", "not closed"),
        ("<function=f><parameter=a>\n1\n<parameter=s>\nq\n</parameter></function>", "not closed"),
        ("f(a=1), g.h(2)", "without a name"),
    ],
)  # fmt: skip
def test_a_broken_call_is_a_fault(text: str, reason: str) -> None:
    parsed = parse_calls(text, tools=TOOLS)
    assert parsed.calls == ()
    assert parsed.fault is not None and reason in parsed.fault
    assert "\n" not in parsed.fault
    assert (called_tool(text, tools=TOOLS) or "").startswith("attempted")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The function f(x) = x has f(1) = 1.",
        '{"answer": 5, "name": "Ann"}',
        '{"result": {"a": 1}}',
        "[1, 2, 3]",
        "```python\nprint(f(a=1))\n```",
        "```json\n[1, 2\n```",
        "* bob\n* bob",
        "[a link](http://example.com)",
        '{"unfinished": ',
        '{"name": "Ann", "parameters": "none"}',
        "[q(x) = 3]",
        "f(x) is the function that g.h(x) calls.",
        '{"name": ["f"]}',
        'So: {"type": "function", "function": {"name": "f", "description": "declared"}}',
        f"<think><tool_call>{CALL}</tool_call>",
        f"<think>{CALL}</think>Hello.",
        f"[THINK]{CALL}[/THINK]Hello.",
        f"[THINK][TOOL_CALLS][{CALL}]",
    ],
)
def test_text_is_no_call(text: str) -> None:
    parsed = parse_calls(text, tools=TOOLS)
    assert (parsed.calls, parsed.fault, parsed.format) == ((), None, "text")
    assert called_tool(text, tools=TOOLS) is None


def test_only_marked_forms_call_a_tool_that_is_not_on_offer() -> None:
    unmarked = '{"name": "Bob", "arguments": {"a": 1}}'
    assert parse_calls(unmarked, tools=TOOLS).calls == (ToolCall("Bob", {"a": 1}),)
    assert parse_calls(f"So: {unmarked}", tools=TOOLS).calls == ()
    assert called_tool(unmarked, tools=TOOLS) is None
    assert called_tool(f"<tool_call>{unmarked}</tool_call>", tools=TOOLS) == "called the tool Bob"


def test_types_of_the_tool_say_what_a_coder_s_text_is() -> None:
    schema = {"properties": {"zip": {"type": "string"}, "n": {"type": "integer"}}}
    text = (
        "<tool_call><function=f><parameter=zip>\n01234\n</parameter><parameter=n>5</parameter>"
        "<parameter=o>plain words</parameter></function></tool_call>"
    )
    (call,) = parse_calls(text, tools=({"name": "f", "parameters": schema},)).calls
    assert call.arguments == {"zip": "01234", "n": 5, "o": "plain words"}


@pytest.mark.parametrize(
    ("declared", "written", "value"),
    [
        ({"type": "boolean"}, "True", True),
        ({"type": "null"}, "None", None),
        ({"type": "array"}, "['x', 'y']", ["x", "y"]),
        ({"type": "object"}, "{'k': (1, 2)}", {"k": [1, 2]}),
        ({"type": ["string", "null"]}, "123", "123"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "123", "123"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "123", 123),
        ({"type": "array"}, "[f(x)]", "[f(x)]"),
    ],
)
def test_values_of_a_coder_s_text(declared: dict[str, Any], written: str, value: Any) -> None:
    tool = {"name": "f", "parameters": {"properties": {"a": declared}}}
    text = f"<function=f>\n<parameter=a>\n{written}\n</parameter>\n</function>"
    (call,) = parse_calls(text, tools=[tool]).calls
    assert call.arguments == {"a": value}


pieces = st.sampled_from(
    ["<tool_call>", "</tool_call>", CALL, "[TOOL_CALLS]", "[f(", "a=1)", "]", "{", '"name":', "f(",
     "<|python_tag|>", "```json\n", "```", '{"f":', "}", "<function=f>", "<parameter=a>", "<think>",
     "</function>", "</think>", '"', "'", "\\", "\n", "\ud800", ";", "[ARGS]", '{"tool_calls": [',
     f"<{BAR}tool▁call▁begin{BAR}>", f"<{BAR}tool▁sep{BAR}>", "-", "f.g(b=", "lambda: 0", "1e999",
     "<|channel|>", "<|message|>", "to=functions.f", "functions.f:0{", "<tool_calls>", "functools[",
     '<invoke name="f">', '<parameter name="a">', "</parameter>", "</invoke>",
     "<arg_key>a</arg_key>", "<arg_value>", "</arg_value>", "</tool_call>", "<|tool_call>",
     "call:f{a:", '<|"|>', ">>>f\n", "<function_calls>", "Action: f\nAction Input:",
     "`", "not ", "f(a=1)\n", "'name': 'f',", "> "]
)  # fmt: skip


@given(
    st.text() | st.lists(pieces | st.text(max_size=3), max_size=14).map("".join),
    st.sampled_from(["auto", *FORMATS]),
    st.sampled_from([(), TOOLS, (5, {"function": 3})]),
)
def test_reading_never_raises(text: str, format: str, tools: tuple[Any, ...]) -> None:
    parsed = parse_calls(text, format=format, tools=tools)
    assert parsed.fault is None or (parsed.calls == () and parsed.fault.isprintable())
    said = called_tool(text, format=format, tools=tools)
    assert said is None or said.isprintable()


UNITS = [
    "[", "{", '{"name":', "[f(a=1", "[f(a=1)]", "<tool_call>", "```json\n", " ", "[f(a='\\'",
    "<|im_end|>", '{"f":{', "[a.", "<function=f>", "<think>", "```json\n{\n```\n", "<", "<f>",
    "<f ",
    "f(a=1)\n", "\nf(a=1", '<invoke name="f">', '<parameter name="a">', "<parameter=a>",
    "<tool_call>f<arg_key>a</arg_key><arg_value>", "</arg_value>", "<|channel|>", "<|message|>",
    "to=functions.f", "functions.f:0{", "<|tool_call>call:f{a:", "{a:", "functools[",
    "<tool_calls>", '"tool": "f"', "'name': 'f', ", "Action: f\n", "not ", 'f {"', "f\n```json",
    "```tool_code\n",
    "```tool_code\nf(a=1)\n```\n", "`<tool_call>`", ">>>f\n{", "x = f(a", "<tool>f",
    "a" * 50 + " ",
    "<function_calls>", "<function_calls>\nf(a=1)\n", "\n> ", "\\", '"""', "(((", "{'a':",
    "<|START_THINKING|>", "h('a', ", "h('a')\n", '{"tool": "h", "args": {}} ', "not so I call ",
    '{"tool": "f", ', '{"name": "f", "arguments": {"a": 1}} ', "[[[[",
]  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        return least_seconds(lambda: (parse_calls(text, tools=TOOLS), called_tool(text)))

    # Six times the text; 36 times the time would be quadratic.
    assert seconds(180_000) < 18 * seconds(30_000) + 0.3


def test_a_deep_chain_does_not_reach_the_stack() -> None:
    for argument in ("-" * 60_000 + "1", "1" + "+1" * 30_000, "x" + ".y" * 30_000):
        assert parse_calls(f"[f(a={argument})]", tools=TOOLS).fault is not None


def test_formats_by_template() -> None:
    assert format_of_template("hermes") == "hermes"
    assert format_of_template("deepseek_v3") == "deepseek"
    assert format_of_template("{{ '<tool_call>' }}") == "hermes"
    assert format_of_template("<tool_call>\n<function=example>") == "qwen3_coder"
    assert format_of_template("{{ '[TOOL_CALLS]' }}") == "mistral"
    assert format_of_template("{% for message in messages %}") == "auto"


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(CallsError, match=r"no format 'yaml'.*hermes"):
        parse_calls("", format="yaml")
