"""Ends every process of a command together with the process that started it.

Ray's own agents can outlive a driver that was killed. The guardian is a small process in a session
of its own. It keeps a list of the driver's descendants, and waits on a pipe: when the pipe closes,
however the driver ended, it kills those that have not ended by themselves. Where the driver ended
without a word (killed, or by Ray, whose node or head died), it says so in its place. A guardian
that dies is started again.
"""

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import psutil

WATCH = 0.5
"""Seconds between two looks at the driver's descendants."""

GRACE = 2.0
"""Seconds that processes get to end by themselves."""

LEAVE = 5.0
"""Seconds for the last line of a process that ends at once to be read."""

WORD = b"."
"""What a driver says before it closes the pipe."""

DIED = (
    "plumb: the command's process died without a word: it was killed, or Ray ended it because its "
    "node or the cluster's head died; a run goes on from its last checkpoint with --resume"
)


_guards: list["Guard"] = []


@contextmanager
def guarded() -> Iterator["Guard"]:
    """Processes started inside the block have ended when it ends, or soon after this one dies."""
    command = [sys.executable, "-m", "rl.guardian", str(os.getpid())]
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    command += map(str, before)
    guard = Guard(command)
    _guards.append(guard)
    try:
        yield guard
    finally:
        _guards.remove(guard)
        guard.end()


def leave(message: str) -> NoReturn:
    """End this process at once with an error, and let the guardian end what it has started.

    Also where nobody reads its output any more: what is written there is waited for.
    """
    late = threading.Timer(LEAVE, os._exit, (1,))
    late.daemon = True
    late.start()
    for guard in _guards:
        guard.sign_off()
    print(f"plumb: {message}", file=sys.stderr, flush=True)
    os._exit(1)


class Guard:
    """The driver's end: a guardian, and another one where it dies."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._is_over = False
        self._process = self._start()
        threading.Thread(target=self._keep, name="guardian", daemon=True).start()

    def end(self) -> None:
        """Let it end what is left, and wait for that."""
        with self._lock:
            self._is_over = True
        pipe = self._process.stdin
        assert pipe is not None
        with suppress(OSError):  # it may be dead
            pipe.write(WORD)
            pipe.close()
        self._process.wait(timeout=30)

    def leave(self) -> NoReturn:
        """End this process at once, whose error was told, and let the guardian end the rest."""
        self.sign_off()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(1)

    def sign_off(self) -> None:
        """Let the guardian know that this process ends, and has said why."""
        with self._lock:
            self._is_over = True
        pipe = self._process.stdin
        assert pipe is not None
        with suppress(OSError):  # it may be dead
            pipe.write(WORD)
            pipe.flush()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)

    def _keep(self) -> None:
        while True:
            self._process.wait()
            with self._lock:
                if self._is_over:
                    return
                print("plumb: this command's guardian died; another is started", file=sys.stderr)
                self._process = self._start()


def main() -> None:
    """Watch a driver's descendants until it ends; leave alone those it had before, and theirs."""
    pid, *spared = (int(argument) for argument in sys.argv[1:])
    ignored = {*spared, os.getpid()}
    try:
        driver = psutil.Process(pid)
    except psutil.NoSuchProcess:  # it ended before this one was there, and has started nothing
        return
    known: set[psutil.Process] = set()
    while not select.select([sys.stdin], [], [], WATCH)[0]:
        known |= _descendants(driver, ignored)
    if not sys.stdin.buffer.read(1):
        print(DIED, file=sys.stderr, flush=True)
    known |= _descendants(driver, ignored)
    for process in list(known):
        known |= _descendants(process, ignored)
    _wait_for_end(known, GRACE)
    deadline = time.monotonic() + 20
    while (remaining := _alive(known)) and time.monotonic() < deadline:
        for process in remaining:
            _kill(process)
        _wait_for_end(remaining, 1)


def _wait_for_end(processes: Collection[psutil.Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _alive(processes) and time.monotonic() < deadline:
        time.sleep(0.05)


def _alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that its parent, the driver, has not waited for has ended too."""
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _descendants(process: psutil.Process, ignored: set[int]) -> set[psutil.Process]:
    """Those that run now, but for the ignored ones and theirs; none of a process that has ended,
    whoever has its number since then."""
    try:
        children = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return set()
    left, found = set(ignored), set()
    for child in children:  # each after its parent
        with suppress(psutil.NoSuchProcess):
            if child.pid in left or child.ppid() in left:
                left.add(child.pid)
            else:
                found.add(child)
    return found


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    main()
