"""The table of `tests/gpu/check.sh`: a check that fails or dies is a row, and so the exit code."""

import json
import math
import subprocess
from pathlib import Path

import pytest

from rl.config import RunConfig
from rl.engines.arguments import engine_arguments
from rl.hardware import Hardware
from tests.gpu import __main__ as checks
from tests.gpu import bare, check_sleep, machine
from tests.gpu.models import VOCABULARY, training_flops
from tests.gpu.row import Row, at_least, at_most

SCRIPT = Path(checks.FOLDER) / "check.sh"


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (at_most("a", 1.0, 1.0), "pass"),
        (at_most("a", 1.1, 1.0), "fail"),
        (at_most("a", math.nan, 1.0), "fail"),
        (at_least("a", 1.0, 1.0), "pass"),
        (at_least("a", 0.9, 1.0), "fail"),
        (at_least("a", math.inf, 1.0), "fail"),
        (at_least("a", math.nan, 1.0), "fail"),
    ],
)
def test_a_number_that_is_none_never_passes(row: Row, verdict: str) -> None:
    assert row.verdict == verdict


def test_a_dry_run_prints_a_table(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    done = subprocess.run(
        [SCRIPT, "--device", "cpu", "--only", "versions", "sleep", "--json", rows],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "torch" in done.stdout and "skipped" in done.stdout
    found = json.loads(rows.read_text())
    assert [row["name"] for row in found["versions"]][:2] == ["python", "torch"]
    assert found["sleep"][0]["verdict"] == "skipped"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise RuntimeError('no such GPU')", "exit code 1: RuntimeError: no such GPU"),
        ("import os; os._exit(9)", "exit code 9"),
        ("import time; time.sleep(600)", "not done after 8 s"),
        ("return [Row('speed', '1', 'more', 'fail')]", "1"),
    ],
)
def test_a_check_that_fails_is_a_row(
    body: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = tmp_path / "tests" / "gpu"
    package.mkdir(parents=True)
    (tmp_path / "tests" / "__init__.py").touch()
    for name in ("__init__.py", "__main__.py", "machine.py", "row.py"):
        (package / name).write_text((checks.FOLDER / name).read_text())
    lines = ["from tests.gpu.row import Row", "", "", "def check(device):", f"    {body}", ""]
    (package / "check_odd.py").write_text("\n".join(lines))
    monkeypatch.setattr(checks, "FOLDER", package)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    timeout = "8" if "sleep" in body else "120"
    assert checks.main(["--device", "cpu", "--timeout", timeout]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert said in shown and "fail" in shown


def test_the_flops_are_those_of_the_parameters(tmp_path: Path) -> None:
    sizes = {
        "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14,
        "num_key_value_heads": 2, "head_dim": 64, "intermediate_size": 4864,
        "vocab_size": VOCABULARY,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(sizes))
    assert training_flops(tmp_path, 0) == pytest.approx(6 * 0.494e9, rel=0.01)
    assert training_flops(tmp_path, 1000) - training_flops(tmp_path, 0) == 6 * 24 * 896 * 1000


def test_bare_vllm_has_of_a_gpu_what_the_run_s_engine_had() -> None:
    config, on_gpu = RunConfig(), Hardware("cuda", 8)
    shares = [
        engine_arguments(config, on_gpu, bare.seat("cuda", count))["gpu_memory_utilization"]
        for count in (1, 2)
    ]
    assert shares == [0.5, 0.85]


@pytest.mark.parametrize(
    ("shown", "count", "of"),
    [(None, 4, ""), ("", 0, ""), ("2", 1, "--id=2"), ("GPU-5, 3", 2, "--id=GPU-5,3")],
)
def test_only_the_gpus_that_are_shown_are_asked(
    shown: str | None, count: int, of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text('#!/bin/sh\necho "$@" >> "$0.log"\nprintf "a\\nb\\nc\\nd\\n"\n')
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if shown is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert machine.gpus() == count
    assert machine.gpu_name() == "a"
    assert (tmp_path / "nvidia-smi.log").read_text().splitlines()[-1].endswith(of)


def test_without_a_gpu_it_says_so_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert checks.main([]) == 2
    assert "no GPU is seen" in capsys.readouterr().err


def test_an_engine_on_a_cpu_does_not_sleep() -> None:
    assert [row.verdict for row in check_sleep.check("cpu")] == ["skipped"]
