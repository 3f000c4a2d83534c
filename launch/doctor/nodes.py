"""The same checks on every node of a cluster, and what only several nodes can show.

Guarantees: a node that does not answer is a failure of that node after a deadline, and keeps no
other one from being examined.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from launch.doctor.findings import Finding, examine
from launch.doctor.gpus import gpu_checks
from launch.doctor.machine import machine_checks
from launch.doctor.services import service_checks
from rl.config import RunConfig
from rl.errors import ClusterError

CONNECT_SECONDS: Final = 60.0
NODE_SECONDS: Final = 120.0
SKEW: Final = (1.0, 30.0)
"""Seconds between clocks from which on there is a warning, and a failure."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, by name, and what was found there."""

    name: str
    findings: list[Finding]


def look_here(run_dir: Path, config: RunConfig | None) -> list[Finding]:
    """All checks of this machine."""
    return examine([*gpu_checks(), *machine_checks(run_dir), *service_checks(config)])


def look_at_nodes(
    address: str, run_dir: Path, config: RunConfig | None, *, named_by: str = "--address"
) -> list[Machine]:
    """All checks on each node of the cluster; `named_by` is what gave its address.

    Raises:
        ClusterError: it cannot be joined.
    """
    import ray

    _join(address, named_by)
    try:
        nodes = [one for one in ray.nodes() if one["Alive"]]
        lost = [one for one in ray.nodes() if not one["Alive"]]
        mark = run_dir / f".plumb-doctor-{uuid4().hex}"
        marked = _write(mark)
        try:
            found = _examined(nodes, run_dir, config, mark if marked else None)
        finally:
            with suppress(OSError):  # never written, or its folder has gone meanwhile
                mark.unlink()
    finally:
        ray.shutdown()
    gone = [
        Machine(_name(one), [Finding("node", "warning", "Ray says that it is lost")])
        for one in lost
    ]
    return found + gone


def clock(skew: float, uncertain: float) -> Finding:
    """A clock that is so many seconds ahead, give or take."""
    told = f"{skew:+.2f} s from this machine's, give or take {uncertain:.2f} s"
    off = max(0.0, abs(skew) - uncertain)
    remedy = "let the nodes take their time from the same server (chrony, ntpd)"
    if off > SKEW[1]:
        return Finding("clock", "failure", told, remedy)
    return (
        Finding("clock", "warning", told, remedy) if off > SKEW[0] else Finding("clock", "ok", told)
    )


def _join(address: str, named_by: str) -> None:
    host, _, port = address.rpartition(":")
    if address != "auto":
        is_port = port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16
        if "://" in address or not host or not is_port:
            raise ClusterError(
                f"{named_by} {address}: give the head's address, such as HEAD:6379, or auto"
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, UnicodeError) as error:  # the latter of a name that none can have
            raise ClusterError(
                f"{address} does not answer: {error}; is Ray's head running there (ray start "
                "--head), and is the port open?"
            ) from error
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or Ray warns of it
    failed: list[BaseException] = []

    def connect() -> None:
        import ray

        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (Exception, SystemExit) as error:
            failed.append(error)

    # Ray itself may wait for minutes.
    connecting = threading.Thread(target=connect, daemon=True)
    connecting.start()
    connecting.join(CONNECT_SECONDS)
    if connecting.is_alive():
        raise ClusterError(f"{address} does not let us in within {CONNECT_SECONDS:g} s")
    if failed:
        said = " ".join(str(failed[0]).split())[:200]
        raise ClusterError(f"{address} cannot be joined: {type(failed[0]).__name__}: {said}")


def _write(mark: Path) -> bool:
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text("")
    except OSError:
        return False
    return True


def _examined(
    nodes: Sequence[Any], run_dir: Path, config: RunConfig | None, mark: Path | None
) -> list[Machine]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def start(node: Any, does: Callable[..., Any], *given: Any) -> Any:
        pinned = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        made: Any = ray.remote(does)
        return made.options(num_cpus=0, max_retries=0, scheduling_strategy=pinned).remote(*given)

    asked = [start(node, look_at_node, run_dir, config, mark) for node in nodes]
    end = time.monotonic() + NODE_SECONDS
    machines = []
    for node, one in zip(nodes, asked, strict=True):
        try:
            found = [
                *ray.get(one, timeout=max(0.0, end - time.monotonic())),
                _clock_of(node, start),
            ]
        except Exception as error:
            machines.append(Machine(_name(node), [_unanswered(error)]))
            continue
        machines.append(Machine(_name(node), found))
    return machines


def look_at_node(run_dir: Path, config: RunConfig | None, mark: Path | None) -> list[Finding]:
    """All checks of the node that this runs on, and whether it sees the run's folder."""
    found = look_here(run_dir, config)
    if mark is not None:
        found.append(shared(run_dir, mark))
    return found


def now() -> float:
    """Seconds since 1970, by the clock of the node that this runs on."""
    return time.time()


def shared(run_dir: Path, mark: Path) -> Finding:
    """Whether a file that another machine has written is seen here."""
    if mark.exists():
        return Finding("run_dir shared", "ok", f"{run_dir} is the same folder here")
    return Finding(
        "run_dir shared",
        "warning",
        f"{run_dir} is another folder here than where plumb doctor runs",
        "put it on a file system that all nodes share, or keep the learner on one node",
    )


def _clock_of(node: Any, start: Callable[..., Any]) -> Finding:
    import ray

    ray.get(start(node, now), timeout=NODE_SECONDS)  # its process is there now
    began = time.time()
    there = ray.get(start(node, now), timeout=NODE_SECONDS)
    took = time.time() - began
    return clock(there - (began + took / 2), took / 2)


def _unanswered(error: Exception) -> Finding:
    name = type(error).__name__
    if "ModuleNotFoundError" in f"{name} {error}":
        return Finding("node", "failure", "Plumb is not installed there", "run: make setup there")
    if name == "GetTimeoutError":
        return Finding("node", "failure", f"does not answer within {NODE_SECONDS:g} s")
    return Finding("node", "failure", f"{name}: {' '.join(str(error).split())[:200]}")


def _name(node: Any) -> str:
    name, address = node.get("NodeManagerHostname"), node.get("NodeManagerAddress")
    return f"{name} ({address}, {os.fspath(node['NodeID'])[:8]})"
