"""Records of tool use whose calls do not fit their tools are dropped, each for its own reason."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data.curate.tool import ToolFormat
from data.curate.tool_category import category_of
from data.formats.opening import open_source
from data.schema import Record
from rewards import Sample
from rewards.tools.verifier import Tool

USER = {"role": "user", "content": "What is the weather in Rome?"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get.weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["C", "F"]},
                "days": {"type": "integer", "minimum": 1},
                "where": {
                    "type": "object",
                    "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
                    "required": ["lat", "lon"],
                },
            },
            "required": ["city"],
        },
    },
}
TIME = {
    "type": "function",
    "function": {"name": "time", "parameters": {"type": "dict", "properties": {}}},
}
BFCL = Path(__file__).parents[3] / "shared/data/bfcl"


def record(reference: Any, *, tools: Any = (WEATHER, TIME), **fields: Any) -> Record:
    return Record(
        **({"messages": (USER,), "task": "tool"} | fields), tools=tools, reference=reference
    )


def call(**arguments: Any) -> dict[str, Any]:
    return {"name": "get.weather", "arguments": arguments}


def accepts(**arguments: Any) -> dict[str, Any]:
    return {"get.weather": arguments}


def earlier(*calls: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    said = {"role": "assistant", "content": "", "tool_calls": [{"function": one} for one in calls]}
    return USER, said, {"role": "tool", "content": "20"}


GOOD = [
    record([call(city="Rome")]),
    record([call(city="Rome", where={"lat": 41, "lon": 12.5}), call(city="Bern", unit="C")]),
    record([]),
    record([{"name": "time", "arguments": "{}"}]),
    record([accepts(city=["Rome", "rome"], unit=["", "C"], days=["", 1, 2])]),
    record([accepts(city=["Rome"], unit=["K", "C"])]),  # one that fits is enough
    record([accepts(city=["Rome"], where=[{"lat": [41.9, 42], "lon": [12.5]}])]),
    record([accepts(city=["Rome"], days=[""])]),
    record([[call(city="Rome")], [call(city="Bern")]]),
    record([call(city="Rome")], messages=earlier(call(city="Bern"))),
    record([call(city="Rome")], metadata={"mode": "accept"}),
]
BAD = {
    "no tools": [record([], tools=()), record([call(city="Rome")], tools=())],
    "no reference": [record(None)],
    "unreadable reference": [
        record("text"),
        record(5),
        record([5]),
        record([{"name": "time"}]),
        record([call(city="Rome"), [call(city="Rome")]]),
        record([accepts(city="Rome")]),
        record([accepts(city=["Rome"])], metadata={"mode": "exact"}),
        record([{"name": "time", "arguments": "{"}]),
    ],
    "broken declaration": [
        record([], tools=({"type": "function", "function": {"parameters": {}}},)),
        record([], tools=({"name": "f", "parameters": {"properties": {"a": {"type": "strnig"}}}},)),
        record([], tools=({"name": "f", "parameters": []},)),
    ],
    "two tools of one name": [record([], tools=(TIME, TIME))],
    "unknown tool": [
        record([{"name": "get_weather", "arguments": {"city": "Rome"}}]),
        record([{"weather": {"city": ["Rome"]}}]),
        record([call(city="Rome")], messages=earlier({"name": "clock", "arguments": {}})),
    ],
    "unknown parameter": [
        record([call(city="Rome", town="Rome")]),
        record([call(city="Rome"), call(city="Rome", cities=[])]),
        record([accepts(city=["Rome"], town=["Rome", ""])]),
    ],
    "missing parameter": [
        record([call()]),
        record([call(city="Rome", where={"lat": 1})]),
        record([accepts(unit=["C"])]),
        record([call(city="Rome")], messages=earlier(call(unit="C"))),
    ],
    "wrong type": [
        record([call(city=5)]),
        record([call(city="Rome", days="3")]),
        record([call(city="Rome", days=True)]),
        record([call(city="Rome", where={"lat": "41", "lon": 12})]),
        record([accepts(city=["Rome"], days=["", "three"])]),
        record([[call(city="Rome")], [call(city=["Rome"])]]),
    ],
    "outside enum": [
        record([call(city="Rome", unit="K")]),
        record([accepts(city=["Rome"], unit=["kelvin", "K"])]),
    ],
    "outside schema": [record([call(city="Rome", days=0)])],
}


def test_what_fits_is_kept_and_can_be_won() -> None:
    out = ToolFormat()(GOOD)
    assert not out.dropped and [one.messages for one in out.kept] == [x.messages for x in GOOD]
    modes = [one.metadata.get("mode", "exact") for one in out.kept]
    assert modes == ["exact"] * 4 + ["accept"] * 4 + ["exact"] * 2 + ["accept"]
    # The verifier reads every reference in the mode that the record names.
    for one in out.kept:
        sample = Sample(one.id, one.messages, "Hello.", one.reference, tools=one.tools)
        assert Tool()(sample, mode=one.metadata.get("mode"), tools=one.tools).is_gradable


@pytest.mark.parametrize("reason", BAD)
def test_what_does_not_fit_is_dropped_with_its_reason(reason: str) -> None:
    out = ToolFormat()([GOOD[0], *BAD[reason], GOOD[2]])
    assert [one.reason for one in out.dropped] == [reason] * len(BAD[reason])
    assert [one.record for one in out.dropped] == BAD[reason] and len(out.kept) == 2
    assert all(one.detail and "\n" not in one.detail for one in out.dropped)


def test_the_place_is_told() -> None:
    late = record([[call(city="Rome")], [call(city="Rome"), call(city=5)]])
    before = record([], messages=earlier(call(city=5)))
    details = [one.detail for one in ToolFormat()([late, before]).dropped]
    assert details == [
        "turn 2: call 2 (get.weather): argument city: expected type 'string', got 5",
        "message 2: call 1 (get.weather): argument city: expected type 'string', got 5",
    ]


def test_other_tasks_go_through() -> None:
    sums = Record(messages=(USER,), task="math", reference="4")
    assert ToolFormat()([sums]).kept == [sums]


def test_categories_are_those_of_bfcl() -> None:
    one, two = [call(city="Rome")], [call(city="Rome"), call(city="Bern")]
    cases = {
        "simple": [record(one, tools=(WEATHER,)), record([one], tools=(WEATHER,))],
        "multiple": [record(one)],
        "parallel": [record(two, tools=(WEATHER,))],
        "parallel_multiple": [record(two)],
        "irrelevance": [record([]), record([[]])],
        "multi_turn": [record([one, two]), record(one, messages=earlier(call(city="Bern")))],
    }
    for category, records in cases.items():
        assert [category_of(record) for record in records] == [category] * len(records)


@pytest.mark.skipif(not BFCL.is_dir(), reason="the data set is not here")
def test_of_bfcl_one_row_is_dropped() -> None:
    rows = [
        made
        for name in ("simple_python", "irrelevance")
        for made in open_source(str(BFCL / f"{name}.questions.jsonl")).records()
    ]
    out = ToolFormat()(rows)
    # Its optional venue is a text by the declaration, and true by the answer.
    assert [(one.record.source_id, one.reason) for one in out.dropped] == [
        ("simple_python_307", "wrong type")
    ]
    assert Counter(one.metadata["tool_category"] for one in out.kept) == {
        "simple": 399,
        "irrelevance": 240,
    }
