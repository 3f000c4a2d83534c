"""`plumb data difficulty` with a real model on vLLM, by a training run's config."""

import json
import subprocess
import sys

import pytest

from data.records import read_records
from data.sources import load_prompts
from data.strata import stratum_of
from tests.launch.conftest import Plumb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1600)]

PROMPTS = 24


def data(plumb: Plumb, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launch.cli", "data", *arguments],
        cwd=plumb.folder,
        env=plumb.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )


def test_prompts_are_measured_as_a_run_would_and_go_on_to_training(plumb: Plumb) -> None:
    config = plumb.write_config(data={"template": "{prompt}, please"})
    source = plumb.write_data(PROMPTS)
    with source.open("a") as file:
        file.write(json.dumps({"prompt": "far too long " * 9, "reference": ""}) + "\n")
    command = ("difficulty", "data.jsonl", "--out", "measured", "--config", str(config))
    # The template has to be in the prompt for its tokens to be too many or not.
    done = data(plumb, *command)
    assert done.returncode == 0, done.stderr
    out = plumb.folder / "measured"
    found = list(read_records(out))
    assert len(found) == PROMPTS
    assert f"{PROMPTS} records in measured" in done.stdout
    assert [r.request() for r in found] == [f"digits {i}" for i in range(PROMPTS)]
    strata = {stratum_of(r.pass_rate) for r in found if r.pass_rate}
    assert "medium" in strata
    for record in found:
        assert record.pass_rate is not None
        assert record.pass_rate.k == 5 or stratum_of(record.pass_rate) == "medium"
        assert 0 < record.metadata["difficulty"]["response_tokens"] <= 12  # type: ignore[call-overload, index, operator]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["dropped"] == {"difficulty": {"too long": 1}}
    assert len(load_prompts(out)) == PROMPTS

    # All answers are on disk: the same parts come without an engine.
    parts = {p.name: p.read_bytes() for p in out.glob("part_*")}
    (out / "manifest.json").unlink()
    (out / "part_000000.parquet").unlink()
    answers = (out / "answers.jsonl").read_bytes()
    (plumb.folder / "ray.py").write_text("raise RuntimeError('no engine is needed')")
    plumb.environment["PYTHONPATH"] = f"{plumb.folder}:{plumb.environment['PYTHONPATH']}"
    again = data(plumb, *command)
    assert again.returncode == 0, again.stderr
    assert {p.name: p.read_bytes() for p in out.glob("part_*")} == parts
    assert (out / "answers.jsonl").read_bytes() == answers
    assert "holds this measurement already" in data(plumb, *command).stdout
    other = data(plumb, *command, "--temperature", "0.5")
    assert other.returncode == 1
    assert "with other settings; add --overwrite" in other.stderr
