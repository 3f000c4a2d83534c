"""A process group for weights, none of whose calls can hang its caller.

A call into NCCL cannot be interrupted, and one into gloo not early, so each is made on a thread of
the group's own, and waited for with a deadline. A member that gives up says so in the store at
which the group met: everybody else who waits raises within a moment, whatever the library does. A
group that was given up is never used again; its members form the next one under another name.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from rl.errors import EngineError
from rl.rendezvous import c10d, join_store, make_group
from rl.weights.messages import BROKEN

LOOK = 0.1  # seconds between two looks at whether another member has given up


class BrokenBroadcastError(EngineError):
    """A member of the group died, hung or gave up; the fault need not be the one's who raises."""


class WeightGroup:
    """A member of a group of the learner's first rank and workers of engines.

    Args:
        host: where the learner's store is served.
        port: its port.
        group: its name; all members give the same, and no two groups of a run.
        rank: 0 is the learner.
        world_size: members.
        backend: gloo or nccl.
        meeting: seconds within which all members have to come.
        seconds: within which a broadcast has to end.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        group: str,
        rank: int,
        world_size: int,
        backend: str,
        meeting: float,
        seconds: float,
    ) -> None:
        self._seconds = seconds
        timeout = timedelta(seconds=seconds)
        # A store's connection is held while somebody waits for a key: looks need one of their own.
        self._marks = c10d.PrefixStore(group, join_store(host, port, timeout))
        meet_at = c10d.PrefixStore(group, join_store(host, port, timeout))
        self._jobs: queue.SimpleQueue[tuple[Callable[[], None], Future[None]] | None]
        self._jobs = queue.SimpleQueue()
        self._group: Any = None
        threading.Thread(target=self._work, name=group, daemon=True).start()

        def form() -> None:
            self._group = make_group(meet_at, rank, world_size, backend, timeout)

        self._finish(self._start(form), meeting)

    def broadcast(self, data: Tensor) -> "Future[None]":
        """Begin to send rank 0's `data` to everybody; `finish` waits for it."""
        device = data.device

        def run() -> None:
            if device.type != "cuda":
                self._group.broadcast([data], dist.BroadcastOptions()).wait()
                return
            # On a stream of its own, so that gathering the next bucket does not wait for this one.
            stream = torch.cuda.Stream(device)
            with torch.cuda.stream(stream):
                self._group.broadcast([data], dist.BroadcastOptions()).wait()
            stream.synchronize()

        return self._start(run)

    def finish(self, work: "Future[None]") -> None:
        """Wait for a broadcast.

        Raises:
            BrokenBroadcastError: It failed or took too long here, or anywhere else.
        """
        self._finish(work, self._seconds)

    def _finish(self, work: "Future[None]", seconds: float) -> None:
        until = time.monotonic() + seconds
        while not wait([work], timeout=LOOK).done:
            if self._is_given_up():
                raise BrokenBroadcastError(f"{BROKEN} by another member")
            if time.monotonic() > until:
                self.give_up()
                raise BrokenBroadcastError(f"{BROKEN} after {seconds:g} s")
        error = work.exception()
        if error is not None:
            self.give_up()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise BrokenBroadcastError(f"{BROKEN}: {reason:.300}") from error

    def give_up(self) -> None:
        """Tell every member, and end what this one has under way."""
        # Where the store went with the learner, each member sees that by itself.
        with contextlib.suppress(RuntimeError, OSError):
            self._marks.set("given_up", "1")
        self.close()

    def close(self) -> None:
        """End the group here."""
        self._jobs.put(None)
        abort = getattr(self._group, "abort", None)
        if abort is not None:
            # It waits for what cannot be interrupted.
            threading.Thread(target=_quietly, args=(abort,), daemon=True).start()

    def _is_given_up(self) -> bool:
        try:
            return bool(self._marks.check(["given_up"]))
        except (RuntimeError, OSError):
            return True

    def _start(self, work: Callable[[], None]) -> "Future[None]":
        future: Future[None] = Future()
        self._jobs.put((work, future))
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, future = job
            try:
                work()
                future.set_result(None)
            except Exception as error:
                future.set_exception(error)


def _quietly(work: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the group is broken already
        work()
