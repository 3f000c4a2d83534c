"""`plumb eval compare`: a paired bootstrap of two results on the same prompts."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launch.evaluate.compare import bootstrap, compare, read_result, show_comparison
from launch.evaluate.results import RESULTS
from rl.errors import ConfigError, PlumbError
from tests.fake_judge import fake_judge
from tests.launch.eval_world import ROWS, Body, evaluated, quick, write_set


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_the_interval_holds_the_mean_and_turns_with_the_sides(gaps: list[float]) -> None:
    values = np.array(gaps)
    low, high, p = bootstrap(values, 500)
    assert low - 1e-9 <= values.mean() <= high + 1e-9
    assert 0 < p <= 1
    turned = bootstrap(-values, 500)
    assert turned[:2] == pytest.approx((-high, -low))
    assert turned[2] == p


def test_pairs_show_what_two_separate_intervals_hide() -> None:
    draw = np.random.default_rng(1)
    hard = draw.random(400)
    a = (draw.random(400) < hard).astype(float)
    b = a.copy()
    b[np.flatnonzero(a == 0)[:20]] = 1.0  # right wherever a is, and on 20 more
    low, high, p = bootstrap(b - a)
    assert 0.02 < low < 0.05 < high < 0.08
    assert p < 0.001


def test_no_difference_is_no_evidence() -> None:
    assert bootstrap(np.zeros(50)) == (0.0, 0.0, 1.0)
    low, high, p = bootstrap(np.array([1.0, -1.0] * 40))
    assert low < 0 < high
    assert p > 0.5


def test_the_interval_is_that_of_the_normal_law_where_there_are_many() -> None:
    gaps = np.random.default_rng(0).normal(0.1, 1.0, 2000)
    low, high, _ = bootstrap(gaps)
    half = 1.96 * gaps.std() / np.sqrt(len(gaps))
    assert low == pytest.approx(gaps.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(gaps.mean() + half, abs=0.1 * half)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Evaluations of one endpoint as several models."""
    folder = tmp_path_factory.mktemp("compare")
    rows = [{**ROWS["gsm8k"][0], "question": f"Problem {i}?"} for i in range(20)]
    other = [{**row, "question": f"Other {i}?"} for i, row in enumerate(rows)]

    def answer(body: Body) -> str:
        number = int(body["messages"][0]["content"].split()[1].partition("?")[0])
        right = number < (10 if body["model"] == "weak" else 18)
        return r"\boxed{42}" if right else r"\boxed{1}"

    with fake_judge(answer) as model:
        model.models = {"weak": "", "strong": ""}
        for name, sets, k in (
            ("weak", {"one": rows, "two": rows[:5]}, "1"),
            ("strong", {"one": rows, "two": rows[:5]}, "1"),
            ("fewer", {"one": rows[:12], "two": rows[:5]}, "1"),
            ("others", {"one": other, "two": rows[:5]}, "1"),
            ("single", {"one": rows}, "1"),
        ):
            from launch.evaluate.options import ServedOptions

            served = ServedOptions(model="weak" if name == "weak" else "strong")
            evaluated(
                target=model.url,
                sets=[write_set(folder, f"{n}", some) for n, some in sets.items()],
                out=folder / name,
                answers=[k],
                served=served,
                verifier=quick(folder),
            )
    return {one.name: one for one in folder.iterdir() if one.is_dir()}


def test_two_models_on_the_same_prompts(
    results: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    weak, strong = read_result(results["weak"]), read_result(results["strong"])
    found = compare(weak, strong, [])
    assert list(found) == ["one", "two"]
    one = found["one"]
    assert (one.prompts, one.first, one.second, one.better, one.worse) == (20, 0.5, 0.9, 8, 0)
    assert 0.1 < one.low < 0.4 < one.high < 0.7
    assert one.p < 0.01
    assert found["two"].p == 1.0
    show_comparison(weak, strong, found, as_json=False)
    shown = capsys.readouterr().out
    assert "+40.0%" in shown
    show_comparison(weak, strong, found, as_json=True)
    assert json.loads(capsys.readouterr().out)["sets"]["one"]["better"] == 8


def test_answers_of_a_set_that_the_results_do_not_know_are_refused(
    results: dict[str, Path], tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(results["weak"], mixed)
    shutil.copy(results["single"] / RESULTS, mixed / RESULTS)
    with pytest.raises(ConfigError, match="holds the set two"):
        read_result(mixed)


def test_results_are_there_only_with_their_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_judge(lambda body: r"\boxed{42}") as model:
        options = {
            "target": model.url, "sets": [write_set(tmp_path, "gsm8k")], "out": tmp_path / "out",
            "verifier": quick(tmp_path),
        }  # fmt: skip
        evaluated(**options)

        def full(*_: Any, **__: Any) -> Any:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("launch.evaluate.results.parquet.ParquetWriter", full)
        with pytest.raises(PlumbError, match="the disk is full"):
            evaluated(**options)
    with pytest.raises(ConfigError, match="no finished evaluation"):
        read_result(tmp_path / "out")


@pytest.mark.parametrize(
    ("first", "second", "sets", "complaint"),
    [
        ("weak", "fewer", [], "8 of its 20 prompts are in the first result alone, such as"),
        ("fewer", "weak", [], "8 of its 20 prompts are in the second result alone, such as"),
        ("weak", "others", [], "20 of its 20 prompts are in the first result alone"),
        ("weak", "single", [], "the set two is only in"),
        ("weak", "single", ["two"], "has no set 'two'; it has one"),
        ("weak", "strong", ["three"], "has no set 'three'; it has one, two"),
    ],
)
def test_results_on_other_prompts_are_refused_by_name(
    first: str, second: str, sets: list[str], complaint: str, results: dict[str, Path]
) -> None:
    with pytest.raises(ConfigError) as caught:
        compare(read_result(results[first]), read_result(results[second]), sets)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_both_have_can_be_compared(results: dict[str, Path]) -> None:
    found = compare(read_result(results["weak"]), read_result(results["fewer"]), ["two"])
    assert found["two"].prompts == 5


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "holds no finished evaluation (results.json is not there)"),
        ({"results.json": "{}", "answers.parquet": ""}, "is not of plumb eval"),
        ({"results.json": "{", "answers.parquet": ""}, "cannot be read"),
        ({"results.json": '{"plumb_evaluation": 1}'}, "answers.parquet is not there"),
        (
            {"results.json": '{"plumb_evaluation": 1}', "answers.parquet": "no parquet"},
            "cannot be read",
        ),
    ],
)
def test_what_is_no_result_is_named(files: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=r"plumb eval|cannot be read") as caught:
        read_result(tmp_path)
    assert complaint in str(caught.value)
