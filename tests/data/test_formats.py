"""Every format reads rows of its layout into records that the verifiers can grade."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from data.errors import RowError, SourceError
from data.formats.opening import open_source
from data.formats.table import BUILT_IN, GENERAL, format_named
from data.records import write_records
from data.refused import refused
from data.schema import Record
from data.sources import load_prompts
from rewards import Rubric, Use
from tests.data import format_rows as rows

RUBRIC = Rubric(
    routes={"code": Use("code"), "tool": Use("tool"), "text": Use("constraints")}, main=Use("math")
)


@dataclass(frozen=True)
class Case:
    """A row of a format, and what has to come of it."""

    format: str
    row: dict[str, Any]
    task: str
    reference: Any
    source: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def stdio(*cases: tuple[str, str]) -> dict[str, Any]:
    held = [{"stdin": one, "stdout": other} for one, other in cases]
    return {"kind": "stdio", "cases": held, "language": "python"}


def calls(entry: str, *cases: tuple[list[Any], Any]) -> dict[str, Any]:
    held = [{"args": one, "returns": other} for one, other in cases]
    return {"kind": "calls", "entry_point": entry, "cases": held, "language": "python"}


def script(*lines: str) -> dict[str, Any]:
    return {"kind": "harness", "source": "\n".join(lines) + "\n", "language": "python"}


CONVERTED = [{"name": "convert", "arguments": {"amount": 10, "to": "JPY"}}]
CASES = [
    Case("gsm8k", rows.GSM8K, "math", "42", "openai/gsm8k", {"solution": rows.GSM8K["answer"]}),
    Case("math", rows.MATH, "math", "7", metadata={"subject": "Prealgebra", "level": "Level 1"}),
    Case("math", rows.MATH_500, "math", r"\frac{3}{2}"),
    Case(
        "humaneval",
        rows.HUMANEVAL,
        "code",
        {
            "kind": "check",
            "entry_point": "triple",
            "source": rows.HUMANEVAL["test"],
            "language": "python",
        },
        "openai/openai_humaneval",
    ),
    Case(
        "bfcl",
        {**rows.BFCL, "ground_truth": rows.BFCL_ANSWER["ground_truth"]},
        "tool",
        rows.BFCL_ANSWER["ground_truth"],
        metadata={"mode": "accept", "category": "simple_python"},
    ),
    Case(
        "bfcl_turns",
        rows.BFCL_TURNS,
        "tool_turns",
        {
            "turns": [
                [{"name": "weather", "arguments": {"place": "Turin"}}],
                [{"name": "weather", "arguments": {"place": "Turin", "days": 2}}],
            ],
            "classes": ["WeatherAPI"],
            "initial_config": {"WeatherAPI": {"sun": True}},
            "long_context": False,
        },
        "gorilla-llm/Berkeley-Function-Calling-Leaderboard",
        metadata={"category": "multi_turn_base"},
    ),
    Case("bfcl", {**rows.BFCL, "id": "live_irrelevance_3-0-0"}, "tool", []),
    Case("openr1", rows.OPENR1, "math", "5", metadata={"subset": "olympiads"}),
    Case("synthetic-1", rows.SYNTHETIC_MATH, "math", "36", metadata={"solution": "It is $36$."}),
    Case("synthetic-1", rows.SYNTHETIC_CODE, "code", stdio(("4\n", "8\n"), ("-1\n", "-2\n"))),
    Case("numina", rows.NUMINA, "math", "6", "AI-MO/NuminaMath-1.5", {"subset": "cn_k12"}),
    Case("numina", rows.NUMINA_COT, "math", "7", "AI-MO/NuminaMath-CoT"),
    Case("big-math", rows.BIG_MATH, "math", "3"),
    Case("verl", rows.DAPO, "math", "4", "BytedTsinghua-SIA/DAPO-Math-17k"),
    Case("verl", rows.VERL_CODE, "code", stdio(("1 2\n", "3\n"), ("5\n", "5\n")), "taco"),
    Case("skywork", rows.SKYWORK_MATH, "math", "32", metadata={"answers": ["2^5"]}),
    Case(
        "skywork",
        rows.SKYWORK_CODE,
        "code",
        {
            "kind": "check",
            "entry_point": "Solution().half",
            "source": "from typing import *\n\ndef check(candidate):\n"
            "    assert candidate(4) == 2\n    assert candidate(n = 10) == 5\n\n",
            "language": "python",
        },
    ),
    Case(
        "mbpp", rows.MBPP, "code", script("assert larger(1, 2) == 2", "assert larger(5, -5) == 5")
    ),
    Case(
        "mbpp",
        rows.MBPP_SANITIZED,
        "code",
        script("import math", "assert root(9) == 3", "assert root(16) == math.isqrt(16)"),
    ),
    Case("apps", rows.APPS_STDIN, "code", stdio(("3\n", "9\n"), ("4", "16"))),
    Case(
        "apps",
        {("id" if name == "problem_id" else name): one for name, one in rows.APPS_STDIN.items()},
        "code",
        stdio(("3\n", "9\n"), ("4", "16")),
    ),
    Case("apps", rows.APPS_CALLS, "code", calls("order", ([[2, 1]], [1, 2]), ([[3]], [3]))),
    Case("taco", rows.TACO, "code", stdio(("a b\n", "2\n"), ("c\n", "1\n")), "BAAI/TACO"),
    Case("livecodebench", rows.LIVECODEBENCH, "code", stdio(("1 2\n", "3\n"), ("5 6\n", "11\n"))),
    Case(
        "livecodebench",
        rows.LIVECODEBENCH_CALLS,
        "code",
        calls("largest", ([[1, 2, 3], 2], 5), ([[9], 1], 9)),
    ),
    Case(
        "kodcode",
        rows.KODCODE,
        "code",
        {"kind": "harness", "source": rows.KODCODE["test"], "language": "python"},
        metadata={"level": "easy"},
    ),
    Case("acecode", rows.ACECODE, "code", script(*rows.ACECODE["test_cases"])),
    Case(
        "acecode", rows.ACECODE_2, "code", script("assert f(1) == 1"), "TIGER-Lab/AceCode-V2-122K"
    ),
    Case("xlam", rows.XLAM, "tool", [{"name": "giveaways", "arguments": {"type": "beta"}}]),
    Case(
        "toolace", rows.TOOLACE, "tool", [{"name": "Get Trends", "arguments": {"market": "Milan"}}]
    ),
    Case("hermes", rows.HERMES, "tool", CONVERTED, metadata={"category": "Finance"}),
    Case(
        "tulu-if",
        rows.TULU_IF,
        "text",
        [
            {"id": "length_constraints:number_words", "num_words": 18, "relation": "at least"},
            {"id": "length_constraints:number_words", "num_words": 23, "relation": "less than"},
        ],
    ),
    Case(
        "tulu-if",
        rows.TULU_MULTI,
        "text",
        [
            {"id": "punctuation:no_comma"},
            {"id": "length_constraints:number_words", "num_words": 5, "relation": "at least"},
        ],
    ),
    Case("tulu-if", rows.TULU_MATH, "math", "6"),
    Case("ifeval", rows.IFEVAL, "text", [{"id": "punctuation:no_comma"}], "google/IFEval"),
    Case("plain", rows.PLAIN, "math", "4", metadata={"hardness": 1}),
    Case("plain", rows.PLAIN_TOOL, "tool", CONVERTED),
    Case("chat", rows.CHAT_TOOL, "tool", CONVERTED),
]


def written(path: Path, *held: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in held), encoding="utf-8")
    return path


def read(path: Path, held: Sequence[dict[str, Any]], format: str = "auto") -> list[Record]:
    return list(open_source(written(path / "rows.jsonl", *held), format=format).records())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}-{case.task}")
def test_a_row_is_recognised_and_becomes_a_record_that_can_be_trained_on(
    case: Case, tmp_path: Path
) -> None:
    opened = open_source(written(tmp_path / "rows.jsonl", case.row, case.row))
    assert (opened.format.name, bool(opened.recognised_by)) == (case.format, True)
    records = list(opened.records())
    one = records[0]
    assert records[len(records) // 2 :] == records[: len(records) // 2]
    assert (one.task, one.reference) == (case.task, case.reference)
    assert case.source in (one.source, "")
    assert case.metadata.items() <= one.metadata.items()
    named = open_source(tmp_path / "rows.jsonl", format=case.format)
    assert list(named.records()) == records
    distinct = records[: len(records) // 2]
    write_records(tmp_path / "records.parquet", distinct)
    prompts = load_prompts(tmp_path / "records.parquet")
    assert len(prompts) == len(distinct)
    assert not [miss.verdict.reason for miss in refused(prompts, RUBRIC)]


# Lists of allowed values are of several types, which no table holds.
TABULAR = [case for case in CASES if case.format != "bfcl" or "ground_truth" not in case.row]


@pytest.mark.parametrize("case", TABULAR, ids=lambda case: f"{case.format}-{case.task}")
def test_a_row_in_parquet_says_the_same(case: Case, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist([case.row])
    parquet.write_table(table, tmp_path / "rows.parquet")
    opened = open_source(tmp_path / "rows.parquet")
    assert (opened.format.name, list(opened.records())) == (case.format, read(tmp_path, [case.row]))


def test_no_format_knows_the_rows_of_another() -> None:
    for case in CASES:
        knowing = [f.name for f in BUILT_IN if f.matches(case.row)]
        knowing = knowing or [f.name for f in GENERAL if f.matches(case.row)][:1]
        assert knowing == [case.format]


def test_every_format_has_a_row_here() -> None:
    assert {format.name for format in (*BUILT_IN, *GENERAL)} - {"records"} == {
        case.format for case in CASES
    }


def test_records_are_read_again_as_they_are(tmp_path: Path) -> None:
    made = read(tmp_path, [rows.GSM8K])
    write_records(tmp_path / "records.jsonl", made)
    opened = open_source(tmp_path / "records.jsonl")
    assert opened.format.name == "records"
    assert list(opened.records()) == made


@pytest.mark.parametrize("place", ["possible_answer/q.json", "q.answers.json"])
def test_answers_of_bfcl_are_found_beside_its_questions(place: str, tmp_path: Path) -> None:
    (tmp_path / "possible_answer").mkdir()
    name = "q.questions.json" if "answers" in place else "q.json"
    questions = written(tmp_path / name, rows.BFCL, {**rows.BFCL, "id": "simple_python_1"})
    with pytest.raises(RowError, match=r"line 1: there is no answer .*possible_answer"):
        next(open_source(questions).records())
    written(tmp_path / place, rows.BFCL_ANSWER, {**rows.BFCL_ANSWER, "id": "simple_python_7"})
    records = open_source(questions).records()
    assert next(records).reference == rows.BFCL_ANSWER["ground_truth"]
    with pytest.raises(RowError, match="line 2: there is no answer for 'simple_python_1'"):
        next(records)


@pytest.mark.parametrize(
    ("format", "row", "said"),
    [
        ("gsm8k", {**rows.GSM8K, "question": None}, "column 'question' holds None where text"),
        ("gsm8k", {**rows.GSM8K, "answer": "42"}, "column 'answer' does not end in ####"),
        ("humaneval", {**rows.HUMANEVAL, "test": 3}, "column 'test' holds 3"),
        ("humaneval", {**rows.HUMANEVAL, "task_id": 1.5}, "column 'task_id' holds 1.5"),
        ("bfcl", {**rows.BFCL, "question": [rows.BFCL["question"][0]] * 2}, "has 2 turns"),
        ("bfcl", {**rows.BFCL, "ground_truth": ["f(x=1)"]}, "ground_truth of 'simple_python_0'"),
    ],
)
def test_a_broken_row_says_line_and_column(
    format: str, row: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(RowError) as raised:
        read(tmp_path, [row], format)
    assert f"rows.jsonl line 1: {said}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_known_to_none_or_to_several_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"of no known format; its columns are colour\. .*gsm8k"):
        read(tmp_path, [{"colour": "red"}])
    both = {**rows.GSM8K, **rows.MATH}
    with pytest.raises(SourceError, match=r"several formats: gsm8k \(it has .*\); math \("):
        read(tmp_path, [both])
    with pytest.raises(SourceError, match=r"no format is called 'gms8k'; did you mean 'gsm8k'"):
        read(tmp_path, [rows.GSM8K], "gms8k")
    with pytest.raises(SourceError, match="of no known format"):
        read(tmp_path, [rows.GSM8K, rows.HUMANEVAL])


OWN = """
from data.formats.fields import record, text, user


