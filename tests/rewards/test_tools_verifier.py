"""Schemas are those of the data's dialect, and the verifier pays for format and content."""

import json
from pathlib import Path
from typing import Any

import pytest

from rewards import GradingPool, Rubric, Sample, Use, load_verifier
from rewards.options import configure
from rewards.tools import ToolCall, ToolsError
from rewards.tools.schema import json_schema, validate_calls

BFCL = Path(__file__).parents[3] / "shared" / "data" / "bfcl"
PROPERTIES = {
    "city": {"type": "string", "enum": ["Paris", "Rome"]},
    "days": {"type": "integer"},
    "limit": {"type": "float"},
    "exact": {"type": "boolean"},
    "where": {
        "type": "dict",
        "properties": {
            "zip": {"type": "string"},
            "at": {"type": "tuple", "items": {"type": "float"}},
        },
        "required": ["zip"],
    },
    "tags": {"type": "array", "items": {"type": "string"}, "enum": ["a", "b"]},
    "extra": {"type": "any"},
}  # fmt: skip
FORECAST = {
    "name": "forecast",
    "description": "weather",
    "parameters": {"type": "dict", "properties": PROPERTIES, "required": ["city"]},
}
TOOLS = (FORECAST, {"type": "function", "function": {"name": "stop"}})
RIGHT = {"name": "forecast", "arguments": {"city": "Paris", "days": 3}}


def fault(arguments: dict[str, Any], tools: Any = TOOLS, name: str = "forecast") -> str | None:
    found = validate_calls([ToolCall(name, arguments)], tools)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    "arguments",
    [
        {"city": "Rome"},
        {"city": "Rome", "limit": 3, "exact": True, "extra": [None], "tags": ["b", "a"]},
        {"city": "Rome", "where": {"zip": "1", "at": [1, 2.5], "more": 1}},
    ],
)
def test_valid(arguments: dict[str, Any]) -> None:
    assert fault(arguments) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "argument city: expected a value, got nothing"),
        ({"city": "Oslo"}, "argument city: expected enum ['Paris', 'Rome'], got 'Oslo'"),
        ({"city": "Rome", "days": 3.0}, "argument days: expected type 'integer', got 3.0"),
        ({"city": "Rome", "days": True}, "argument days: expected type 'integer', got True"),
        ({"city": "Rome", "limit": True}, "argument limit: expected type 'number', got True"),
        ({"city": "Rome", "days": "3"}, "argument days: expected type 'integer', got '3'"),
        ({"city": "Rome", "day": 3}, "argument day: expected no such argument, got 3"),
        ({"city": "Rome", "where": {}}, "argument where.zip: expected a value, got nothing"),
        ({"city": "Rome", "where": {"zip": "1", "at": [1, "2"]}},
         "argument where.at[1]: expected type 'number', got '2'"),
        ({"city": "Rome", "tags": ["c"]}, "argument tags[0]: expected enum ['a', 'b'], got 'c'"),
    ],
)  # fmt: skip
def test_the_first_fault_is_named(arguments: dict[str, Any], words: str) -> None:
    assert fault(arguments) == f"call 1 (forecast): {words}"


def test_names_and_unknown_parameters() -> None:
    said = "call 1 (halt): expected a tool on offer (forecast, stop), got 'halt'"
    assert fault({}, name="halt") == said
    assert fault({}, name="stop") is None
    assert fault({"a": 1}, name="stop") is not None
    loose = {"name": "f", "parameters": {"type": "object", "additionalProperties": True}}
    assert fault({"a": 1}, tools=[loose], name="f") is None


