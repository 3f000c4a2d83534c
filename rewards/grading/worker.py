"""The process in which plain verifiers run: `python -m rewards.grading.worker`, started by a pool.

Guarantees: it loads its verifiers, grades what it is sent one after the other, and answers each
request once. It dies with the process that started it, together with whatever the verifier started,
even while stuck in C code. What the verifier prints goes nowhere; what it allocates is capped.
"""

import fcntl
import os
import pickle
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import BinaryIO

from rewards.errors import RewardError
from rewards.grading.wire import Graded, Stamp, encode_reply, failed_line, read_request, ready_line
from rewards.registry import AnyVerifier
from rewards.types import Sample, Verdict
from rewards.use import Use


def tie_to(lifeline: int) -> None:
    """Have the whole process group killed when the other end of the pipe `lifeline` closes.

    On Linux the kernel does it, by a signal for that pipe: a thread could not, while C code holds
    the interpreter lock, and PR_SET_PDEATHSIG fires as soon as the starting *thread* ends.
    """
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
        poll = select.poll()
        poll.register(lifeline, 0)
        if poll.poll(0):  # it had closed before the kernel was asked to watch
            os.killpg(0, signal.SIGKILL)
    else:
        threading.Thread(target=_kill_group_at_end_of, args=(lifeline,), daemon=True).start()


def _kill_group_at_end_of(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def cap_resources(memory_mb: int) -> None:
    """Cap private memory and forbid core dumps.

    RLIMIT_DATA counts what can be written privately; unlike RLIMIT_AS it does not count address
    space that libraries only reserve.
    """
    limit = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def grade(verifier: AnyVerifier, request: bytes) -> Verdict:
    """The verdict on one pickled sample."""
    try:
        sample = pickle.loads(request)
    except Exception as error:
        return Verdict.ungradable(f"unpickling: {type(error).__name__}: {error}")
    if not isinstance(sample, Sample):
        return Verdict.ungradable(f"unpickling: {type(sample).__name__} is not a Sample")
    try:
        return verifier.judge(sample)
    except RewardError as error:
        return Verdict.ungradable(f"{type(error).__name__}: {error}")


def serve(
    verifiers: Sequence[AnyVerifier], requests: BinaryIO, replies: BinaryIO, stamp: Stamp
) -> None:
    """Answer requests until there are no more."""
    while (request := read_request(requests)) is not None:
        began = stamp.start()
        number, sample = request
        verdict = grade(verifiers[number], sample)
        line = encode_reply(Graded(verdict, time.monotonic() - began))
        stamp.clear()
        replies.write(line)
        replies.flush()


def load(use: str) -> AnyVerifier:
    """The verifier of a use, warm."""
    verifier = Use.from_argument(use).load()
    if verifier.warm_up is not None:
        verifier.warm_up()
    return verifier


def main(arguments: list[str]) -> int:
    """Serve on the given file descriptors: requests, replies, lifeline, stamp; then MB and uses."""
    request_fd, reply_fd, lifeline_fd, stamp_fd, memory_mb = map(int, arguments[:5])
    for fd in (request_fd, reply_fd, lifeline_fd, stamp_fd):
        os.set_inheritable(fd, False)  # or a program that the verifier starts keeps them open
    tie_to(lifeline_fd)
    cap_resources(memory_mb)
    with os.fdopen(request_fd, "rb") as requests, os.fdopen(reply_fd, "wb") as replies:
        try:
            verifiers = [load(use) for use in arguments[5:]]
        except (Exception, SystemExit) as error:
            replies.write(failed_line(error))
            return 1
        replies.write(ready_line())
        replies.flush()
        serve(verifiers, requests, replies, Stamp(stamp_fd))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
