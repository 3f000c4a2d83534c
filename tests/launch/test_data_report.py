"""The report of a data set counts what its files hold, and shows rows as text."""

import json
from pathlib import Path

import pyarrow
import pytest
from typer.testing import CliRunner

from data.records import table_of, write_table
from data.report_facts import gather
from data.schema import PassRate, Record
from launch.cli import app

HOSTILE = "<script>document.title = 'run'</script>"


def record(text: str, correct: int | None = None) -> Record:
    rate = None if correct is None else PassRate(k=5, correct=correct, model="m")
    message = {"role": "user", "content": text}
    return Record(messages=(message,), task="math", reference="4", source="s", pass_rate=rate)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a pipeline left: four rows kept, five dropped for two reasons."""
    out = tmp_path / "curated"
    (out / "dropped").mkdir(parents=True)
    write_table(out / "part_000000.parquet", table_of([record("1+3", 5), record("2+2", 2)]))
    write_table(out / "part_000001.parquet", table_of([record("x" * 99, 0), record("0+4")]))
    lost = table_of([record(f"{HOSTILE} {number}") for number in range(5)])
    for name, values in {
        "stage": ["proofs"] * 4 + ["figures"],
        "reason": ["asks for a proof"] * 4 + ["a figure is missing"],
        "detail": [HOSTILE] * 5,
    }.items():
        lost = lost.append_column(name, pyarrow.array(values))
    write_table(out / "dropped" / "part_000000.parquet", lost)
    stages = [
        {"name": "proofs", "in": 9, "kept": 5, "dropped": {"asks for a proof": 4}},
        {"name": "figures", "in": 5, "kept": 4, "dropped": {"a figure is missing": 1}},
    ]
    manifest = {"counts": {"read": 9, "kept": 4, "bad": 2}, "stages": stages}
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


def test_everything_is_counted(folder: Path) -> None:
    facts = gather(folder)
    assert (facts.kept, facts.tasks["math"]) == (4, 4)
    assert dict(facts.strata) == {"easy": 1, "medium": 1, "hard": 1, "not measured": 1}
    assert dict(facts.rates) == {1.0: 1, 0.4: 1, 0.0: 1}
    assert sum(facts.lengths.values()) == 4
    assert [(s.name, s.came, s.kept) for s in facts.steps] == [
        ("read", 11, 9),
        ("proofs", 9, 5),
        ("figures", 5, 4),
    ]
    proofs = facts.examples["proofs", "asks for a proof"]
    assert [one.request for one in proofs] == [f"{HOSTILE} {number}" for number in range(3)]


def test_the_page_shows_rows_as_text(folder: Path) -> None:
    result = CliRunner().invoke(app, ["data", "report", str(folder)])
    assert result.exit_code == 0, result.output
    page = (folder / "report.html").read_text()
    assert "asks for a proof" in page and "4 of 11" not in page
    assert HOSTILE not in page
    assert "&lt;script&gt;document.title" in page


def test_another_folder_is_said_in_a_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["data", "report", str(tmp_path)])
    assert result.exit_code != 0
    assert "has no manifest.json" in result.output
    assert "Traceback" not in result.output
