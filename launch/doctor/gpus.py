"""Checks of GPUs: what is there, driver, CUDA and NCCL against the lock, access between GPUs."""

import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from launch.doctor.findings import Check, Finding
from launch.doctor.machine import LOCKS, pinned

COMMAND_SECONDS: Final = 15.0
RUNTIME: Final = "nvidia-cuda-runtime"
QUERY: Final = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")


def gpu_checks() -> list[Check]:
    """What is looked at where there are GPUs; one finding where there are none."""
    return [Check("GPUs", gpus, 4 * COMMAND_SECONDS)]


def gpus() -> list[Finding]:
    """All that nvidia-smi says."""
    if shutil.which("nvidia-smi") is None:
        return [_none("nvidia-smi is not there")]
    listed = _run("nvidia-smi", *QUERY)
    rows = [line.split(", ") for line in listed.splitlines() if line.count(", ") == 2]
    if not rows:
        said = " ".join(listed.split())[:200] or "nothing"
        return [Finding("GPUs", "failure", f"nvidia-smi says: {said}", "mend the driver")]
    names = [f"{name}{_size(memory)}" for name, memory, _ in rows]
    found = [Finding("GPUs", "ok", f"{len(rows)}: {', '.join(names)}")]
    found += [driver(rows[0][2], _run("nvidia-smi")), nccl()]
    if len(rows) > 1:
        found.append(peers(_run("nvidia-smi", "topo", "-p2p", "r")))
    return found


def _size(memory: str) -> str:
    """Its memory, of MiB; nothing where a GPU has none of its own, and says [N/A]."""
    return f" ({int(memory) / 1024:.0f} GiB)" if memory.isdecimal() else ""


def _none(why: str) -> Finding:
    return Finding("GPUs", "warning", f"none: {why}", "fine on a CPU host: tiny models run there")


def driver(number: str, table: str) -> Finding:
    """Whether the driver can run the lock's CUDA: of the same major number or newer."""
    wanted = pinned(LOCKS / "cuda.txt").get(RUNTIME, "0")
    found = re.search(r"CUDA Version: *(\d+)\.(\d+)", table)
    if found is None:
        return Finding("driver", "warning", f"{number}; nvidia-smi does not say which CUDA it runs")
    told = f"{number}, which runs CUDA {found[1]}.{found[2]}; the lock's is {wanted}"
    if int(found[1]) < int(wanted.partition(".")[0]):
        return Finding("driver", "failure", told, "install a newer NVIDIA driver")
    return Finding("driver", "ok", told)


def nccl() -> Finding:
    """The installed NCCL against the lock's."""
    lock = pinned(LOCKS / "cuda.txt")
    name = next((one for one in lock if one.startswith("nvidia-nccl-")), "nvidia-nccl")
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(
            "NCCL", "failure", f"{name} is not installed", "PLUMB_HARDWARE=cuda make setup"
        )
    told = f"{found}; the lock's is {lock.get(name)}"
    if found != lock.get(name):
        return Finding("NCCL", "failure", told, "run: make setup")
    return Finding("NCCL", "ok", told)


def peers(matrix: str) -> Finding:
    """Whether GPUs reach each other's memory, from nvidia-smi's matrix of OK and others."""
    rows = [line.split()[1:] for line in matrix.splitlines() if re.match(r"\s*GPU\d+\s+\S", line)]
    states = [state for row in rows for state in row if state not in {"X"} and "GPU" not in state]
    if not states:
        return Finding("peer access", "warning", "nvidia-smi topo does not tell")
    bad = sum(state != "OK" for state in states)
    if bad:
        return Finding(
            "peer access", "warning", f"{bad} of {len(states)} pairs of GPUs have none",
            "weights and gradients go through host memory there; in a virtual machine, look at ACS",
        )  # fmt: skip
    return Finding("peer access", "ok", f"between all {len(rows)} GPUs")


def _run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout or done.stderr
