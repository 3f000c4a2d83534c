"""A control group for each slot: memory and processes are capped, CPU time is shared and counted.

Guarantees: a group holds its slot's zygote and what that forks, and nothing else. Slots that want
more CPU time than there is get equal shares of it, however many processes each has: a fork bomb
does not starve its neighbours. Both versions of the kernel's interface are served; where the box
may not make groups, there are none, and resource limits alone remain.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Final, Protocol

from .kernel import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_REMOUNT, mount

ROOT: Final = Path("/sys/fs/cgroup")
REQUIRED: Final = ("memory", "pids", "cpuacct")  # controllers of version 1
ZYGOTE_MB: Final = 24  # what a zygote itself takes of its group's memory
ZYGOTE_PROCESSES: Final = 4  # the zygote, and the first process of a run's namespaces


class Group(Protocol):
    """One slot's group."""

    def add(self, pid: int) -> None:
        """Move a process in."""

    def cap(self, memory_mb: int, processes: int) -> None:
        """Set what a run may take, and begin to measure anew."""

    def oom_kills(self) -> int:
        """Processes killed so far because memory ran out."""

    def peak_mb(self) -> float:
        """Most memory in use since `cap`, MiB; 0 where the kernel cannot say."""

    def cpu_seconds(self) -> float:
        """CPU time of all processes so far."""

    def processes(self) -> list[int]:
        """The ids of its processes."""


class GroupV1:
    """A hierarchy for each controller; `cpu` gives equal shares by itself."""

    version = "v1"

    def __init__(self, name: str) -> None:
        self._memory, self._pids, self._cpu = (
            _made(_hierarchy(controller) / name) for controller in REQUIRED
        )
        self._folders = [self._memory, self._pids, self._cpu]
        if os.access(shares := _hierarchy("cpu"), os.W_OK):
            self._folders.append(_made(shares / name))
        self._capped: tuple[int, int] | None = None

    def add(self, pid: int) -> None:
        for folder in self._folders:
            _write(folder / "cgroup.procs", pid)

    def cap(self, memory_mb: int, processes: int) -> None:
        if self._capped != (memory_mb, processes):
            most = (memory_mb + ZYGOTE_MB) << 20
            with contextlib.suppress(OSError):  # kernels without accounting of swap
                _write(self._memory / "memory.memsw.limit_in_bytes", -1)
            _write(self._memory / "memory.limit_in_bytes", most)
            with contextlib.suppress(OSError):
                _write(self._memory / "memory.memsw.limit_in_bytes", most)
            _write(self._pids / "pids.max", processes + ZYGOTE_PROCESSES)
            self._capped = (memory_mb, processes)
        _write(self._memory / "memory.max_usage_in_bytes", 0)

    def oom_kills(self) -> int:
        return _field(self._memory / "memory.oom_control", "oom_kill")

    def peak_mb(self) -> float:
        peak = int(_read(self._memory / "memory.max_usage_in_bytes"))
        return max(0.0, peak / (1 << 20))

    def cpu_seconds(self) -> float:
        return int(_read(self._cpu / "cpuacct.usage")) / 1e9

    def processes(self) -> list[int]:
        return [int(pid) for pid in _read(self._pids / "cgroup.procs").split()]


class GroupV2:
    """The unified hierarchy."""

    version = "v2"

    def __init__(self, name: str) -> None:
        self._folder = _made(ROOT / name)
        self._capped: tuple[int, int] | None = None

    def add(self, pid: int) -> None:
        _write(self._folder / "cgroup.procs", pid)

    def cap(self, memory_mb: int, processes: int) -> None:
        if self._capped != (memory_mb, processes):
            _write(self._folder / "memory.max", (memory_mb + ZYGOTE_MB) << 20)
            with contextlib.suppress(OSError):  # kernels without swap
                _write(self._folder / "memory.swap.max", 0)
            _write(self._folder / "pids.max", processes + ZYGOTE_PROCESSES)
            self._capped = (memory_mb, processes)
        with contextlib.suppress(OSError):  # can be reset since Linux 6.12
            _write(self._folder / "memory.peak", "reset")

    def oom_kills(self) -> int:
        return _field(self._folder / "memory.events", "oom_kill")

    def peak_mb(self) -> float:
        try:
            return int(_read(self._folder / "memory.peak")) / (1 << 20)
        except OSError:  # before Linux 5.19
            return 0.0

    def cpu_seconds(self) -> float:
        return _field(self._folder / "cpu.stat", "usage_usec") / 1e6

    def processes(self) -> list[int]:
        return [int(pid) for pid in _read(self._folder / "cgroup.procs").split()]


def prepare() -> type[GroupV1] | type[GroupV2] | None:
    """Which kind of group this box can make; None: none, for the reason that it may not."""
    try:
        if (ROOT / "cgroup.controllers").exists():
            _open(ROOT)
            # A group with processes of its own may not delegate to others.
            _write(_made(ROOT / "supervisor") / "cgroup.procs", os.getpid())
            _write(ROOT / "cgroup.subtree_control", "+memory +pids")
            with contextlib.suppress(OSError):  # cpu.stat counts time without it
                _write(ROOT / "cgroup.subtree_control", "+cpu")
            return GroupV2
        for controller in REQUIRED:
            _open(_hierarchy(controller))
        with contextlib.suppress(OSError):  # shares are fairer, but nothing is unsafe without
            _open(_hierarchy("cpu"))
        return GroupV1
    except OSError:
        return None


def _hierarchy(controller: str) -> Path:
    """Where a controller of version 1 is mounted; several may share a place."""
    plain = ROOT / controller
    return plain if plain.is_dir() else ROOT / "cpu,cpuacct"


def _open(folder: Path) -> None:
    """Make a hierarchy writable that an engine mounted read-only; raises OSError if it stays so."""
    probe = folder / "plumb-probe"
    try:
        probe.mkdir()
    except OSError:
        flags = MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC
        mount(None, str(folder.resolve()), None, flags)
        probe.mkdir()
    probe.rmdir()


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _write(path: Path, value: int | str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def _read(path: Path) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 4096).decode()
    finally:
        os.close(fd)


def _field(path: Path, name: str) -> int:
    found = re.search(rf"^{name} (\d+)", _read(path), re.MULTILINE)
    return int(found[1]) if found else 0