class Riddles:
    name, tasks, licence = "riddles", ("math",), "MIT"

    def matches(self, columns):
        if not {"riddle", "solved"} <= set(columns):
            return None
        return "riddle and solved" if len(columns["riddle"]) > 1 else None

    def records(self, row):
        yield record(
            row, user(text(row, "riddle")), "math", text(row, "solved"),
            source="riddles", licence=self.licence,
        )


class Half:
    name = "half"
"""


def test_a_format_of_the_users_own_is_named_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    (made,) = read(tmp_path, [{"riddle": "What is 1 + 1?", "solved": "2"}], f"{file}:Riddles")
    assert (made.reference, made.licence, made.source) == ("2", "MIT", "riddles")
    with pytest.raises(SourceError, match="it lacks tasks, licence, matches, records"):
        format_named(f"{file}:Half")
    with pytest.raises(SourceError, match="has no format 'None_'"):
        format_named(f"{file}:None_")


def test_a_format_of_a_package_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "riddle_package.py").write_text(OWN)
    info = tmp_path / "riddle_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: riddle-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[plumb.formats]\nriddles = riddle_package:Riddles\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    opened = open_source(written(tmp_path / "r.jsonl", {"riddle": "1 + 1?", "solved": "2"}))
    assert (opened.format.name, opened.recognised_by) == ("riddles", "riddle and solved")
    assert format_named("riddles").name == "riddles"
    with pytest.raises(SourceError, match=r"'riddles' failed to say .*TypeError"):
        open_source(written(tmp_path / "r.jsonl", {"riddle": None, "solved": "2"}))


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("b", "a"):
        written(folder / f"{name}.jsonl", {**rows.GSM8K, "id": name})
    assert [r.source_id for r in open_source(folder).records()] == ["a", "b"]
    (folder / "c.parquet").touch()
    with pytest.raises(SourceError, match=r"several kinds \(.jsonl, .parquet\)"):
        open_source(folder)


def test_a_name_that_is_neither_a_path_nor_on_the_hub_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    with pytest.raises(SourceError, match=r"rows\.jsonl: there is no such file"):
        open_source(tmp_path / "rows.jsonl")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match=r"cannot be reached: .*HF_HUB_OFFLINE=1") as raised:
        open_source("nobody/nothing", name="main", split="train")
    assert "\n" not in str(raised.value)
    file = written(tmp_path / "rows.jsonl", rows.GSM8K)
    with pytest.raises(SourceError, match="--split, --revision is for data sets of the hub"):
        open_source(file, split="train", revision="main")


def test_a_folder_of_questions_is_read_with_the_answers_beside_each(tmp_path: Path) -> None:
    for category in ("simple", "multiple"):
        name = {"id": f"{category}_0"}
        written(tmp_path / f"{category}.questions.jsonl", {**rows.BFCL, **name})
        written(tmp_path / f"{category}.answers.jsonl", {**rows.BFCL_ANSWER, **name})
    written(tmp_path / "irrelevance.questions.jsonl", {**rows.BFCL, "id": "irrelevance_0"})
    found = {one.source_id: bool(one.reference) for one in open_source(tmp_path).records()}
    assert found == {"irrelevance_0": False, "multiple_0": True, "simple_0": True}


def test_of_a_copy_of_a_data_set_one_split_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "README.md").write_text("A data set.")
    for name in ("train-00001-of-00002", "train-00000-of-00002", "test-00000-of-00001"):
        written(folder / f"{name}.jsonl", {**rows.GSM8K, "id": name})
    read = [one.source_id for one in open_source(tmp_path, split="train").records()]
    assert read == ["train-00000-of-00002", "train-00001-of-00002"]
    with pytest.raises(SourceError, match="several splits; there are test, train; choose with"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match="no split 'dev'; there are test, train"):
        open_source(tmp_path, split="dev")
    (tmp_path / "main").mkdir()
    folder.rename(tmp_path / "main" / "data")
    with pytest.raises(SourceError, match="holds no data files; its folders are main"):
        open_source(tmp_path)


def test_a_folder_that_plumb_wrote_is_its_parts(tmp_path: Path) -> None:
    made = read(tmp_path, [rows.GSM8K])
    out = tmp_path / "out"
    write_records(out / "part_000000.parquet", made)
    (out / "manifest.json").write_text("{}")
    assert list(open_source(out).records()) == made
