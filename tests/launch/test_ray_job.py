"""`ray job submit` of a run to a cluster that is already there, from a small working directory."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from launch.train.status import status_of
from rl.fault_log import read_faults
from tests.launch.conftest import REPOSITORY, Plumb, wait_until
from tests.ports import free_port

RAY = Path(sys.executable).with_name("ray")
PLUMB = Path(sys.executable).with_name("plumb")


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


class StartError(Exception):
    """Ray did not start."""


@contextmanager
def ray_head(environment: dict[str, str], folder: Path) -> Iterator[str]:
    """A Ray cluster; yields the address of its job service.

    Raises:
        StartError: It did not start; says why.
    """
    dashboard, agent = free_port(), free_port()
    command = [
        *(str(RAY), "start", "--head", "--port", "0", "--temp-dir", str(folder)),
        *("--include-dashboard", "true", "--dashboard-port", str(dashboard)),
        # All clusters take the same by default; that of a test beside this one may have it.
        *("--dashboard-agent-listen-port", str(agent)),
    ]
    environment = environment | {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    address = f"http://127.0.0.1:{dashboard}"
    services = f"{address}/api/jobs/", f"http://127.0.0.1:{agent}/api/local_raylet_healthz"
    with (folder / "start.log").open("w+") as log:
        starting = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            if starting.wait(150) != 0:
                log.seek(0)
                raise StartError(log.read())
            wait_until(lambda: answers(*services), 90, "the start of Ray's job service")
            yield address
        finally:
            # All that it has started is of its group; `ray stop` would stop every cluster.
            with suppress(ProcessLookupError):
                os.killpg(starting.pid, signal.SIGKILL)


@pytest.fixture
def cluster(plumb: Plumb) -> Iterator[str]:
    """The address of the job service of a cluster of this test's own."""
    with ExitStack() as stack:
        for start in range(1, STARTS + 1):
            # Ray's sockets want a short path.
            folder = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
            head = ray_head(plumb.environment, Path(stack.enter_context(folder)))
            try:
                address = stack.enter_context(head)
            except StartError:
                if start == STARTS:
                    raise
            else:
                yield address
                return


def submit(plumb: Plumb, address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Submit `plumb train` as the README says."""
    command = [str(RAY), "job", "submit", "--address", address, "--working-dir", "."]
    return subprocess.run(
        [*command, "--", str(PLUMB), "train", *arguments],
        cwd=plumb.folder,
        env=plumb.environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def kill_once_it_starts(run_dir: Path) -> None:
    """Kill the process that trains, as the kernel does where memory runs out."""
    wait_until((run_dir / "status.json").exists, 500, "the start of the job's command")
    os.kill(status_of(run_dir).pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_job_streams_its_log_and_returns_its_exit_code(plumb: Plumb, cluster: str) -> None:
    """Its verifier crashes or hangs on some answers: that costs these answers, and nothing else.

    Its process is killed as it starts: Ray would not start it again.
    """
    run_dir = plumb.folder.parent / "run-of-job"
    (plumb.folder / "flaky.py").write_text(FLAKY)
    plumb.write_config(
        run_dir=str(run_dir),
        data={"train": "data.jsonl", "eval_size": 0},
        reward={"verifier": "flaky.py:flaky", "deadline": 0.5, "max_ungradable": 0.5},
        sampler={"prompts_per_step": 8, "samples_per_prompt": 8, "filter": "correctness"},
    )
    killing = threading.Thread(target=kill_once_it_starts, args=[run_dir], daemon=True)
    killing.start()
    done = submit(plumb, cluster, "config.yaml", "--retry")
    assert done.returncode == 0, done.stdout + done.stderr
    killing.join()
    lines = [row["line"] for row in read_faults(run_dir)]
    (line,) = [one for one in lines if "was killed by signal 9; it is started again" in one]
    assert line in done.stdout
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
        assert 0.2 < row["accuracy"] < 0.8, "the lost answers count as neither right nor wrong"

    failed = submit(plumb, cluster, "config.yaml", "learner.lr=-1", "--overwrite")
    assert failed.returncode != 0
    assert "learner.lr" in failed.stdout + failed.stderr
