"""One slot: a zygote, its control group, and the run that it is at.

Guarantees: a run ends within its wall time, whatever it does; time in which others had the CPU that
it wanted is not counted, until it has used up its CPU time or waited MOST_STRETCH times its limit.
When `run` returns, every process of it has gone, and with them its namespaces, its files and its
memory. A zygote that breaks is replaced, and the run is answered as broken, never as a result.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from . import cgroups
from .denied import Denied, Wall, offspring

START_SECONDS: Final = 20.0  # for a zygote to put up its root
END_SECONDS: Final = 60.0  # for the kernel to tear a killed run down, on a loaded machine too
PYTEST_MB: Final = 12  # what it takes in a zygote that has loaded it
CHUNK: Final = 1 << 16
FIRST_UID: Final = 200_000
FIRST_NESTED_UID, UIDS = 20_000, 40_000
ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class BrokenError(Exception):
    """The slot's zygote failed; says how."""


class Uids:
    """A fresh outside user id for every role."""

    def __init__(self) -> None:
        with open("/proc/self/uid_map") as lines:
            first, _, count = map(int, lines.readline().split())
        self._count = 0
        self._first: int | None = FIRST_UID if count > FIRST_UID + UIDS else FIRST_NESTED_UID
        if first + count < FIRST_NESTED_UID + UIDS:
            self._first = None  # one id is all that this box has

    def take(self) -> int | None:
        """The next id; None where the box has but one."""
        if self._first is None:
            return None
        self._count += 1
        return self._first + self._count % UIDS


@dataclass(slots=True)
class Capture:
    """What one pipe of a run gave, up to a limit."""

    limit: int
    ends_run_when_full: bool = True
    data: bytearray = field(default_factory=bytearray)
    is_full: bool = False

    def read(self, fd: int) -> bool:
        """Take what is there; False at the end of the stream."""
        chunk = os.read(fd, CHUNK)
        room = self.limit - len(self.data)
        self.data += chunk[:room]
        self.is_full = self.is_full or len(chunk) > room
        return bool(chunk)

    @property
    def ends_run(self) -> bool:
        """Whether the run is to be stopped: standard error is merely cut."""
        return self.is_full and self.ends_run_when_full


class Pipes:
    """The descriptors of a run: what its roles get, and what is read of it here."""

    def __init__(self, inputs: Sequence[str], outer: Sequence[int], limits: dict[str, Any]) -> None:
        self.given: list[int] = []
        self._numbers: dict[str, int] = {}
        self._inputs = inputs
        self._outer = outer
        self._limits = limits
        self.captures: dict[int, Capture] = {}
        self.by_name: dict[str, Capture] = {}

    def number(self, name: str) -> int:
        """The place in `given` of what a role calls `name`; made when first asked for."""
        if name not in self._numbers:
            self._make(name)
        return self._numbers[name]

    def _make(self, name: str) -> None:
        kind, _, which = name.partition(":")
        if kind == "null":
            self._give(name, os.open("/dev/null", os.O_RDWR))
        elif kind == "input":
            self._give(name, _memory_file(self._inputs[int(which)]))
        elif kind == "outer":
            self._give(name, self._outer[int(which)])
        elif kind in ("out", "err", "result"):
            ours, theirs = os.pipe()
            os.set_blocking(ours, False)
            if kind != "result":
                os.fchmod(theirs, 0o622)  # a program may open /dev/stdout by name
            capture = Capture(self._limits[f"{kind}_bytes"], kind != "err")
            self.captures[ours] = self.by_name[kind] = capture
            self._give(name, theirs)
        elif kind in ("read", "write"):
            read, write = os.pipe()
            self._give(f"read:{which}", read)
            self._give(f"write:{which}", write)
        else:
            raise ValueError(f"no such descriptor: {name}")

    def _give(self, name: str, fd: int) -> None:
        self._numbers[name] = len(self.given)
        self.given.append(fd)

    def close_given(self) -> None:
        """Close what the roles have by now."""
        for fd in self.given:
            os.close(fd)
        self.given.clear()

    def close(self) -> None:
        """Close everything."""
        self.close_given()
        for fd in self.captures:
            os.close(fd)
        self.captures.clear()

    def text(self, name: str) -> str:
        """What came through a pipe; bytes that are no UTF-8 become lone surrogates."""
        found = self.by_name.get(name)
        return found.data.decode("utf-8", "surrogateescape") if found else ""


