"""`math_equal` for a caller without a pool: one worker process, started when first needed.

Guarantees: a comparison ends by its deadline, in any thread; the worker ends with this process. A
process made by `fork` starts a worker of its own.
"""

import atexit
import os
import selectors
import threading
import time
from functools import cache

from rewards.errors import PoolError
from rewards.grading.process import WorkerProcess
from rewards.grading.wire import decode_reply, encode_request, start_error
from rewards.math.equal import decide, worth_algebra
from rewards.math.references import UnreadableError, alternatives, contradicts
from rewards.types import Sample, Verdict
from rewards.use import Use

USE = Use("math-bare", {"unevaluated": "accept"})  # what is asked is equivalence
MEMORY_MB = 512
START_SECONDS = 120.0
ATTEMPTS = 2  # a worker that dies is replaced once
_READ = 1 << 16


class _WorkerDiedError(Exception):
    """The reply stream ended."""


class StandaloneGrader:
    """Grades one sample at a time on one worker of the verifier "math-bare"."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None

    def is_correct(self, sample: Sample, deadline: float) -> bool:
        """Whether the verdict is correct; an answer that explodes is not.

        Raises:
            PoolError: The worker does not start.
        """
        with self._lock:
            for _ in range(ATTEMPTS):
                worker = self._worker or self._start()
                try:
                    worker.requests.write(encode_request(sample))
                    verdict = _verdict(_line(worker, deadline))
                except (_WorkerDiedError, BrokenPipeError):
                    self._stop()
                except TimeoutError:
                    self._stop()
                    return False
                else:
                    return verdict.is_correct
            return False

    def close(self) -> None:
        """End the worker; does nothing in a process that was forked meanwhile."""
        if self._owner == os.getpid():
            with self._lock:
                self._stop()

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess(USE.to_argument(), MEMORY_MB)
        self._worker = worker
        try:
            why = start_error(_line(worker, START_SECONDS))
        except (_WorkerDiedError, TimeoutError) as error:
            why = str(error)
        if why is not None:
            self._stop()
            raise PoolError(f"the worker for math_equal did not start: {why}")
        return worker

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()


def math_equal(prediction: str, reference: str, *, deadline: float = 3.0) -> bool:
    """Whether two bare answers are the same.

    Nearly all pairs are decided here, by the rules of `rewards.math.rules`; what their grammar does
    not cover goes to math-verify, in a worker process, for at most `deadline` seconds.

    Raises:
        PoolError: The worker does not start.
    """
    try:
        golds = alternatives(reference)
    except UnreadableError:
        return False
    decisions = [
        decide(prediction, gold) for gold in golds[: 1 + 2 * (not contradicts(prediction, golds))]
    ]
    if any(decision.same for decision in decisions):
        return True
    if decisions[0].same is False or not worth_algebra(prediction, golds[0]):
        return False
    sample = Sample(id="math_equal", prompt=(), response=prediction, reference=reference)
    return _grader(os.getpid()).is_correct(sample, deadline)


@cache
def _grader(_pid: int) -> StandaloneGrader:
    grader = StandaloneGrader()
    atexit.register(grader.close)
    return grader


def _line(worker: WorkerProcess, deadline: float) -> bytes:
    """The worker's next line.

    Raises:
        TimeoutError: It does not come within `deadline` seconds.
        _WorkerDiedError: It will not come.
    """
    end = time.monotonic() + deadline
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(worker.replies, selectors.EVENT_READ)
        while not received.endswith(b"\n"):
            if not selector.select(max(0.0, end - time.monotonic())):
                raise TimeoutError(f"no answer within {deadline:g} s")
            chunk = worker.replies.read(_READ)
            if not chunk:
                raise _WorkerDiedError("it died")
            received += chunk
    return received


def _verdict(line: bytes) -> Verdict:
    try:
        return decode_reply(line).verdict
    except ValueError as error:
        raise _WorkerDiedError("it does not speak the protocol") from error
