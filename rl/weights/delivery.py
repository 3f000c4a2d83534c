"""Buckets of one update to every engine, and who was lost on the way.

Guarantees: at most one bucket is on its way to an engine, so that nothing overtakes; an engine that
dies, refuses or does not answer in time is named and left out, and never an exception, since the
learner's other ranks have to be kept company to the last bucket. Over a mapped buffer the others
go on. A broadcast is broken for all: what remains is not sent, and the update begins anew with
those that are left.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError
from torch import Tensor

from rl.awaiting import cause_of
from rl.errors import EngineLostError
from rl.weights.collective import BrokenBroadcastError, WeightGroup
from rl.weights.layout import Entry, checksum
from rl.weights.messages import BROKEN, Engine, Loss, Sent

GRACE = 10.0
"""Seconds that engines have to answer once a broadcast is broken; who does not is lost."""
LOOK = 0.2  # seconds between two looks at the engines while a broadcast is under way


class Delivery:
    """One update's way to the engines.

    Args:
        engines: those to send to.
        group: of them all, or None where they map the learner's buffer.
        seconds: for all of it, and again after each engine that did not answer within them.
        verify: whether engines compare checksums.
        adapter: of the adapters that travel, as `rl.weights.adapters` takes it; none: weights do.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        group: WeightGroup | None,
        seconds: float,
        verify: bool,
        adapter: Mapping[str, Any] | None = None,
    ) -> None:
        self._live = list(engines)
        self._group = group
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._verify = verify
        self._lost: dict[str, Loss] = {}
        self._broken = False
        self._nbytes = 0
        self._sending: Future[None] | None = None
        self._calls: dict[str, Any] = {}
        self._call("plumb_start_update", adapter)

    def post(self, entries: Sequence[Entry], start: int, data: Tensor) -> None:
        """Send a bucket once the one before it is loaded; returns while it is on its way."""
        self.settle()
        if self._broken or not self._live:
            return
        described = [(entry.name, entry.dtype, entry.shape, entry.offset) for entry in entries]
        update = {
            "entries": described,
            "start": start,
            "checksum": checksum(data) if self._verify else None,
        }
        self._call("update_weights", update)
        self._nbytes += data.nbytes
        if self._group is not None:
            self._sending = self._group.broadcast(data)

    def finish(self) -> Sent:
        """Wait for the last bucket and let the engines close the update."""
        self.settle()
        if not self._broken:
            self._call("plumb_finish_update")
            self.settle()
        return Sent(self._lost, not self._broken, self._nbytes)

    def _call(self, method: str, *arguments: Any) -> None:
        self._calls = {
            engine.name: engine.actor.call.remote(method, *arguments) for engine in self._live
        }

    def settle(self) -> None:
        """Wait until what is on its way has arrived, or is known not to."""
        waiting = {call: name for name, call in self._calls.items()}
        self._calls = {}
        while waiting:
            left = self._until - time.monotonic()
            slice_ = left if self._sending is None else min(left, LOOK)
            done, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=max(0.0, slice_))
            for call in done:
                self._look_at(waiting.pop(call), call)
            if self._lost and self._group is not None:
                self._break_off()
            if waiting and time.monotonic() >= self._until:
                late = f"sync.deadline={self._seconds:g} s"
                for name in waiting.values():
                    self._lose(name, f"it did not answer within {late}", died=True)
                self._until = time.monotonic() + self._seconds  # the others have not been slow
                break
        self._end_broadcast()

    def _look_at(self, name: str, call: Any) -> None:
        """Take the result of a call that has ended."""
        try:
            ray.get(call)
        except RayActorError as error:
            self._lose(name, f"its process died: {cause_of(error)}", died=True)
        except (RayTaskError, GetTimeoutError) as error:
            cause = getattr(error, "cause", None) or error
            reason = (str(cause).strip() or type(cause).__name__).splitlines()[0]
            if self._group is not None and BROKEN in str(error):
                self._break_off()  # the fault is another's, or the line's
            else:
                self._lose(name, f"{reason:.300}", died=isinstance(cause, EngineLostError))

    def _lose(self, name: str, reason: str, *, died: bool) -> None:
        self._lost[name] = Loss(reason, died)
        self._live = [engine for engine in self._live if engine.name != name]
        if self._group is not None:
            self._break_off()

    def _break_off(self) -> None:
        """A broadcast cannot be finished: the engines in it get the word, and a while to answer."""
        if not self._broken and self._group is not None:
            self._broken = True
            self._group.give_up()
            self._until = min(self._until, time.monotonic() + GRACE)

    def _end_broadcast(self) -> None:
        sending, self._sending = self._sending, None
        if sending is None or self._group is None or self._broken:
            return
        try:
            self._group.finish(sending)
        except BrokenBroadcastError:
            self._break_off()
