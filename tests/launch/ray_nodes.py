"""Ray nodes on this machine, each in a process group of its own that a test can kill."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.ports import free_port
from tests.processes import kill_tree, tree

RAY = Path(sys.executable).with_name("ray")
START_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a cluster."""

    address: str
    """Of the cluster's head, host:port."""
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """End everything that runs there, at once."""
        kill_tree(self.process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def running(self, mark: str) -> list[psutil.Process]:
        """Its processes by what their command line holds."""
        found = []
        for one in tree(self.process.pid):
            with suppress(psutil.Error):
                if mark in " ".join(one.cmdline()):
                    found.append(one)
        return found


@contextmanager
def head(environment: dict[str, str], *more: str, dashboard: int | None = None) -> Iterator[Node]:
    """A cluster's first node; with a job service where a port is given for it."""
    port = free_port()
    services = ("--include-dashboard", "false")
    if dashboard is not None:
        services = ("--include-dashboard", "true", f"--dashboard-port={dashboard}")
    # Ray's sockets want a short path.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        arguments = ("--head", "--port", str(port), "--temp-dir", folder)
        where = (*arguments, *services)
        with _node(environment, f"127.0.0.1:{port}", (*where, *more)) as started:
            yield started


@contextmanager
def node(environment: dict[str, str], of: Node, *more: str) -> Iterator[Node]:
    """Another node of a cluster."""
    # Two nodes of one host would give their workers the same ports.
    ports = ("--min-worker-port", "20002", "--max-worker-port", "20999")
    # In the head's folder it would unpack a job's files anew, under the job.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        where = ("--address", of.address, "--temp-dir", folder, *ports)
        with _node(environment, of.address, (*where, *more)) as started:
            yield started


@contextmanager
def _node(environment: dict[str, str], address: str, arguments: tuple[str, ...]) -> Iterator[Node]:
    command = [
        *(str(RAY), "start", "--block", "--node-ip-address", "127.0.0.1", *arguments),
        # All nodes take the same by default.
        *("--dashboard-agent-listen-port", str(free_port())),
    ]
    environment = environment | {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryFile("w+") as log:
        started = Node(
            address,
            subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            ),
        )
        until = time.monotonic() + START_SECONDS
        try:
            while not _is_up(started, log):
                assert time.monotonic() < until, "a Ray node did not start"
                time.sleep(0.2)
            yield started
        finally:
            started.kill()
            started.process.wait(30)


def _is_up(started: Node, log: "tempfile._TemporaryFileWrapper[str]") -> bool:
    log.seek(0)
    text = log.read()
    assert started.process.poll() is None, text
    return "Ray runtime started" in text
