"""The verifier "constraints": what it reads, what it pays, and what it blames on the data."""

import math
import subprocess
import sys
from typing import Any

import pytest

from rewards import Rubric, Sample, Verdict, load_verifier
from rewards.constraints.verifier import Constraints

NO_COMMA = {"id": "punctuation:no_comma"}
TWO_WORDS = {"id": "length_constraints:number_words", "num_words": 2, "relation": "at least"}
TITLE = {"id": "detectable_format:title"}
REPEAT = {"id": "combination:repeat_prompt"}
ADD = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {}}},
}
CALL = '<tool_call>\n{"name": "add", "arguments": {}}\n</tool_call>'


def graded(
    response: str,
    reference: Any = (NO_COMMA, TWO_WORDS),
    *,
    prompt: str = "Say it.",
    tools: tuple[Any, ...] = (),
    columns: dict[str, Any] | None = None,
    **options: Any,
) -> Verdict:
    messages = ({"role": "system", "content": "Be good."}, {"role": "user", "content": prompt})
    sample = Sample("s", messages, response, reference, "text", tools=tools)
    return Constraints(**options)(sample, **(columns or {}))


def test_correct_means_all_are_followed() -> None:
    assert graded("a b") == Verdict.correct(reason="all are followed", followed=1.0)
    verdict = graded("a,")
    assert not verdict.is_correct
    assert verdict.reward == 0
    assert verdict.metrics == {"followed": 0.0}
    assert verdict.reason == (
        "punctuation:no_comma: expected no comma, got 1; "
        "length_constraints:number_words: expected at least 2 words, got 1"
    )


@pytest.mark.parametrize(
    ("reward", "incorrect", "expected"),
    [("all", 0, 0), ("all", -1, -1), ("fraction", 0, 0.5), ("fraction", -1, 0)],
)
def test_what_is_paid_for_one_of_two(reward: str, incorrect: float, expected: float) -> None:
    verdict = graded("a, b", reward=reward, incorrect=incorrect)
    assert not verdict.is_correct
    assert verdict.reward == expected
    assert verdict.metrics == {"followed": 0.5}
    assert graded("a b", reward=reward, incorrect=incorrect).reward == 1


def test_thinking_is_taken_away() -> None:
    assert graded("<think>a, b</think>a b").is_correct
    assert not graded("<think>a, b</think>a b", thinking=False).is_correct
    assert not graded("<think>a b").is_correct  # it never ended


FORBIDDEN = {"id": "keywords:forbidden_words", "forbidden_words": ["a"]}
FEWER = {"id": "length_constraints:number_words", "num_words": 5, "relation": "less than"}


@pytest.mark.parametrize(
    "text", ["", ".", "...", "\u3002", "\u2014", "* * *", "{}", "\n\n?!", "\u200b"]
)
@pytest.mark.parametrize("asked", [NO_COMMA, FORBIDDEN, FEWER])
def test_marks_alone_are_no_answer(text: str, asked: dict[str, Any]) -> None:
    for response in (text, f"<think>a, b</think>{text}", f"<think>a, b</think>\n\n{text}\n"):
        verdict = graded(response, [asked])
        assert (verdict.is_correct, verdict.reward, verdict.metrics) == (False, 0, {"followed": 0})
        assert graded(response, [asked], loose=True, reward="fraction").reward == 0
    first_line = "A comma, a word, and some more words than are allowed.\n"
    assert not graded(first_line + text, [asked], loose=True).is_correct


@pytest.mark.parametrize("text", ["No", "7", "\u597d", "\u0414\u0430.", "\U0001f44d", "No."])
def test_few_characters_may_be_an_answer(text: str) -> None:
    assert graded(text, [NO_COMMA, FORBIDDEN, FEWER]).is_correct


def test_loose() -> None:
    assert not graded("Sure, look:\na b").is_correct
    assert graded("Sure, look:\na b", loose=True).is_correct


def test_the_columns_of_the_public_data_set_stand_in_for_a_reference() -> None:
    columns = {
        "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
        "kwargs": [{"num_words": None, "n": math.nan}, {"num_words": 2, "relation": "at least"}],
    }
    for nothing in (None, "", [], {}):
        assert graded("a b", nothing, columns=columns).is_correct
        assert not graded("a, b", nothing, columns=columns).is_correct
    assert graded("<<x>>, y", [TITLE], columns=columns).is_correct  # the reference goes first
    loaded = load_verifier("constraints")
    sample = Sample("s", (), "a, b", metadata=columns)
    assert loaded.columns == {"instruction_id_list": False, "kwargs": False}
    assert set(loaded.arguments(sample)) == set(columns)


def test_the_last_request_is_what_has_to_be_repeated() -> None:
    assert graded("say it. It.", [REPEAT]).is_correct
    assert not graded("It.", [REPEAT]).is_correct
    assert graded("A. It.", [{**REPEAT, "prompt_to_repeat": "A."}]).is_correct
    assert graded("A.", [REPEAT], prompt="").reason.startswith("reference: combination:repeat")


@pytest.mark.parametrize("reference", [None, "x", 7, [{"id": "no:such"}], [{"id": "startend:x"}]])
def test_broken_constraints_are_the_datas_fault(reference: Any) -> None:
    verdict = graded("a b", reference)
    assert not verdict.is_gradable
    assert verdict.reason.startswith("reference: ")


def test_a_call_of_a_tool_is_wrong_where_text_is_asked_for() -> None:
    verdict = graded(CALL, [TITLE, NO_COMMA], tools=(ADD,))
    assert (verdict.is_correct, verdict.reward, verdict.metrics) == (False, -1, {"followed": 0.0})
    assert "add" in verdict.reason
    assert graded(CALL, tools=(ADD,), tool_call=-0.5).reward == -0.5
    assert "tool" not in graded(CALL, [NO_COMMA], tools=(ADD,), tool_call=None).reason
    assert graded("a b", tools=(ADD,)).is_correct


@pytest.mark.parametrize("options", [{"reward": "some"}, {"incorrect": float("nan")}, {"lose": 1}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Constraints(**options)


def test_it_is_built_in() -> None:
    assert load_verifier("constraints").on_crash == "incorrect"
    Rubric("constraints")


def test_models_of_language_are_loaded_only_where_they_are_asked_for() -> None:
    program = (
        "import sys, rewards.constraints.verifier\n"
        "print(*({'nltk', 'punkt', 'langdetect'} & set(sys.modules)))\n"
        "load = rewards.load_verifier('constraints').warm_up\n"
        "load()\n"
        "print(*sorted({'nltk', 'punkt', 'langdetect'} & set(sys.modules)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[:2] == ["", "langdetect nltk punkt"]
