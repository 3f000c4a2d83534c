"""`ray job submit` of a run to a cluster that is already there, from a small working directory."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY, Plumb, wait_until

RAY = Path(sys.executable).with_name("ray")
PLUMB = Path(sys.executable).with_name("plumb")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def cluster(plumb: Plumb) -> Iterator[str]:
    """A Ray head on this machine; yields the address of its job service."""
    port, folder = free_port(), tempfile.mkdtemp(prefix="ray")
    command = [
        *(str(RAY), "start", "--head", "--block", "--port", str(free_port())),
        *("--include-dashboard", "true", "--dashboard-port", str(port), "--temp-dir", folder),
    ]
    with subprocess.Popen(
        command,
        env=plumb.environment | {"RAY_worker_niceness": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as head:
        wait_until(lambda: answers(port), 90, "the start of Ray's job service")
        yield f"http://127.0.0.1:{port}"
        os.killpg(head.pid, signal.SIGTERM)
    shutil.rmtree(folder, ignore_errors=True)


def submit(plumb: Plumb, address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Submit `plumb train` as the README says."""
    command = [str(RAY), "job", "submit", "--address", address, "--working-dir", "."]
    return subprocess.run(
        [*command, "--", str(PLUMB), "train", *arguments],
        cwd=plumb.folder,
        env=plumb.environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_a_job_streams_its_log_and_returns_its_exit_code(plumb: Plumb, cluster: str) -> None:
    run_dir = plumb.folder.parent / "run-of-job"
    plumb.write_config(run_dir=str(run_dir), data={"train": "data.jsonl", "eval_size": 0})
    done = submit(plumb, cluster, "config.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"step 2/2 .* accuracy", done.stdout)
    assert (run_dir / "report.html").exists()
    assert REPOSITORY not in plumb.folder.parents

    failed = submit(plumb, cluster, "config.yaml", "learner.lr=-1", "--overwrite")
    assert failed.returncode != 0
    assert "learner.lr" in failed.stdout + failed.stderr
