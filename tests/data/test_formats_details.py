"""What single formats promise beyond one row: hostile pickles, wordings, turns, and every check."""

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RowError
from data.files import Row
from data.formats.checks import CHECKS, constraints_of_check
from data.formats.pickled_text import MOST_BYTES, NoTextError, packed_text, pickled_text
from data.formats.table import format_named
from data.references import GSM8K, gsm8k_answer
from data.schema import Record
from rewards.constraints.references import constraints_of
from tests.data import format_rows as rows


def read(format: str, row: dict[str, Any]) -> list[Record]:
    return list(format_named(format).records(Row(1, "rows.jsonl line 1", row)))


class Bomb:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("text", ["", "[]", "a" * 300, 'строка "\n" \\u0041 \U0001f600' * 70_000])
def test_a_pickled_text_is_read_in_every_protocol(text: str, protocol: int) -> None:
    assert pickled_text(pickle.dumps(text, protocol)) == text


def test_no_other_pickle_is_read_or_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    text = pickle.dumps("text")
    hostile = [
        pickle.dumps(Bomb(trace)),
        pickle.dumps(Bomb(trace), 0),
        text[:-1] + pickle.dumps(Bomb(trace)),
        pickle.dumps(["text"]),
        pickle.dumps(b"text"),
        pickle.dumps(7),
        pickle.dumps(None),
        text + text,
        text[:-1],
        text[:-3],
        b"",
        b"no pickle",
        b"\x8d" + (2**62).to_bytes(8, "little") + b"x.",
        b"X\xff\xff\xff\x7fx.",
        b"0" * 10_000,
        b"(" * 10_000 + text,
    ]
    for pickled in hostile:
        with pytest.raises(NoTextError):
            pickled_text(pickled)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        ("no base64!", "no base64"),
        (base64.b64encode(b"no zlib").decode(), "not compressed"),
        (base64.b64encode(zlib.compress(pickle.dumps("x" * 9999))[:-8]).decode(), "cut off"),
        (base64.b64encode(zlib.compress(b"\0" * (MOST_BYTES + 1))).decode(), "larger than"),
    ],
)
def test_what_is_not_packed_as_livecodebench_packs_says_so(packed: str, said: str) -> None:
    with pytest.raises(NoTextError, match=said):
        packed_text(packed)
    with pytest.raises(RowError, match=f"line 1: column 'private_test_cases' cannot.*{said}"):
        read("livecodebench", {**rows.LIVECODEBENCH, "private_test_cases": packed})


def test_private_tests_may_be_json_text_too() -> None:
    tests = [{"input": "5 6\n", "output": "11\n", "testtype": "stdin"}]
    plain = {**rows.LIVECODEBENCH, "private_test_cases": json.dumps(tests)}
    assert read("livecodebench", plain) == read("livecodebench", rows.LIVECODEBENCH)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (rows.DAPO["prompt"][0]["content"], "How many primes are below 10?"),
        ('1+1? Let\'s think step by step and output the final answer after "####".', "1+1?"),
        ("Mine. Let's think step by step and then stop.", None),
        (rows.DAPO["prompt"][0]["content"][:-1], None),
    ],
)
def test_only_known_wording_is_taken_off_a_problem(content: str, problem: str | None) -> None:
    row = {**rows.DAPO, "prompt": [{"role": "user", "content": content}]}
    (record,) = read("verl", row)
    assert record.messages[0]["content"] == (problem or content)


def test_each_answer_to_a_user_is_a_record_after_the_turns_before_it() -> None:
    first, second = read("toolace", rows.TOOLACE)
    call = {"name": "Get Trends", "arguments": {"market": "Milan"}}
    assert (first.reference, second.reference) == ([call], [])
    assert [m["role"] for m in first.messages] == ["user"]
    assert [m["role"][0] for m in second.messages] == list("uatau")
    assert second.messages[1]["tool_calls"] == [{"type": "function", "function": call}]
    assert first.tools == second.tools
    assert "invoke" not in json.dumps(second.messages)


def test_tools_of_hermes_are_found_in_the_system_message() -> None:
    without = {name: value for name, value in rows.HERMES.items() if name != "tools"}
    assert read("hermes", without) == read("hermes", rows.HERMES)


