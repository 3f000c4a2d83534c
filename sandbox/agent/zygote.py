"""A slot's warm process: each run is a fork of it.

Guarantees: it never sees a program, an input or an output, only where they are, so that no run can
find another's in its memory. It starts a run for each message on the socket that is its standard
input, kills it when told so, and answers with how it ended. It ends when that socket closes.

A message is JSON with file descriptors: `roles`, one or two processes, each with the `fds` it takes
(numbers into the message's descriptors), `argv` or `python`, and what `jail.enter` wants.
"""

import fcntl
import gc
import json
import os
import select
import signal
import socket
from typing import Any, NoReturn

from . import jail, kernel, python_run, seccomp

MESSAGE_BYTES, MESSAGE_FDS = 1 << 16, 16
REPORT_FD = 900  # where a first process says that its walls could not be put up


class Child:
    """A running role: its pid here, and a descriptor that is readable when it has ended."""

    def __init__(self, pid: int, report: int) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self._report = report
        self.ended: dict[str, Any] | None = None

    def kill(self) -> None:
        if self.ended is None:
            os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> None:
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.pidfd)
        # The first process closes its end before the program starts: this cannot be forged.
        with os.fdopen(self._report, "rb") as report:
            fault = report.read().decode(errors="replace")
        self.ended = {
            "code": os.waitstatus_to_exitcode(status),
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "fault": fault,
        }


def serve(control: socket.socket) -> None:
    """Start what is asked for until the socket closes."""
    bpf = seccomp.program_filter()
    own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    jail.build_root()
    control.send(b'{"ready": true}')
    gc.freeze()
    while True:
        message, fds, _, _ = socket.recv_fds(control, MESSAGE_BYTES, MESSAGE_FDS)
        if not message:
            return
        request = json.loads(message)
        if "roles" not in request:
            continue  # a kill for a run that has just ended
        python_run.prepare(role["python"] or {} for role in request["roles"])
        children = []
        for role in request["roles"]:
            kernel.setns(own_pids, kernel.CLONE_NEWPID)
            kernel.unshare(kernel.CLONE_NEWPID)
            report, theirs = os.pipe()
            pid = os.fork()
            if pid == 0:
                _first_process(role, fds, theirs, bpf)
            os.close(theirs)
            children.append(Child(pid, report))
        for fd in fds:
            os.close(fd)
        _wait(control, children)
        answer = {"number": request["number"], "ended": [child.ended for child in children]}
        control.send(json.dumps(answer).encode())


def _wait(control: socket.socket, children: list[Child]) -> None:
    """Wait for all children; when anything is said meanwhile, kill them."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    by_fd = {child.pidfd: child for child in children}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while by_fd:
        for fd, _ in poll.poll():
            if fd in by_fd:
                poll.unregister(fd)
                by_fd.pop(fd).reap()
            else:
                if not control.recv(MESSAGE_BYTES):
                    poll.unregister(control)
                for child in by_fd.values():
                    child.kill()


def _first_process(role: dict[str, Any], fds: list[int], report: int, bpf: bytes) -> NoReturn:
    """In the child: take the role's descriptors, put up the walls, and start the program."""
    os.dup2(report, REPORT_FD)
    try:
        _take(role["fds"], fds)
        jail.enter(role, bpf)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one signal with a handler
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # nobody reads or writes the first process
        pid = os.fork()
        if pid == 0:
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            jail.limit(role["limits"])
    except BaseException as error:
        os.write(REPORT_FD, f"a wall cannot be put up: {error}".encode())
        os._exit(1)
    os.close(REPORT_FD)
    if pid:
        os._exit(_mind(pid))
    if role.get("argv"):
        _execute(role["argv"], role["env"])
    os.environ.clear()
    os.environ.update(role["env"])
    python_run.run(role["python"])


def _take(wanted: list[int], fds: list[int]) -> None:
    """Make descriptor 0, 1, 2, ... of the `wanted` ones; close every other but REPORT_FD."""
    high = [os.dup(fds[index]) for index in wanted]
    floor = max(high) + 1
    kept = [_dup_above(fd, floor) for fd in high]
    for number, fd in enumerate(kept):
        os.dup2(fd, number, inheritable=True)
    os.closerange(len(kept), REPORT_FD)
    os.closerange(REPORT_FD + 1, 1 << 16)


def _dup_above(fd: int, floor: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD, floor)


def _mind(pid: int) -> int:
    """As the first process of the namespace: wait for the program, and end everything with it."""
    os.closerange(0, 256)
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them
    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    serve(socket.socket(fileno=os.dup(0)))