def _memory_file(text: str) -> int:
    fd = os.memfd_create("input", os.MFD_CLOEXEC)
    data = text.encode("utf-8", "surrogateescape")
    while data:
        data = data[os.write(fd, data) :]
    os.lseek(fd, 0, os.SEEK_SET)
    # A descriptor of its own that cannot write: roles share nothing through it.
    reader = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    os.close(fd)
    return reader


class Slot:
    """Runs one thing at a time."""

    def __init__(self, name: str, uids: Uids, group: "cgroups.Group | None") -> None:
        self.name = name
        self._uids = uids
        self._group = group
        self._number = 0
        self._stop = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._control: socket.socket
        self._process: subprocess.Popen[bytes]
        self._start()

    def _start(self) -> None:
        self._loaded_mb = 0  # of what the zygote has loaded since
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", f"{__package__}.zygote"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT | {"PYTHONPATH": sys.path[0]},
            )
        score = Path(f"/proc/{self._process.pid}/oom_score_adj")
        with contextlib.suppress(OSError):  # without the right to, a run's victim may be its zygote
            score.write_text("-900")
        if self._group is not None:
            self._group.add(self._process.pid)
        self._control.settimeout(START_SECONDS)
        try:
            ready = self._control.recv(CHUNK)
        except TimeoutError:
            ready = b""
        if not ready:
            self._process.kill()
            assert self._process.stderr is not None
            said = self._process.stderr.read().decode(errors="replace").strip().splitlines()
            raise BrokenError(f"cannot isolate a run: {said[-1] if said else 'no reason given'}")
        self._control.settimeout(END_SECONDS)

    def cancel(self) -> None:
        """End the current run, if there is one, from another thread."""
        os.eventfd_write(self._stop, 1)

    def forget_cancel(self) -> None:
        """Drop a `cancel` that came too late for the run it was meant for."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._stop)

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run the roles of `request` to their end, and say how it went.

        `wall_seconds` of the answer is without `denied_seconds`, and until it was stopped.

        Raises:
            BrokenError: The zygote died; a new one is there.
        """
        limits = request["limits"]
        pipes = Pipes(request.get("inputs", []), request.get("outer", []), limits)
        kills, spent = 0, 0.0
        if self._group is not None:
            if any((role.get("python") or {}).get("pytest") for role in request["roles"]):
                self._loaded_mb = PYTEST_MB
            self._group.cap(limits["memory_mb"] + self._loaded_mb, limits["processes"])
            kills, spent = self._group.oom_kills(), self._group.cpu_seconds()
        try:
            began = time.monotonic()
            wall = Wall(
                limits["wall_seconds"],
                Denied(self.processes),
                lambda: self._has_had(limits["cpu_seconds"], spent),
            )
            self._launch(request["roles"], pipes, limits)
            stopped, ended = self._watch(pipes, wall)
        except (OSError, EOFError) as error:
            self._restart()
            raise BrokenError(f"the process of slot {self.name} was lost: {error}") from error
        finally:
            pipes.close()
        answer = {
            "ended": ended,
            "stopped": stopped,
            "wall_seconds": max(0.0, wall.ended - began - wall.denied_seconds),
            "denied_seconds": wall.denied_seconds,
            "cpu_seconds": sum(role["cpu_seconds"] for role in ended),
            "memory_mb": 0.0,
            "out_of_memory": False,
            "full": [name for name, capture in pipes.by_name.items() if capture.is_full],
        }
        answer |= {name: pipes.text(name) for name in ("out", "err", "result")}
        if self._group is not None:
            answer["out_of_memory"] = self._group.oom_kills() > kills
            own = cgroups.ZYGOTE_MB / 2 + self._loaded_mb
            answer["memory_mb"] = max(0.0, self._group.peak_mb() - own)
            answer["cpu_seconds"] = self._group.cpu_seconds() - spent
        return answer

    def close(self) -> None:
        """End the zygote."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _restart(self) -> None:
        self.close()
        self._start()

    def _launch(self, roles: list[dict[str, Any]], pipes: Pipes, limits: dict[str, Any]) -> None:
        self._number += 1
        described = [
            {
                "fds": [pipes.number(name) for name in role["fds"]],
                "uid": self._uids.take(),
                "app": role.get("app"),
                "argv": role.get("argv"),
                "python": role.get("python"),
                "env": ENVIRONMENT,
                "disk_mb": limits["disk_mb"],
                "inodes": limits["inodes"],
                "limits": self._resource_limits(limits),
            }
            for role in roles
        ]
        message = json.dumps({"number": self._number, "roles": described}).encode()
        socket.send_fds(self._control, [message], pipes.given)
        pipes.close_given()

    def _resource_limits(self, limits: dict[str, Any]) -> dict[str, int]:
        most = {
            "RLIMIT_CPU": max(1, int(limits["cpu_seconds"] + 0.999)),
            "RLIMIT_FSIZE": limits["disk_mb"] << 20,
            "RLIMIT_NOFILE": 1024,
            "RLIMIT_CORE": 0,
            "RLIMIT_STACK": limits["stack_mb"] << 20,
            "RLIMIT_MEMLOCK": 1 << 16,
            "RLIMIT_MSGQUEUE": 1 << 16,
        }
        if self._group is None:
            most["RLIMIT_NPROC"] = limits["processes"]
            most["RLIMIT_DATA"] = limits["memory_mb"] << 20
        return most

    def _watch(self, pipes: Pipes, wall: Wall) -> tuple[str | None, list[dict[str, Any]]]:
        """Read the run's pipes until it has ended; why it was stopped, and how its roles ended."""
        end = 0.0  # by when a run that was stopped must have gone
        poll = select.poll()
        for fd in [self._control.fileno(), self._stop, *pipes.captures]:
            poll.register(fd, select.POLLIN)
        stopped: str | None = None
        ended: list[dict[str, Any]] | None = None
        pending = set(pipes.captures)
        while ended is None:
            left = wall.left() if stopped is None else end - time.monotonic()
            if left <= 0:
                if stopped is not None:
                    raise EOFError(f"a run did not end {END_SECONDS:g} s after it was killed")
                stopped, end = self._kill("wall", wall)
                continue
            for fd, _ in poll.poll(min(left, 600.0) * 1000):
                if fd == self._stop:
                    os.eventfd_read(self._stop)
                    if stopped is None:
                        stopped, end = self._kill("cancelled", wall)
                elif fd == self._control.fileno():
                    ended = self._answer() or ended
                elif not pipes.captures[fd].read(fd):
                    poll.unregister(fd)
                    pending.discard(fd)
                elif pipes.captures[fd].ends_run and stopped is None:
                    stopped, end = self._kill("output", wall)
        for fd in pending:  # whoever could still write has gone; descriptors may linger in sockets
            with contextlib.suppress(BlockingIOError):
                while pipes.captures[fd].read(fd):
                    pass
        return stopped, ended

    def _has_had(self, seconds: float, spent: float) -> bool:
        """Whether the run had as much CPU time as an idle machine gives it within its limits."""
        most = seconds * len(os.sched_getaffinity(0))
        return self._group is not None and self._group.cpu_seconds() - spent >= most

    def processes(self) -> list[int]:
        """The processes of the run."""
        if self._group is None:
            return offspring(self._process.pid)
        return [pid for pid in self._group.processes() if pid != self._process.pid]

    def _kill(self, reason: str, wall: Wall) -> tuple[str, float]:
        wall.end()
        self._control.send(b'{"kill": true}')
        return reason, time.monotonic() + END_SECONDS

    def _answer(self) -> list[dict[str, Any]] | None:
        message = self._control.recv(CHUNK)
        if not message:
            raise EOFError("its zygote died")
        answer = json.loads(message)
        return answer["ended"] if answer["number"] == self._number else None