def test_what_is_no_answer_makes_a_record_without_a_reference() -> None:
    for answer in ("proof", "notfound", "", None):
        (record,) = read("numina", {**rows.NUMINA, "answer": answer, "question_type": "proof"})
        assert (record.reference, record.metadata["question_type"]) == (None, "proof")
    (record,) = read("math", {**rows.MATH, "solution": "No box."})
    assert record.reference is None
    for tests in ("", None, "{}"):
        (record,) = read("apps", {**rows.APPS_STDIN, "input_output": tests})
        assert record.reference is None


def test_evidence_is_kept_with_its_model() -> None:
    rates = {
        name: read(name, row)[0].pass_rate
        for name, row in (
            ("openr1", rows.OPENR1),
            ("big-math", rows.BIG_MATH),
            ("kodcode", rows.KODCODE),
        )
    }
    found = {name: (rate.correct, rate.k) for name, rate in rates.items() if rate is not None}
    assert found == {"openr1": (1, 2), "big-math": (58, 64), "kodcode": (3, 4)}
    assert read("big-math", {**rows.BIG_MATH, "llama8b_solve_rate": 0.3333})[0].pass_rate is None


PARAMETERS = {
    "N": 4,
    "quantifier": "at most",
    "keyword_list": ["lake"],
    "forbidden_words": ["sea"],
    "word": "lake",
    "letter": "a",
    "language": "it",
    "i": 2,
    "first_word": "Then",
    "postscript_marker": "P.S.",
    "section_splitter": "Section",
    "original_prompt": "Describe a lake.",
    "end_phrase": "That is all.",
}


@pytest.mark.parametrize("function", sorted(CHECKS))
def test_every_check_becomes_constraints_that_can_be_checked(function: str) -> None:
    row = Row(1, "line 1", {})
    made = constraints_of_check(row, "ground_truth", {"func_name": function, **PARAMETERS})
    assert [one.id for one in constraints_of(made)] == [one["id"] for one in made]
    counted = [one for one in made if "relation" in " ".join(one)]
    assert len(counted) in (0, 1, 2)


@pytest.mark.parametrize(
    ("quantifier", "fits"),
    [("at least", range(20, 99)), ("at most", range(21)), ("around", range(18, 23))],
)
def test_a_quantifier_is_a_range_of_numbers(quantifier: str, fits: range) -> None:
    check = {"func_name": "validate_word_constraint", "N": 20, "quantifier": quantifier}
    made = constraints_of_check(Row(1, "line 1", {}), "ground_truth", check)
    for number in range(60):
        followed = all(
            number < one["num_words"]
            if one["relation"] == "less than"
            else number >= one["num_words"]
            for one in made
        )
        assert followed == (number in fits)