def test_types_of_java_and_javascript() -> None:
    kinds = {"a": "long", "b": "HashMap", "c": "String", "d": "boolean"}
    properties = {name: {"type": kind} for name, kind in kinds.items()}
    tool = {"name": "f", "parameters": {"type": "dict", "properties": properties, "required": []}}
    assert [one["type"] for one in json_schema(tool)["properties"].values()] == [
        ["integer", "string"],
        ["object", "string"],
        "string",
        ["boolean", "string"],
    ]
    assert fault({"a": "5L", "b": "new HashMap<>()", "c": "x", "d": "true"}, [tool], "f") is None
    assert fault({"a": 5, "b": {}, "d": True}, [tool], "f") is None
    assert fault({"c": 5}, [tool], "f") is not None


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "object", "properties": {"a": {"type": "nonsense"}}},
        {"type": "object", "properties": {"a": {"enum": 5}}},
        {"type": "object", "properties": 5},
        {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}},
        [],
    ],
)
def test_a_broken_schema_is_the_data_s_fault(parameters: Any) -> None:
    with pytest.raises(ToolsError) as error:
        fault({"a": 1}, tools=[{"name": "f", "parameters": parameters}], name="f")
    assert "\n" not in str(error.value)


def test_numbers_beyond_a_double_are_a_fault() -> None:
    properties = {"a": {"type": "number", "multipleOf": 0.1}}
    tools = [{"name": "f", "parameters": {"type": "object", "properties": properties}}]
    assert "range" in (fault({"a": 10**390}, tools=tools, name="f") or "")


@pytest.mark.skipif(not BFCL.exists(), reason="the shared data sets are not here")
def test_bfcl_s_declarations_become_schemas() -> None:
    for name in ("simple_python", "irrelevance"):
        for line in (BFCL / f"{name}.questions.jsonl").read_text().splitlines()[::8]:
            assert validate_calls((), json.loads(line)["function"]) is None


# ---------------------------------------------------------------- the verifier


def judge(response: str, reference: Any, **other: Any) -> Any:
    options = other.pop("options", {})
    metadata = other.pop("metadata", {})
    sample = Sample(
        "1", (), response, reference, "tool", other.pop("tools", TOOLS), metadata, **other
    )
    return configure(load_verifier("tool"), options).judge(sample)


def answer(call: dict[str, Any] = RIGHT) -> str:
    return f"<think>forecast(...)?</think>\n<tool_call>\n{json.dumps(call)}\n</tool_call>"


def test_right() -> None:
    verdict = judge(answer(), [RIGHT])
    assert (verdict.is_correct, verdict.reward, verdict.reason) == (True, 1.0, "matches: 1 call")
    assert verdict.metrics == {"format": 1.0, "content": 1.0}
    assert judge(answer(), json.dumps([RIGHT])).is_correct
    assert judge(answer(), [RIGHT], stop_reason="length").is_correct


def test_wrong_content_and_wrong_format() -> None:
    other = {"name": "forecast", "arguments": {"city": "Rome", "days": 3}}
    verdict = judge(answer(other), [RIGHT])
    assert (verdict.outcome, verdict.reward) == ("incorrect", -1.0)
    assert (
        verdict.reason == "content: call 1 (forecast): argument city: expected 'Paris', got 'Rome'"
    )
    assert verdict.metrics == {"format": 1.0, "content": 0.0}
    verdict = judge(answer().removesuffix("</tool_call>"), [RIGHT])
    assert verdict.reason == "format: call 1 is not closed by </tool_call>"
    assert verdict.metrics == {"format": 0.0, "content": 0.0}
    assert judge("Sunny.", [RIGHT]).reason.startswith("content: call 1 (forecast): expected 1 call")


def test_no_call_is_right() -> None:
    assert judge("It is sunny.", []).is_correct
    call = answer().partition("</think>")[2]
    assert judge(f"<think>{call}</think>Sunny.", "[]").is_correct
    assert judge(f"{call}</think>Sunny.", "[]", thinking="open").is_correct
    assert judge(answer(), []).reward == -1.0
    assert judge("<tool_call>{", []).reason.startswith("format: ")
    for silence in ("", "<think>Let me see.</think>", "<think>Should I call", "<|im_end|>"):
        assert judge(silence, []).reason == "content: neither a call nor a text"


