"""`plumb submit`, `plumb jobs` and `plumb doctor` on two Ray nodes."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from ray_nodes import Node, free_port, head, node

from tests.launch.conftest import MARK, REPOSITORY, Plumb, only_line, wait_until

PLUMB = Path(sys.executable).with_name("plumb")
STARTS = 3
"""Tries to start a cluster: Ray gives one 30 s, too short at times beside other tests."""

FLAKY = """
import hashlib
import os

from luck import luck_of
from rewards import Sample, Verdict


def flaky(sample: Sample) -> Verdict:
    luck = luck_of(f"{sample.id}{sample.response}")
    if luck < 20:
        os._exit(1)
    while luck >= 236:
        pass
    return Verdict.correct(1.0) if luck % 2 else Verdict.incorrect(0.0)
"""
LUCK = """
import hashlib


def luck_of(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0]
"""


class Cluster:
    """Two nodes with a job service."""

    def __init__(self, address: str, first: Node, second: Node) -> None:
        self.address = address
        self.first = first
        self.second = second

    def node_ids(self) -> list[str]:
        """Ray's ids of its nodes, the head's first."""
        answer = httpx.get(f"{self.address}/api/v0/nodes", timeout=60, trust_env=False).json()
        rows = answer["data"]["result"]["result"]
        return [row["node_id"] for row in sorted(rows, key=lambda row: not row["is_head_node"])]


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"PYTHONPATH": str(REPOSITORY), MARK: str(tmp_path_factory.mktemp("cluster"))}
    with ExitStack() as stack:
        for start in range(1, STARTS + 1):
            with ExitStack() as trying:
                port = free_port()
                try:
                    first = trying.enter_context(
                        head(environment, "--num-cpus", "2", dashboard=port)
                    )
                    second = trying.enter_context(node(environment, first, "--num-cpus", "2"))
                except AssertionError:
                    if start == STARTS:
                        raise
                    continue
                stack.push(trying.pop_all())
                break
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{address}/api/jobs/"), 120, "the start of Ray's job service")
        yield Cluster(address, first, second)


def plumb_command(folder: Path, *arguments: str, **more: Any) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, "-m", "launch.cli", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        start_new_session=True,
        **{**pipes, **more},
    )


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    process = plumb_command(folder, *arguments)
    output, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def listed(cluster: Cluster, folder: Path) -> dict[str, dict[str, Any]]:
    done = run(folder, "jobs", "--json", "--address", cluster.address)
    assert done.returncode == 0, done.stderr
    return {job["id"]: job for job in json.loads(done.stdout)}


def script(folder: Path, body: str) -> str:
    """A command that stands for `plumb` on the cluster."""
    path = folder / "stand_in.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_on_two_nodes_is_followed_to_its_end(plumb: Plumb, cluster: Cluster) -> None:
    """Its verifier crashes or hangs on some answers: that costs these answers, and nothing else."""
    run_dir = plumb.folder.parent / "run-submitted"
    (plumb.folder / "plugins").mkdir()
    (plumb.folder / "plugins" / "flaky.py").write_text(FLAKY)
    (plumb.folder / "plugins" / "luck.py").write_text(LUCK)
    first, second = cluster.node_ids()
    plumb.write_config(
        run_dir=str(run_dir),
        data={"train": "data.jsonl", "eval_size": 0},
        reward={"verifier": "plugins/flaky.py:flaky", "deadline": 0.5, "max_ungradable": 0.5},
        sampler={"prompts_per_step": 8, "samples_per_prompt": 8, "filter": "correctness"},
        placement={"learner_nodes": [first], "engine_nodes": [second]},
    )
    sending = ("submit", "config.yaml", "--address", cluster.address, "--plumb", str(PLUMB))
    process = plumb_command(plumb.folder, *sending)
    wait_until(
        lambda: (
            process.poll() is not None
            or (
                cluster.second.running("ray::EngineActor")
                and cluster.first.running("ray::LearnerActor")
            )
        ),
        300,
        "an engine on one node and the learner on the other",
    )
    output, errors = process.communicate(timeout=400)
    assert process.returncode == 0, output + errors
    assert re.search(r"plugins/luck.py +import", output)
    assert re.search(r"step 2/2 .* accuracy", output)
    assert (run_dir / "report.html").exists()
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    steps = [row for row in rows if row["step"] > 0]
    assert [row["step"] for row in steps] == [1, 2]
    lost = sum(row["ungradable"] for row in steps)
    assert lost > 0
    summary = next(line for line in output.splitlines() if line.startswith("ungradable"))
    assert " crash" in summary
    assert " deadline" in summary
    assert int(summary.split()[1]) == lost
    for row in steps:
        assert 0.2 < row["accuracy"] < 0.8, "the lost answers count as neither right nor wrong"

    (job,) = (one for one in listed(cluster, plumb.folder).values() if "run-submitted" in one["id"])
    assert (job["status"], job["metadata"]["run_dir"]) == ("SUCCEEDED", str(run_dir))

    again = run(plumb.folder, *sending)
    assert again.returncode not in {0, None}
    assert "failed: " in only_line(again.stderr)
    assert "--resume" in again.stdout, "the job's own line says what to do"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_doctor_examines_every_node(tmp_path: Path, cluster: Cluster) -> None:
    for _ in range(4):  # on a machine that is busy, a node's process may start late
        done = run(
            tmp_path, "doctor", "--address", cluster.first.address, "--run-dir", "runs", "--json"
        )
        if "does not answer within" not in done.stdout:
            break
    machines = json.loads(done.stdout)["machines"]
    assert len({machine["name"] for machine in machines}) == 2
    for machine in machines:
        states = {one["subject"]: one["state"] for one in machine["findings"]}
        assert states["clock"] == states["run_dir shared"] == states["packages"] == "ok", machine
        assert states["GPUs"] in {"ok", "warning"}
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_can_be_left_followed_and_stopped(plumb: Plumb, cluster: Cluster) -> None:
    config = str(plumb.write_config(run_dir="/shared/runs/left", data={"train": "data.jsonl"}))
    mark = plumb.folder / "begun"
    stand_in = script(plumb.folder, f"echo begun; touch {mark}; exec sleep 600")
    where = ("--address", cluster.address)
    more = ("--plumb", stand_in, "--name", "left", "--env", "COLOUR=blue")
    left = run(plumb.folder, "submit", config, *where, *more, "--detach")
    assert left.returncode == 0, left.stderr
    assert "plumb jobs left --follow" in left.stdout

    twice = run(plumb.folder, "submit", config, *where, *more, "--detach")
    assert twice.returncode == 1
    assert "left" in only_line(twice.stderr)

    wait_until(mark.exists, 240, "the job's start")
    stopped = run(plumb.folder, "jobs", "left", "--stop", *where)
    assert (stopped.returncode, stopped.stdout) == (0, "left is stopped\n")
    followed = run(plumb.folder, "jobs", "left", "--follow", *where)
    assert followed.returncode == 143
    assert "begun" in followed.stdout
    assert "left stopped" in only_line(followed.stderr)
    shown = run(plumb.folder, "jobs", *where)
    assert re.search(r"left +stopped .* /shared/runs/left", shown.stdout)
    unknown = run(plumb.folder, "jobs", "nobody", *where)
    assert "there is no job nobody" in only_line(unknown.stderr)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("answer", "status"), [("y", "STOPPED"), ("n", "RUNNING")])
def test_ctrl_c_asks_whether_to_stop_the_job(
    plumb: Plumb, cluster: Cluster, answer: str, status: str
) -> None:
    name = f"asked-{answer}"
    config = str(plumb.write_config(run_dir="/shared/runs/asked", data={"train": "data.jsonl"}))
    mark = plumb.folder / "begun"
    stand_in = script(plumb.folder, f"echo begun; touch {mark}; exec sleep 600")
    where = ("--address", cluster.address)
    terminal, end = pty.openpty()
    arguments = ("submit", config, *where, "--plumb", stand_in, "--name", name)
    process = plumb_command(plumb.folder, *arguments, stdin=end, stdout=end, stderr=end)
    os.close(end)
    seen = ""

    def says(words: str) -> bool:
        nonlocal seen
        if words not in seen:
            seen += os.read(terminal, 65536).decode()
        return words in seen

    try:
        wait_until(lambda: says("begun"), 240, "the job's log")
        os.killpg(process.pid, 2)
        wait_until(lambda: says(f"stop {name}? [y/N]"), 60, "the question")
        os.write(terminal, f"{answer}\n".encode())
        ending = "is stopped" if answer == "y" else "goes on"
        wait_until(lambda: says(ending), 120, "the end")
        assert process.wait(120) == 130
        assert listed(cluster, plumb.folder)[name]["status"] == status
    finally:
        os.close(terminal)
        run(plumb.folder, "jobs", name, "--stop", *where)
