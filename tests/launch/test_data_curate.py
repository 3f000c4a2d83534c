"""`plumb data curate`: from rows in public formats to a folder that training reads."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from data.records import read_records
from data.sources import load_prompts
from launch.cli import app
from tests.processes import is_alive

GSM8K = [
    {"question": f"Ann has {n} pens and buys {n + 2} more. How many has she now?",
     "answer": f"{n} + {n + 2} = {2 * n + 2}\n#### {2 * n + 2}"}
    for n in range(2, 40)
]  # fmt: skip
TOOLS = [
    {
        "id": f"simple_{n}",
        "question": [[{"role": "user", "content": f"Add {n} and 4."}]],
        "function": [
            {
                "name": "add",
                "description": "Adds.",
                "parameters": {
                    "type": "dict",
                    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                    "required": ["a", "b"],
                },
            }
        ],
        "ground_truth": [{"add": {"a": [n], "b": [4]}}],
    }
    for n in range(3)
]


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def curate(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", "curate", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def content(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "timing.json"]
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files}


def test_rows_of_several_formats_become_one_folder(tmp_path: Path) -> None:
    proof = {"question": "Prove that 2 is prime.", "answer": "It is.\n#### proof"}
    pens = lines(tmp_path / "pens.jsonl", [*GSM8K, proof])
    tools = lines(tmp_path / "tools.jsonl", TOOLS)
    out = tmp_path / "out"
    code, said = curate(pens, tools, "--out", out, "--workers", 1, "--block-rows", 16)
    assert code == 0, said
    assert "format gsm8k, recognised by" in said and "format bfcl, recognised by" in said
    assert "next: plumb data report" in said
    records = list(read_records(out))
    assert [record.task for record in records] == ["math"] * len(GSM8K) + ["tool"] * 3
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["dropped"] == {"math questions": {"proof": 1}}
    assert [one["name"] for one in manifest["format"]["inputs"]] == ["gsm8k", "bfcl"]
    assert [one["rows"] for one in manifest["input"]] == [len(GSM8K) + 1, 3]
    assert len(load_prompts(out)) == len(records)
    before = content(out)
    code, _ = curate(pens, tools, "--out", out, "--workers", 1, "--block-rows", 16)
    assert code == 0 and content(out) == before


def test_one_task_of_several_is_kept(tmp_path: Path) -> None:
    pens, tools = lines(tmp_path / "a.jsonl", GSM8K[:4]), lines(tmp_path / "b.jsonl", TOOLS)
    out = tmp_path / "out"
    code, said = curate(pens, tools, "--out", out, "--workers", 1, "--task", "tool")
    assert code == 0, said
    assert {record.task for record in read_records(out)} == {"tool"}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["dropped"] == {"task": {"another task": 4}}


def test_one_of_each_is_kept_and_none_that_is_evaluated(tmp_path: Path) -> None:
    asked = "A farmer has {} hens and each lays {} eggs a day; how many eggs are laid in a week?"
    hens = [
        {"question": asked.format(n, n + 1), "answer": f"so\n#### {7 * n * (n + 1)}"}
        for n in range(2, 12)
    ]
    spaced = {**hens[3], "question": hens[3]["question"].replace(" ", "  ").upper()}
    wrong = {**hens[5], "answer": "so\n#### 3"}
    raw = lines(tmp_path / "raw.jsonl", [*hens, *GSM8K, spaced, wrong])
    test = lines(tmp_path / "test.jsonl", [GSM8K[7]])
    out = tmp_path / "out"
    options = ("--workers", 1, "--block-rows", 8, "--against", f"pens={test}")
    code, said = curate(raw, "--out", out, *options)
    assert code == 0, said
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["dropped"] == {
        "duplicates": {"exact duplicate": 1},
        "contamination": {"in pens": 1},
    }
    reason = "same question, different references"
    assert manifest["counts"]["review"] == {"duplicates": {reason: 2}}
    assert [stage["name"] for stage in manifest["stages"]][-2:] == ["duplicates", "contamination"]
    assert manifest["contamination"] == {"pens": 1}
    assert manifest["duplicates"]["clusters"] == {"2": 1}
    questions = [record.request() for record in read_records(out)]
    assert len(questions) == len(set(questions)) == len(hens) + len(GSM8K) - 2
    assert GSM8K[7]["question"] not in questions
    assert not (out / ".work").exists()
    before = content(out)
    for part in ("part_000001.parquet", "manifest.json"):
        (out / part).unlink()
        options = (*options, "--overwrite")
        code, _ = curate(raw, "--out", out, *options)
        assert code == 0 and content(out) == before
    lines(test, [GSM8K[8]])
    code, said = curate(raw, "--out", out, *options[:-2])
    assert code == 1 and "its configuration differs in stages" in said


def test_bad_rows_stop_with_a_line_or_are_counted(tmp_path: Path) -> None:
    raw = lines(tmp_path / "raw.jsonl", [*GSM8K[:3], {"question": 4, "answer": "#### 4"}])
    out = tmp_path / "out"
    code, said = curate(raw, "--out", out, "--workers", 1)
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("plumb:")]
    assert "raw.jsonl line 4: column 'question' holds 4" in line
    assert line.endswith("or add --on-bad skip, which sets such rows aside in bad.jsonl")
    code, said = curate(raw, "--out", out, "--workers", 1, "--on-bad", "skip")
    assert code == 0 and "could not be read" in said
    (bad,) = [json.loads(line) for line in (out / "bad.jsonl").read_text().splitlines()]
    assert bad["row"]["question"] == 4


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("nowhere.jsonl",), "there is no such file"),
        (("RAW", "--task", "poems"), "--task poems is none of auto, math, code, tool, text"),
        (("RAW", "--format", "gsm9k"), "did you mean 'gsm8k'?"),
        (("RAW", "--split", "test"), "--split is for data sets of the hub, and none is given"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    raw = lines(tmp_path / "raw.jsonl", GSM8K[:3])
    given = [str(raw) if one == "RAW" else one for one in arguments]
    code, said = curate(*given, "--out", tmp_path / "out")
    assert code == 1
    (found,) = [one for one in said.splitlines() if one.startswith("plumb:")]
    assert line in found


def test_a_format_of_the_users_own_is_read_by_every_process(tmp_path: Path) -> None:
    own = tmp_path / "riddles.py"
    own.write_text(
        "from data.formats.fields import record, text, user\n\n\n"
        "class Riddles:\n"
        '    name, tasks, licence = "riddles", ("math",), "MIT"\n\n'
        "    def matches(self, columns):\n"
        '        return "riddle" if "riddle" in columns else None\n\n'
        "    def records(self, row):\n"
        '        yield record(row, user(text(row, "riddle")), "math", text(row, "solved"),\n'
        '                     source="riddles", licence=self.licence)\n'
    )
    rows = [{"riddle": f"What is {n} plus {n}?", "solved": str(2 * n)} for n in range(40)]
    raw = lines(tmp_path / "raw.jsonl", rows)
    out = tmp_path / "out"
    code, said = curate(
        raw, "--out", out, "--format", f"{own}:Riddles", "--workers", 2, "--block-rows", 20
    )
    assert code == 0, said
    assert len(list(read_records(out))) == 40


HELD = """
import time
from pathlib import Path
from data.formats.gsm8k import Gsm8k