def test_options() -> None:
    paid = judge(answer(), [RIGHT], options={"correct": 2.0, "incorrect": 0.5})
    assert paid.reward == 2.0
    assert judge("", [RIGHT], options={"correct": 2.0, "incorrect": 0.5}).reward == 0.5
    assert judge(answer(), [RIGHT], options={"format": "mistral"}).reward == -1.0
    reference = [{"name": "stop", "arguments": {}}, RIGHT]
    second = answer({"name": "stop", "arguments": {}}).partition("</think>")[2]
    both = answer() + second
    assert judge(both, reference).is_correct
    assert not judge(both, reference, options={"ordered": True}).is_correct


def test_the_schema_is_asked_for() -> None:
    call = {"name": "forecast", "arguments": {"city": "Oslo"}}
    assert judge(answer(call), [call]).is_correct
    verdict = judge(answer(call), [call], options={"validate_schema": True})
    assert verdict.reward == -1.0
    assert verdict.reason.startswith("format: call 1 (forecast): argument city: expected enum")


def test_columns() -> None:
    allowed = [{"forecast": {"city": ["Rome", "paris"], "days": [3, ""]}}]
    assert judge(answer(), allowed, metadata={"mode": "accept"}).is_correct
    assert judge(answer(), allowed, options={"mode": "accept"}).is_correct
    assert judge(answer(), [[], [RIGHT], []], metadata={"turn": 1}).is_correct
    spoken = {"mode": "accept", "language": "java"}
    assert not judge(answer(), allowed, metadata=spoken).is_correct, "3 is no source text"
    tools = json.dumps(TOOLS)
    assert judge(
        answer(), allowed, tools=(), metadata={"mode": "accept", "tools": tools}
    ).is_correct
    assert judge(answer(), [RIGHT], metadata={"mode": None, "turn": None, "tools": None}).is_correct


def test_bare() -> None:
    def bare(response: str, reference: Any = (RIGHT,)) -> Any:
        return judge(response, list(reference), options={"bare": True})

    assert bare(json.dumps([RIGHT])).is_correct
    assert bare(json.dumps([{"forecast": RIGHT["arguments"]}])).is_correct
    assert bare("[]", ()).is_correct
    for malformed in ("", "{}", "[5]", '[{"name": "forecast"}]', answer(), "[" * 10**5):
        assert bare(malformed).reason.startswith("format: ")


@pytest.mark.parametrize(
    ("reference", "metadata", "kind"),
    [
        (None, {}, "reference"),
        ("{", {}, "reference"),
        ([5], {}, "reference"),
        ([{"forecast": {"city": ["Rome"]}}], {}, "reference"),
        ([{"g": {}}], {"mode": "accept"}, "reference"),
        ([RIGHT], {"mode": "near"}, "reference"),
        ([[RIGHT]], {"turn": 4}, "reference"),
        ([RIGHT], {"tools": "{"}, "tools"),
        ([RIGHT], {"tools": 5}, "tools"),
    ],
)
def test_broken_data_is_ungradable(reference: Any, metadata: Any, kind: str) -> None:
    for response in (answer(), "no call", "<tool_call>{"):
        tools = () if "tools" in metadata else TOOLS
        verdict = judge(response, reference, metadata=metadata, tools=tools)
        assert verdict.reason.startswith(f"{kind}: "), verdict
        assert not verdict.is_gradable


async def test_in_a_pool() -> None:
    samples = [Sample("1", (), answer(), [RIGHT], tools=TOOLS), Sample("2", (), "", [RIGHT])]
    rubric = Rubric(Use("tool", {"validate_schema": True}))
    async with GradingPool(rubric, workers=1) as pool:
        assert [verdict.reward for verdict in await pool.grade(samples)] == [1.0, -1.0]
