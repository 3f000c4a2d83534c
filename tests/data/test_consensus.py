"""What models agree on: shares and models, calls and mathematics, with a reference and without."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.asking import Answer, Asked
from data.consensus.agreement import Thresholds, best_opinion
from data.consensus.stage import Consensus
from data.pipeline.block import Outcome
from data.schema import Record
from rewards import Sample
from rewards.tools.verifier import Tool

USER: Any = {"role": "user", "content": "Go."}
ADD: Any = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "to": {"type": "string"}},
            "required": ["a"],
        },
    },
}


def same(one: object, other: object) -> bool:
    return one == other


@pytest.mark.parametrize(
    ("answers", "thresholds", "agreed"),
    [
        ({"a": [1], "b": [1]}, Thresholds(), 1),
        ({"a": [1], "b": [2]}, Thresholds(), None),
        ({"a": [1], "b": [2]}, Thresholds(models=1), 1),
        ({"a": [1, 1, 2], "b": [1, 1, 1]}, Thresholds(), None),
        ({"a": [1, 1, 2], "b": [1, 1, 1]}, Thresholds(within=2 / 3), 1),
        ({"a": [1, 2, 3], "b": [2, 2, 2]}, Thresholds(within=0.3), 2),
        ({"a": [1, None], "b": [1, 1]}, Thresholds(), None),  # what is cut agrees with nothing
        ({"a": [1, None], "b": [1, 1]}, Thresholds(within=0.5), 1),
        ({"a": [1], "b": [2], "c": [2]}, Thresholds(models=2), 2),
        ({"a": [1, 1], "b": [2, 2], "c": [2, 1]}, Thresholds(within=1.0, models=2), None),
        ({"a": [1], "b": [None]}, Thresholds(), None),
        ({"a": [None]}, Thresholds(models=1), None),
    ],
)
def test_shares_and_models(
    answers: Mapping[str, Sequence[int | None]], thresholds: Thresholds, agreed: int | None
) -> None:
    best = best_opinion(answers, same, thresholds.within)
    found = best.answer if best is not None and best.holds(thresholds) else None
    assert found == agreed


@given(st.lists(st.lists(st.sampled_from([1, 2, None]), min_size=1, max_size=4), min_size=1))
def test_more_agreement_is_never_less(columns: list[list[int | None]]) -> None:
    answers = {str(name): column for name, column in enumerate(columns)}

    def holds(within: float, models: int) -> bool:
        best = best_opinion(answers, same, within)
        return best is not None and best.holds(Thresholds(within, models))

    for within, models in ((0.5, 1), (1.0, 1), (0.5, len(columns))):
        if holds(within, models):
            assert holds(within / 2, models) and holds(within, 1)


def agreed(
    folder: Path, record: Record, answers: Mapping[str, Sequence[Answer]], **options: Any
) -> Outcome:
    """What the stage makes of one record with these answers."""
    asked = []
    for name, given_answers in answers.items():
        one = Asked(name, {}, len(given_answers), {}, folder)
        with one.store() as store:
            asyncio.run(store.put(record.id, [answer.as_json() for answer in given_answers]))
        asked.append(one)
    return Consensus(tuple(asked), **options)([record])


def calls(*arguments: Any) -> Answer:
    return Answer("", tuple({"name": "add", "arguments": one} for one in arguments))


def tool(reference: Any = None, **metadata: Any) -> Record:
    return Record(
        messages=(USER,), task="tool", tools=(ADD,), reference=reference, metadata=metadata
    )


def sums(reference: Any = None) -> Record:
    return Record(messages=(USER,), task="math", reference=reference)


REFERENCE = [{"name": "add", "arguments": {"a": 1}}]


@pytest.mark.parametrize(
    ("answers", "options", "reference"),
    [
        ([calls({"a": 1}), calls({"a": 1})], {}, REFERENCE),
        ([calls({"a": 1}), calls({"a": 1.0})], {}, [{"name": "add", "arguments": {"a": 1.0}}]),
        (
            [calls({"a": 1}, {"a": 2}), calls({"a": 2}, {"a": 1})],
            {},
            [{"name": "add", "arguments": {"a": n}} for n in (1, 2)],
        ),
        ([Answer("I cannot."), Answer("No tool fits.")], {}, []),
        (
            [calls({"a": 1, "to": "New York"}), calls({"a": 1, "to": "new york."})],
            {"mode": "accept"},
            [{"name": "add", "arguments": {"a": 1, "to": "New York"}}],
        ),
    ],
)
def test_agreed_calls_become_the_reference(
    tmp_path: Path, answers: list[Answer], options: Any, reference: Any
) -> None:
    record = tool()
    out = agreed(tmp_path, record, {"m": [answers[0]], "n": [answers[1]]}, **options)
    (kept,) = out.kept
    assert kept.reference == reference and kept.id != record.id
    assert Record(**(kept.model_dump() | {"id": ""})).id == kept.id
    assert kept.metadata["consensus"] == {"agreeing": ["m", "n"], "votes": 2, "answers": 2}
    # Each of the answers would be paid in training.
    for answer in answers:
        text = answer.text or json.dumps(answer.calls)
        sample = Sample("s", kept.messages, text, kept.reference, tools=kept.tools)
        assert Tool()(sample, mode=str(kept.metadata["mode"]), tools=kept.tools).is_correct


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (calls({"a": 1}), calls({"a": 2}), "models disagree"),
        (calls({"a": 1}), Answer("No."), "models disagree"),
        (calls({"a": 1, "to": "NY"}), calls({"a": 1, "to": "ny"}), "models disagree"),
        (calls({"a": 1}), Answer("", fault="broken JSON"), "models disagree"),
        (Answer("", stop_reason="length"), Answer("", fault="refused"), "no usable answer"),
        (Answer(""), Answer("."), "no usable answer"),
        (calls({"a": "x"}), calls({"a": "x"}), "agreed answer is no reference"),
    ],
)
def test_the_others_go_to_review_with_every_answer(
    tmp_path: Path, first: Answer, second: Answer, reason: str
) -> None:
    record = tool()
    out = agreed(tmp_path, record, {"m": [first], "n": [second]})
    (drop,) = out.review
    assert drop.reason == reason and not out.kept and "m: " in drop.detail and "n: " in drop.detail
    assert set(drop.record.metadata["consensus"]) == {"m", "n"}  # type: ignore[arg-type]
    assert drop.record.id == record.id


def test_a_reference_is_what_counts_where_there_is_one(tmp_path: Path) -> None:
    accept = tool([{"add": {"a": [1, 2]}}], mode="accept")
    two = {"m": [calls({"a": 2})], "n": [calls({"a": 1})]}
    (kept,) = agreed(tmp_path, accept, two).kept  # both are right by it
    assert kept.reference == accept.reference and kept.id == accept.id
    exact = tool(REFERENCE)
    right, wrong = [calls({"a": 1})], [calls({"a": 3})]
    one_of_two = {"m": right, "n": wrong}
    assert agreed(tmp_path / "1", exact, {"m": right, "n": right}).kept
    assert agreed(tmp_path / "2", exact, one_of_two).review[0].reason == "models disagree"
    assert agreed(tmp_path / "3", exact, one_of_two, thresholds=Thresholds(models=1)).kept
    (other,) = agreed(tmp_path / "4", exact, {"m": wrong, "n": wrong}).review
    assert other.reason == "models agree on another answer"
    (new,) = agreed(tmp_path / "5", exact, {"m": wrong, "n": wrong}, ignore_reference=True).kept
    assert new.reference == [{"name": "add", "arguments": {"a": 3}}]


def boxed(*texts: str) -> list[Answer]:
    return [Answer(f"So it is \\boxed{{{text}}}.") for text in texts]


@pytest.mark.parametrize(
    ("record", "answers", "outcome"),
    [
        (sums(), {"m": boxed("1/2"), "n": boxed("0.5")}, "1/2"),
        (sums("\\frac{1}{2}"), {"m": boxed("1/2"), "n": boxed("0.5")}, "\\frac{1}{2}"),
        (sums(), {"m": boxed("3"), "n": boxed("4")}, "models disagree"),
        (sums("5"), {"m": boxed("3"), "n": boxed("3")}, "models agree on another answer"),
        (sums(), {"m": [Answer("Hm.")], "n": [Answer("Well.")]}, "no usable answer"),
        (
            sums(),
            {"m": [Answer("<think>\\boxed{1}</think>It is \\boxed{2}")], "n": boxed("2")},
            "2",
        ),
    ],
)
def test_mathematics(
    tmp_path: Path, record: Record, answers: Mapping[str, list[Answer]], outcome: str
) -> None:
    out = agreed(tmp_path, record, answers)
    assert [one.reference for one in out.kept] + [one.reason for one in out.review] == [outcome]


def test_a_task_without_a_rule_is_dropped(tmp_path: Path) -> None:
    record = Record(messages=(USER,), task="text")
    (drop,) = agreed(tmp_path, record, {"m": [Answer("a")]}).dropped
    assert drop.reason == "no rule for the task"