@pytest.mark.parametrize(
    ("format", "row", "said"),
    [
        (
            "tulu-if",
            {"ground_truth": '{"func_name": "validate_choice"}'},
            "'validate_choice' has no",
        ),
        ("tulu-if", {"ground_truth": '{"func_name": "validate_end"}'}, "KeyError: 'end_phrase'"),
        ("tulu-if", {"ground_truth": "[{'instruction_id': ['a:b'], 'kwargs': [{}]}]"}, "'a:b'"),
        ("tulu-if", {"ground_truth": "__import__('os')"}, "neither JSON text nor a Python literal"),
        ("synthetic-1", {"verification_info": "{'ground_truth': None}"}, "which no verifier here"),
        ("apps", {"input_output": '{"inputs": ["1"], "outputs": []}'}, "1 inputs and 0 outputs"),
        ("apps", {"input_output": "{"}, "column 'input_output' is no JSON text"),
        ("verl", {"reward_model": {"ground_truth": None}}, "holds None where an answer"),
        ("skywork", {"reward_model": {"ground_truth": "[]"}}, "has no answer"),
        ("xlam", {"answers": '[{"weather": {}}]'}, 'is no {"name", "arguments"}'),
        ("xlam", {"tools": "[{}]"}, "a tool without a name"),
        ("toolace", {"conversations": [{"from": "robot", "value": ""}]}, "where a message"),
        ("hermes", {"conversations": []}, "where messages"),
        ("mbpp", {"test_list": []}, "where a list of asserts"),
        ("acecode", {"test_cases": [1]}, "where a list of asserts"),
        ("chat", {"messages": [{"role": "user"}]}, "where a message"),
    ],
)
def test_broken_rows_say_what_is_wrong(format: str, row: dict[str, Any], said: str) -> None:
    sound = {
        "tulu-if": rows.TULU_IF,
        "synthetic-1": rows.SYNTHETIC_MATH,
        "apps": rows.APPS_STDIN,
        "verl": rows.DAPO,
        "skywork": rows.SKYWORK_MATH,
        "xlam": rows.XLAM,
        "toolace": rows.TOOLACE,
        "hermes": rows.HERMES,
        "mbpp": rows.MBPP,
        "acecode": rows.ACECODE,
        "chat": rows.CHAT,
    }[format]
    assert read(format, sound)
    with pytest.raises(RowError) as raised:
        read(format, {**sound, **row})
    assert str(raised.value).startswith("rows.jsonl line 1: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.text(st.sampled_from("# \n4a"), max_size=24))
def test_the_answer_behind_the_mark_is_what_the_expression_finds(text: str) -> None:
    found = GSM8K.search(text)
    assert gsm8k_answer(text) == (found and found[1])


@pytest.mark.parametrize(
    ("name", "category", "language", "calls"),
    [
        ("simple_12", "simple", "python", 1),
        ("multiple_3", "multiple", "python", 1),
        ("parallel_3", "parallel", "python", 2),
        ("parallel_multiple_0", "parallel_multiple", "python", 2),
        ("simple_java_7", "simple_java", "java", 1),
        ("java_7", "java", "java", 1),
        ("simple_javascript_7", "simple_javascript", "javascript", 1),
        ("live_simple_3-1-0", "live_simple", "python", 1),
        ("live_parallel_multiple_3-1-0", "live_parallel_multiple", "python", 2),
    ],
)
def test_categories_of_bfcl_say_language_and_kind(
    name: str, category: str, language: str, calls: int
) -> None:
    truth = rows.BFCL_ANSWER["ground_truth"] * calls
    (record,) = read("bfcl", {**rows.BFCL, "id": name, "ground_truth": truth})
    assert record.reference == truth
    assert record.metadata == {"category": category, "mode": "accept", "language": language}
    assert record.model_copy(update={"language": "en"}).prompt().metadata["language"] == language


def test_parameters_of_xlam_become_a_schema() -> None:
    parameters = {
        "type": {"type": "str", "description": "A kind.", "default": "game"},
        "ids": {"type": "List[int]", "description": "Some ids."},
        "limit": {"type": "int, optional", "description": "At most."},
        "near": {"type": "Tuple[float, float], optional", "description": "A place."},
    }
    tools = json.dumps([{"name": "giveaways", "description": "d", "parameters": parameters}])
    (record,) = read("xlam", {**rows.XLAM, "tools": tools})
    function: Any = record.tools[0]["function"]
    schema = function["parameters"]
    kinds = {name: one["type"] for name, one in schema["properties"].items()}
    assert (schema["type"], kinds) == (
        "object",
        {"type": "string", "ids": "array", "limit": "integer", "near": "array"},
    )
    assert schema["required"] == ["ids"]
    assert schema["properties"]["type"]["default"] == "game"
    assert schema["properties"]["near"]["items"] == {"type": "number"}
    with_schema = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    (kept,) = read("xlam", {**rows.XLAM, "tools": json.dumps([with_schema])})
    assert kept.tools[0]["function"] == with_schema


def test_each_answer_of_a_chat_with_tools_is_a_record_and_of_one_without_the_last() -> None:
    call, *_ = read("chat", rows.CHAT_TOOL)
    turns = [
        *rows.CHAT_TOOL["conversations"],
        {"from": "tool", "value": "1600"},
        {"from": "gpt", "value": "1600 yen."},
        {"from": "human", "value": "Thanks!"},
        {"from": "gpt", "value": "You are welcome."},
    ]
    first, second = read("chat", {**rows.CHAT_TOOL, "conversations": turns})
    assert (first, second.reference) == (call, [])
    assert [one["role"][0] for one in second.messages] == list("uatau")
    (plain,) = read("chat", rows.CHAT)
    assert (plain.task, plain.reference, plain.metadata) == ("text", None, {"solution": "Red."})
    assert [one["role"] for one in plain.messages] == ["system", "user"]
