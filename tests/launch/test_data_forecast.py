"""`plumb data mix` and `plumb data forecast` as commands: what they print and write."""

import json
import random
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.records import write_records
from data.schema import PassRate, Record
from launch.commands.data.app import data_app

CONFIG = """
sampler: {prompts_per_step: 16, samples_per_prompt: 8, max_lag: 0}
train: {steps: 30}
"""


def called(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(data_app, [str(one) for one in arguments])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = random.Random(0)
    records = []
    for number in range(400):
        rate = draw.choice([0.0, 0.3, 0.6, 1.0])
        correct = sum(draw.random() < rate for _ in range(5))
        records.append(
            Record(
                messages=({"role": "user", "content": f"<script>alert({number})</script>"},),
                task="math",
                reference="1",
                pass_rate=PassRate(k=5, correct=correct, model="m"),
                metadata={"difficulty": {"response_tokens": 20}},
            )
        )
    folder = tmp_path_factory.mktemp("data") / "measured"
    write_records(folder / "part_000000.parquet", records)
    return folder


class Page(HTMLParser):
    """The charts' numbers, and whatever a page would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.charts = ""
        self.fetched: list[str] = []
        self._is_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._is_data = named.get("id") == "charts"
        self.fetched += [f"{tag} {value}" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self._is_data:
            self.charts += data
            self._is_data = False


def test_from_measured_records_to_a_mix_and_its_cost(measured: Path, tmp_path: Path) -> None:
    mix = tmp_path / "mix"
    code, said = called("mix", measured, "--out", mix, "--size", 150)
    assert code == 0, said
    assert "short:" not in said
    assert f"150 of 400 records in {mix}" in said
    assert f"data.train={mix} data.shuffle=false" in said
    code, said = called("mix", measured, "--out", tmp_path / "more", "--size", 1000)
    assert "short: hard: wanted 333, there are 1" in said
    assert "are lacking" in said

    config = tmp_path / "run.yaml"
    config.write_text(CONFIG)
    page = tmp_path / "f.html"
    cluster = (
        "--gpus", 4, "--tokens-per-second", 500, "--learner-tokens-per-second", 900,
    )  # fmt: skip
    code, said = called(
        "forecast", mix, "--prior", measured, "--config", config, "--out", page,
        "--path", "0:0.4,30:0.8", *cluster,
    )  # fmt: skip
    assert code == 0, said
    assert "150 prompts" in said
    assert "16 groups of 8 a step, max_lag 0" in said
    assert "GPU-hours" in said
    assert "best use of the data: groups of" in said
    text = page.read_text()
    found = Page(text)
    assert found.fetched == []
    charts = json.loads(found.charts)
    assert len(charts) == 6
    steps = charts[2]["traces"][0]["x"]
    assert steps == list(range(1, 31))
    assert all(sum(t["y"][i] for t in charts[1]["traces"]) == pytest.approx(1, abs=1e-3)
               for i in range(30))  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gpus", 4], "give --tokens-per-second and --learner-tokens-per-second, or a --run"),
        (["--path", "0.5"], "write STEP:PASS_RATE"),
        (["--run", "nowhere"], "nowhere/metrics.jsonl: cannot be read"),
        (["--group", 1], "group is 1; give 2 or more"),
        (["--epochs", 0], "epochs is 0; give 1 or more"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: list[object], said: str, measured: Path, tmp_path: Path
) -> None:
    code, output = called("forecast", measured, "--out", tmp_path / "f.html", *arguments)
    assert code == 1
    (line,) = [line for line in output.splitlines() if line.startswith("plumb: ")]
    assert said in line


def test_records_that_were_not_measured_are_said(tmp_path: Path) -> None:
    source = tmp_path / "plain.jsonl"
    source.write_text('{"prompt": "p", "reference": "1"}\n')
    code, output = called("forecast", source, "--out", tmp_path / "f.html")
    assert code == 1
    assert "measure them first by plumb data difficulty" in output


def test_speeds_are_those_of_a_run(measured: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    rows = [
        {
            "step": step,
            "tokens": {"sampled": 3000, "trained": 2000},
            "response_tokens_mean": 15.0,
            "idle": {"engines": 0.5},
            "seconds": {"total": 8.0, "learn": 2.0, "sync": 0.5, "record": 0.25, "grade": 0.25},
        }
        for step in range(1, 5)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run / "metrics.jsonl").write_text('{"step": 0}\n' + text + '{"step": 5, "tok')
    (run / "config.yaml").write_text("rollout: {engines: 3}\n")
    from data.forecast_cost import measured as speeds

    found = speeds(run)
    assert (found.engine_speed, found.learner_speed) == (250, 1000)
    assert (found.fixed, found.engines, found.response_tokens) == (1.0, 3, 15)
    code, said = called("forecast", measured, "--run", run, "--out", tmp_path / "f.html",
                        "--batch", 8, "--group", 4, "--steps", 2)  # fmt: skip
    assert code == 0, said
    assert "on 4 GPUs" in said


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "model.path is builtin:tiny, which a run makes: give --model"),
        (["--model", "nowhere/at/all"], 1, "nowhere/at/all does not exist"),
        (["--model", "{model}", "-k", 0], 1, "-k is 0; ask each prompt at least once"),
        (["--model", "{model}", "--verifier", "none.py:f"], 1, "none.py"),
        (["--model", "{model}", "rollout.temprature=1"], 2, "did you mean rollout.temperature?"),
        (["--model", "{model}", "data.template=x"], 1, "has no place for the prompt"),
    ],
)
def test_a_measurement_that_cannot_be_is_refused_before_an_engine_starts(
    arguments: list[object], code: int, said: str, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    named = [str(one).format(model=model) for one in arguments]
    found, output = called(
        "difficulty", "builtin:arithmetic?max=9", *named, "--out", tmp_path / "out"
    )
    assert found == code, output
    (line,) = [line for line in output.splitlines() if line.startswith("plumb: ")]
    assert said in line
