"""`plumb judge calibrate`: labelled rows in, numbers and a page out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs
from typer.testing import CliRunner, Result

from launch.cli import app
from tests.fake_judge import Answer, Body, FakeJudge, fake_judge, grades

MESSAGES = [{"role": "user", "content": "Why?"}]
HOSTILE = "<img src=x onerror=alert(1)>"
GOODNESS = re.compile(r"goodness (\d+)")


def answered(body: Body) -> Answer:
    """A judge that grades one too low, prefers the better answer, and else what is first."""
    shown = body["messages"][1]["content"]
    found = [int(one) for one in GOODNESS.findall(shown)]
    if not found:
        return "I would rather not say."
    if "<<<SECOND" in shown:
        return json.dumps({"better": "second" if found[1] > found[0] else "first"})
    return grades(max(0, found[0] - 1))


def rows() -> list[dict[str, Any]]:
    answers = [
        {"id": n, "messages": MESSAGES, "response": f"goodness {n} " + "x" * n, "label": n}
        for n in range(1, 11)
    ]
    pairs = [
        {"id": "a", "messages": [], "first": "goodness 1", "second": "goodness 2"}
        | {"label": "second"},
        {"id": "b", "messages": [], "first": "goodness 3", "second": "goodness 3", "label": "tie"},
    ]
    answers[4]["id"] = HOSTILE
    silent = {"id": "silent", "messages": [], "response": "", "label": 3}
    return [*answers, *pairs, silent]


def run(folder: Path, lines: list[Any], fake: FakeJudge, *arguments: str) -> Result:
    path = folder / "labelled.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    options = ["--url", fake.url, "--patience", "0.5", *arguments]
    return CliRunner().invoke(app, ["judge", "calibrate", str(path), *options])


def line_of(output: str, label: str) -> str:
    return next(line for line in output.splitlines() if line.strip().startswith(label))


def test_numbers_and_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with fake_judge(answered) as fake:
        result = run(tmp_path, rows(), fake, "--votes", "2", "--plot", str(page))
    assert result.exit_code == 0, result.output
    for label, value in {
        "answers": "10",
        "Pearson": "1.00",
        "mean error": "-1.00",
        "within one point": "100%",
        "unanimous": "100%",
        "pairs": "2",
        "agreed": "100%",
        "flipped": "50%",
        "ungradable": "1",
    }.items():
        assert f" {value} " in line_of(result.output, label), label
    assert "unreadable grade" in result.output
    own = page.read_text().replace(get_plotlyjs(), "")
    assert "Bias by length" in own and "Bias by position" in own and "goodness" not in own
    is_shown, is_run = "&lt;img src=x" in own, HOSTILE in own
    assert (is_shown, is_run, "http://" in own.replace(fake.url, "")) == (True, False, False)


def test_what_is_wrong_with_a_row_is_one_line(tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "label: ": {"id": 1, "messages": [], "response": "x", "label": "good"},
        "the label 11 is not on the rubric's scale": {**rows()[0], "label": 11},
        "response: Field required": {"id": 1, "messages": [], "label": 1},
        "label: Input should be 'first'": {**rows()[10], "label": "left"},
        "second: Input should be": {**rows()[10], "second": 5, "metadata": {"response": 1}},
    }
    with fake_judge(answered) as fake:
        for message, row in wrong.items():
            result = run(tmp_path, [rows()[0], row], fake)
            assert result.exit_code == 1
            assert message in result.output and "line 2" in result.output
            assert len(result.output.strip().splitlines()) == 1
        assert run(tmp_path, [], fake).exit_code == 1
    assert fake.bodies == []


@pytest.mark.parametrize("is_down", [True, False])
def test_a_judge_that_does_not_grade(tmp_path: Path, is_down: bool) -> None:
    with fake_judge(lambda _: (503, {})) as fake:
        if is_down:
            fake.stop()
        result = run(tmp_path, rows(), fake)
    assert result.exit_code == 1
    assert fake.url in result.output
    if is_down:
        assert len(result.output.strip().splitlines()) == 1
    else:
        assert "HTTP 503" in result.output and " 13 " in line_of(result.output, "ungradable")


def test_options_that_contradict(tmp_path: Path) -> None:
    with fake_judge(answered) as fake:
        result = run(tmp_path, rows(), fake, "--votes", "3", "--temperature", "0")
    assert result.exit_code != 0 and "several votes at temperature 0" in result.output
