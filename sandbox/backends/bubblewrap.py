"""Boxes made by bubblewrap, where there is no Docker daemon.

Guarantees: the same namespaces, filter and limits within as under Docker. As root, a box has
control groups and every run its own user id; otherwise resource limits bound a run, and all runs
share the one id that there is, in namespaces of their own. Without a `rootfs`, /usr and what
belongs to it are taken from this machine, read-only; no other folder of it is visible.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections import deque
from pathlib import Path
from typing import Final

from sandbox.agent import __file__ as agent_file
from sandbox.backends.headers import precompiled
from sandbox.backends.settings import AGENT_HOME, AGENT_PACKAGE, BoxSettings
from sandbox.box import LINE_BYTES, Box, BoxLostError
from sandbox.errors import IsolationError
from sandbox.languages import HEADERS

CAPABILITIES: Final = ("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "SYS_RESOURCE", "KILL")
CGROUPS: Final = Path("/sys/fs/cgroup")
CONTROLLERS: Final = ("memory", "pids", "cpuacct", "cpu", "cpu,cpuacct")
SYSTEM_FILES: Final = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/java-11-openjdk",
    "/etc/java-17-openjdk",
    "/etc/java-21-openjdk",
    "/etc/java-25-openjdk",
    "/etc/passwd",
    "/etc/group",
)
PYTEST_PARTS: Final = (
    "pytest",
    "_pytest",
    "py",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
)
PYTEST_FOLDER: Final = "lib"  # beside the agent, which looks for it there
OLDEST_PYTHON: Final = (3, 10)
END_SECONDS: Final = 10.0


class BubblewrapBackend:
    """Makes boxes by `bwrap`."""

    name = "bubblewrap"

    def __init__(self, settings: BoxSettings) -> None:
        self._settings = settings

    async def check(self) -> None:
        """Look whether boxes can be made; raises IsolationError if not."""
        if shutil.which("bwrap") is None:
            raise IsolationError(
                "bubblewrap is not installed; run: sudo apt install bubblewrap (or start Docker)"
            )
        rootfs = self._settings.rootfs
        if rootfs is not None and not (Path(rootfs) / "usr").is_dir():
            raise IsolationError(
                f"{rootfs} is no root file system; run: plumb sandbox build --rootfs {rootfs}"
            )

    async def open(self) -> Box:
        """Start a box.

        Raises:
            BoxLostError: It cannot be started; says why.
        """
        headers = None if self._settings.rootfs else await asyncio.to_thread(precompiled)
        groups = Groups.make() if os.geteuid() == 0 else Groups([])
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command(groups, headers),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                limit=LINE_BYTES,
                start_new_session=True,  # a Ctrl-C at the terminal is not for it
                env={
                    "PATH": "/usr/local/bin:/usr/bin:/bin",
                    "PYTHONPATH": AGENT_HOME,
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
            )
        except OSError as error:
            groups.remove()
            raise BoxLostError(f"bwrap cannot be started: {error}") from error
        return await Box.greet(_Piped(process, groups))

    def _command(self, groups: "Groups", headers: Path | None) -> list[str]:
        settings = self._settings
        python = "/usr/bin/python3"
        command = [shutil.which("bwrap") or "bwrap", "--die-with-parent"]
        command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        if os.geteuid() == 0:
            for name in CAPABILITIES:
                command += ["--cap-add", f"CAP_{name}"]
        else:
            command += ["--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL"]
        if settings.rootfs is not None:
            command += ["--ro-bind", settings.rootfs, "/"]
        else:
            python, prefix = host_python()
            command += host_files(prefix)
            agent = str(Path(agent_file).parent)
            home = f"{AGENT_HOME}/{AGENT_PACKAGE}"
            command += [*_folders(home), "--ro-bind", agent, home]
            command += [*_folders("/app/"), *_folders("/store/"), *_pytest_files(python)]
            if headers is not None:
                command += ["--ro-bind", str(headers), HEADERS]
        command += ["--proc", "/proc", "--dev", "/dev"]
        command += ["--perms", "0755", "--size", str(settings.store_room_mb << 20)]
        command += ["--tmpfs", "/store", "--perms", "0755", "--size", str(1 << 20)]
        command += ["--tmpfs", "/tmp", *groups.arguments(), "--chdir", "/", "--hostname", "sandbox"]
        return [*command, "--", *settings.command(python)]


def host_python() -> tuple[str, str | None]:
    """A Python of this machine for boxes, and the folder that it needs beside /usr.

    The distribution's own, if it is young enough; else the one that runs this.
    """
    system = "/usr/bin/python3"
    if os.access(system, os.X_OK):
        asked = "import sys; print(*sys.version_info[:2])"
        said = subprocess.run(
            [system, "-I", "-S", "-c", asked],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        ).stdout.split()
        if tuple(map(int, said)) >= OLDEST_PYTHON:
            return system, None
    base = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(base / "bin" / name), None if base.is_relative_to("/usr") else str(base)


def host_files(prefix: str | None) -> list[str]:
    """How bwrap shows /usr and what belongs to it, and the folder of a Python, if it has one."""
    command: list[str] = []
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    command += _folders("/etc/")
    for file in SYSTEM_FILES:
        command += ["--ro-bind-try", file, file]
    if prefix is not None:
        command += [*_folders(prefix), "--ro-bind", prefix, prefix]
    return command


def _pytest_files(python: str) -> list[str]:
    """pytest for tests that need it: this machine's own, else that of Plumb's environment.

    Where neither is there, such tests say so when they are run.
    """
    asked = [python, "-I", "-c", "import pytest"]
    if subprocess.run(asked, capture_output=True, timeout=20, check=False).returncode == 0:
        return []
    command = _folders(f"{AGENT_HOME}/{PYTEST_FOLDER}/")
    for name in PYTEST_PARTS:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            return []
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        command += ["--ro-bind", str(source), f"{AGENT_HOME}/{PYTEST_FOLDER}/{source.name}"]
    return command


def _folders(path: str) -> list[str]:
    """Make the folders above `path`, for everybody: bwrap's own would be for root alone."""
    above = [str(parent) for parent in reversed(Path(f"{path}x").parents) if parent != Path("/")]
    return [word for folder in above for word in ("--perms", "0755", "--dir", folder)]


