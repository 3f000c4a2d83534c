"""`ray job submit` of a run to a cluster that is already there, from a small working directory."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from conftest import REPOSITORY, Plumb, wait_until

RAY = Path(sys.executable).with_name("ray")
PLUMB = Path(sys.executable).with_name("plumb")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


STARTS = 3
"""Tries to start a cluster: Ray gives one 30 s, too short at times beside other tests."""


def answers(*urls: str) -> bool:
    try:
        return all(httpx.get(url, timeout=10, trust_env=False).is_success for url in urls)
    except httpx.HTTPError:
        return False


FLAKY = """
import hashlib
import os

from rewards import Sample, Verdict


def flaky(sample: Sample) -> Verdict:
    luck = hashlib.sha256(f"{sample.id}{sample.response}".encode()).digest()[0]
    if luck < 20:
        os._exit(1)
    while luck >= 236:
        pass
    return Verdict.correct(1.0) if luck % 2 else Verdict.incorrect(0.0)
"""


@contextmanager
def ray_head(environment: dict[str, str], folder: Path) -> Iterator[str | None]:
    """A Ray cluster: the address of its job service, or None if it did not start."""
    dashboard, agent, log = free_port(), free_port(), folder / "head.log"
    command = [
        *(str(RAY), "start", "--head", "--block", "--port", "0", "--temp-dir", str(folder)),
        *("--include-dashboard", "true", "--dashboard-port", str(dashboard)),
        # All clusters take the same by default; that of a test beside this one may have it.
        *("--dashboard-agent-listen-port", str(agent)),
    ]
    with (
        log.open("w") as out,
        subprocess.Popen(
            command,
            env=environment | {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0"},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as head,
    ):

        def is_over() -> bool:
            return "Ray runtime started" in log.read_text() or head.poll() is not None

        address = f"http://127.0.0.1:{dashboard}"
        services = f"{address}/api/jobs/", f"http://127.0.0.1:{agent}/api/local_raylet_healthz"
        try:
            wait_until(is_over, 120, "the start of Ray")
            if head.poll() is None:
                wait_until(lambda: answers(*services), 60, "the start of Ray's job service")
            yield address if head.poll() is None else None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(head.pid, signal.SIGTERM)


@pytest.fixture
def cluster(plumb: Plumb) -> Iterator[str]:
    """The address of the job service of a cluster of this test's own."""
    # Ray's sockets want a short path.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        for _ in range(STARTS):
            with ray_head(plumb.environment, Path(folder)) as address:
                if address:
                    yield address
                    return
        pytest.fail(f"Ray did not start: {(Path(folder) / 'head.log').read_text()}")


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
    """Its verifier crashes or hangs on some answers: that costs these answers, and nothing else."""
    run_dir = plumb.folder.parent / "run-of-job"
    (plumb.folder / "flaky.py").write_text(FLAKY)
    plumb.write_config(
        run_dir=str(run_dir),
        data={"train": "data.jsonl", "eval_size": 0},
        reward={"verifier": "flaky.py:flaky", "deadline": 0.5, "max_ungradable": 0.5},
        sampler={"prompts_per_step": 8, "samples_per_prompt": 8, "filter": "correctness"},
    )
    done = submit(plumb, cluster, "config.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"step 2/2 .* accuracy", done.stdout)
    assert (run_dir / "report.html").exists()
    assert REPOSITORY not in plumb.folder.parents

    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    steps = [row for row in map(json.loads, lines) if row["step"] > 0]
    assert [row["step"] for row in steps] == [1, 2]
    lost = sum(row["ungradable"] for row in steps)
    assert lost > 0
    summary = next(line for line in done.stdout.splitlines() if line.startswith("ungradable"))
    assert " crash" in summary
    assert " deadline" in summary
    assert int(summary.split()[1]) == lost
    for row in steps:
        assert 0.3 < row["accuracy"] < 0.7, "the lost answers count as neither right nor wrong"

    failed = submit(plumb, cluster, "config.yaml", "learner.lr=-1", "--overwrite")
    assert failed.returncode != 0
    assert "learner.lr" in failed.stdout + failed.stderr