class Held(Gsm8k):
    name = "held"

    def records(self, row):
        while row.number > 400 and Path({hold!r}).exists():
            time.sleep(0.05)
        yield from super().records(row)
"""


def held(folder: Path) -> tuple[Path, list[str]]:
    """A file, and options by which half of the rows are not read while it is there."""
    hold, own = folder / "hold", folder / "held.py"
    own.write_text(HELD.format(hold=str(hold)))
    return hold, ["--format", f"{own}:Held"]


def test_killed_with_its_processes_and_begun_again_it_writes_the_same(tmp_path: Path) -> None:
    raw = lines(tmp_path / "raw.jsonl", GSM8K * 20)
    hold, options = held(tmp_path)
    options += ["--workers", "2", "--block-rows", "40"]
    whole, out = tmp_path / "whole", tmp_path / "out"
    code, said = curate(raw, "--out", whole, *options)
    assert code == 0, said
    hold.touch()
    command = [sys.executable, "-m", "launch.cli", "data", "curate", str(raw), "--out", str(out)]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, start_new_session=True
    )
    wait_for_parts(out, 3, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert len(workers) >= 2
    wait_until_gone(workers)
    assert not (out / "manifest.json").exists()
    hold.unlink()
    code, said = curate(raw, "--out", out, *options)
    assert code == 0, said
    assert content(out) == content(whole)


def test_terminated_it_says_so_in_a_line_and_leaves_no_process(tmp_path: Path) -> None:
    raw = lines(tmp_path / "raw.jsonl", GSM8K * 20)
    out = tmp_path / "out"
    hold, options = held(tmp_path)
    hold.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "launch.cli", "data", "curate", str(raw), "--out", str(out),
         "--workers", "1", "--block-rows", "20", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    wait_for_parts(out, 2, process)
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143
    assert said.decode().splitlines()[-1] == (
        f"plumb: terminated; {out} keeps what is done: run it again to go on"
    )
    assert "Traceback" not in said.decode()


def wait_for_parts(out: Path, parts: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 240
    while len(list(out.rglob("part_*.parquet"))) < parts:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_until_gone(processes: Sequence[psutil.Process]) -> None:
    deadline = time.monotonic() + 120
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline, "processes outlived the one that started them"
        time.sleep(0.05)


def test_questions_without_an_answer_may_go_on_to_be_answered(tmp_path: Path) -> None:
    rows = [
        {"problem": f"Find ${n}x$.", "level": "Level 1", "type": "Algebra", "solution": solution}
        for n, solution in ((2, "So it is."), (3, "It is \\boxed{3x}."))
    ]
    source = lines(tmp_path / "rows.jsonl", rows)
    for without, references in (("drop", ["3x"]), ("keep", [None, "3x"])):
        out = tmp_path / without
        code, said = curate(source, "--out", out, "--workers", 1, "--without-reference", without)
        assert code == 0, said
        assert [record.reference for record in read_records(out)] == references
