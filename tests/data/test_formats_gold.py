"""What the rows of public sets say is right is right by the verifiers, and what is not is not.

Programs run in bubblewrap, all in one sandbox.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from data.formats.opening import open_source
from data.schema import Record
from rewards import GradingPool, Rubric, Sample, Use
from tests.data import format_rows as rows

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CODE = (
    rows.SYNTHETIC_CODE,
    rows.HUMANEVAL,
    rows.MBPP,
    rows.MBPP_SANITIZED,
    rows.APPS_STDIN,
    rows.APPS_CALLS,
    rows.TACO,
    rows.KODCODE,
    rows.ACECODE,
)
WRITTEN = (
    (rows.VERL_CODE, "print(sum(map(int, input().split())))"),
    (rows.SKYWORK_CODE, "class Solution:\n    def half(self, n):\n        return n // 2"),
    (rows.LIVECODEBENCH, "print(sum(map(int, input().split())))"),
    (
        rows.LIVECODEBENCH_CALLS,
        "class Solution:\n    def largest(self, xs, k):\n        return sum(sorted(xs)[-k:])",
    ),
)


def first_record(row: dict[str, Any], folder: Path) -> Record:
    path = folder / "row.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return next(open_source(path).records())


def sample(record: Record, response: str) -> Sample:
    prompt = record.prompt()
    return Sample(
        id=prompt.id,
        prompt=prompt.messages,
        response=response,
        reference=prompt.reference,
        task=prompt.task,
        tools=prompt.tools,
        metadata=prompt.metadata,
    )


async def verdicts(verifier: Use, samples: list[Sample]) -> list[str]:
    async with GradingPool(Rubric(verifier), workers=1) as pool:
        return [f"{v.outcome}: {v.reason}" for v in await pool.grade(samples)]


def fenced(source: str) -> str:
    return f"```python\n{source}\n```"


def test_reference_programs_pass_their_tests_and_programs_that_do_nothing_fail(
    tmp_path: Path,
) -> None:
    made = [first_record(row, tmp_path) for row in CODE]
    solved = [(one, one.metadata["solutions"][0]["source"]) for one in made]
    solved += [(first_record(row, tmp_path), source) for row, source in WRITTEN]
    samples = [sample(record, fenced(source)) for record, source in solved]
    samples += [sample(record, fenced("pass")) for record, _ in solved]
    box = {"boxes": 1, "slots": 2}
    use = Use("code", {"sandbox": "bubblewrap", "box": box})
    found = asyncio.run(verdicts(use, samples))
    half = len(solved)
    assert [one for one in found[:half] if not one.startswith("correct")] == []
    assert [one for one in found[half:] if not one.startswith("incorrect")] == []


@pytest.mark.parametrize(
    ("row", "right", "wrong"),
    [
        (rows.XLAM, {"name": "giveaways", "arguments": {"type": "beta"}}, {"type": "loot"}),
        (rows.TOOLACE, {"name": "Get Trends", "arguments": {"market": "Milan"}}, {}),
        (rows.HERMES, {"name": "convert", "arguments": {"amount": 10, "to": "JPY"}}, {"to": "JPY"}),
        (
            {**rows.BFCL, "ground_truth": rows.BFCL_ANSWER["ground_truth"]},
            {"name": "weather", "arguments": {"place": "Torino"}},
            {"place": "Rome"},
        ),
        ({**rows.BFCL, "id": "irrelevance_1"}, None, {"place": "Turin"}),
    ],
)
def test_right_calls_are_right_and_others_are_not(
    row: dict[str, Any], right: dict[str, Any] | None, wrong: dict[str, Any], tmp_path: Path
) -> None:
    record = first_record(row, tmp_path)
    name = record.tools[0]["function"]["name"]  # type: ignore[index,call-overload]
    other = {"name": name, "arguments": wrong}
    texts = ["No tool helps here." if one is None else json.dumps([one]) for one in (right, other)]
    found = asyncio.run(verdicts(Use("tool"), [sample(record, text) for text in texts]))
    assert [one.partition(":")[0] for one in found] == ["correct", "incorrect"]


def test_what_the_constraints_of_a_row_ask_for_is_what_is_checked(tmp_path: Path) -> None:
    texts = [(rows.TULU_IF, "word " * 21, "word " * 30), (rows.TULU_IF, "word " * 18, "word " * 17)]
    texts += [(rows.TULU_MULTI, "a hill is green and steep", "a hill, green and steep it is")]
    texts += [(rows.IFEVAL, "What am I?", "What, then, am I?")]
    right = [sample(first_record(row, tmp_path), text) for row, text, _ in texts]
    wrong = [sample(first_record(row, tmp_path), text) for row, _, text in texts]
    found = asyncio.run(verdicts(Use("constraints"), right + wrong))
    assert [one for one in found[: len(texts)] if not one.startswith("correct")] == []
    assert [one for one in found[len(texts) :] if not one.startswith("incorrect")] == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="no public data sets beside the repository")
@pytest.mark.parametrize(
    ("file", "format", "count", "references"),
    [
        ("gsm8k/train.jsonl", "gsm8k", 7473, 7473),
        ("math/train.jsonl", "math", 3000, 3000),
        ("humaneval/python.jsonl", "humaneval", 164, 164),
        ("bfcl/simple_python.questions.jsonl", "bfcl", 400, 400),
        ("bfcl/irrelevance.questions.jsonl", "bfcl", 240, 0),
    ],
)
def test_public_files_are_read_whole(file: str, format: str, count: int, references: int) -> None:
    opened = open_source(SHARED / file)
    records = list(opened.records())
    assert (opened.format.name, len(records)) == (format, count)
    assert sum(bool(record.reference) for record in records) == references
