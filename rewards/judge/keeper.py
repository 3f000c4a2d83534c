"""Keeps a server's process: `python keeper.py COMMAND...`, with a pipe as standard input.

Guarantees: the command and its whole process group have ended when this program has; it ends them
when its standard input closes, so also when the process that started it is killed. Its exit code is
the command's. It imports nothing but the standard library.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

WATCH_SECONDS = 0.2
GRACE_SECONDS = 5.0
PR_SET_PDEATHSIG = 1


def main() -> int:
    """Keep the command in a process of its own, whose exit code is this one's.

    Ray kills the children of a worker that ends, and not their children: the keeper has to be one
    of those, or the server would be nobody's.
    """
    keeper = os.fork()
    if keeper == 0:
        os.setsid()
        os._exit(keep())
    _, status = os.waitpid(keeper, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 1


def keep() -> int:
    """Run the command until it ends or standard input closes."""
    child = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_follow_parent,  # noqa: PLW1509 (there are no other threads here)
    )
    while child.poll() is None:
        if select.select([sys.stdin], [], [], WATCH_SECONDS)[0] and not os.read(0, 1024):
            break
    code = child.poll()
    end_group(child.pid, child)
    return code if code is not None and code >= 0 else 1


def end_group(group: int, child: subprocess.Popen[bytes]) -> None:
    """End a process group: first kindly, then not."""
    for sign, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        try:
            os.killpg(group, sign)
        except (ProcessLookupError, PermissionError):
            return
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            child.poll()
            try:
                os.killpg(group, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.05)


def _follow_parent() -> None:
    """Have the kernel end the command should this program be killed (Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