class Groups:
    """Control groups of a box, under the machine's root group, as `cgroups.py` expects them."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders

    @classmethod
    def make(cls) -> "Groups":
        """Make them where this machine lets us, and remove those of processes that were killed."""
        name = f"plumb-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        unified = (CGROUPS / "cgroup.controllers").exists()
        parents = [CGROUPS] if unified else [CGROUPS / one for one in CONTROLLERS]
        made: list[Path] = []
        with contextlib.suppress(OSError):  # without groups resource limits remain
            for parent in parents:
                if parent.is_dir() and not parent.is_symlink():
                    cls([one for one in parent.glob("plumb-*-*") if not _is_owned(one)]).remove()
                    (parent / name).mkdir()
                    made.append(parent / name)
        return cls(made)

    def arguments(self) -> list[str]:
        """How bwrap shows them to the box."""
        shown: list[str] = []
        for folder in self._folders:
            inside = CGROUPS / folder.parent.relative_to(CGROUPS)
            shown += ["--bind", str(folder), str(inside)]
        return shown

    def bound(self, memory_mb: int, processes: int) -> list[Path]:
        """Cap them, for a box that makes none of its own; the files by which a process joins.

        Empty where this machine has no groups that bound both memory and processes.
        """
        most = memory_mb << 20
        caps = {
            "memory.limit_in_bytes": most,
            "memory.memsw.limit_in_bytes": most,
            "memory.max": most,
            "memory.swap.max": 0,
            "pids.max": processes,
        }
        needed = {"memory.limit_in_bytes", "memory.max", "pids.max"}
        capped = set()
        for folder in self._folders:
            for name, value in caps.items():
                with contextlib.suppress(OSError):  # not of this version, or without swap
                    with (folder / name).open("r+") as file:
                        file.write(str(value))
                    capped.add(name)
        if {name.partition(".")[0] for name in capped & needed} != {"memory", "pids"}:
            return []
        return [folder / "cgroup.procs" for folder in self._folders]

    def remove(self) -> None:
        """Remove them with all groups in them, as soon as their processes have gone."""
        end = time.monotonic() + END_SECONDS
        for folder in self._folders:
            inner = sorted((one for one in folder.rglob("*") if one.is_dir()), reverse=True)
            for group in [*inner, folder]:
                while group.exists() and time.monotonic() < end:
                    try:
                        group.rmdir()
                    except OSError:  # the kernel is still taking a process down
                        time.sleep(0.01)


def _is_owned(group: Path) -> bool:
    """Whether the process that made a group still lives."""
    return Path("/proc", group.name.split("-")[1]).exists()


class _Piped:
    """A box's standard streams."""

    def __init__(self, process: asyncio.subprocess.Process, groups: Groups) -> None:
        self.name = str(process.pid)
        self._process = process
        self._groups = groups
        self._said: deque[str] = deque(maxlen=20)
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def readline(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await asyncio.wait([self._listening], timeout=1.0)
        return line

    async def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        async with asyncio.timeout(END_SECONDS):
            await self._process.wait()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await asyncio.to_thread(self._remove_groups)

    def last_words(self) -> str:
        return self._said[-1] if self._said else ""

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._said.append(line.decode(errors="replace").strip())

    def _remove_groups(self) -> None:
        self._groups.remove()
