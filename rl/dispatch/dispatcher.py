"""Keeps prompts in flight and hands out batches; knows no engine, no Ray and no torch.

Guarantees:

- Every index that the source gave ends exactly once, as trained, rejected or ungradable, or it is
  in flight, ready, or to be sent again: at any instant, whatever dies, is cancelled or resumed.
- A group whose engine or runner was lost starts again at once, under its own index and place;
  surplus that `max_lag` forbids to train is sent again under its own index.
- Nothing drains: batches are taken while other groups are in flight (none are where max_lag is 0).
- When prompts run out, the last batch is short and nothing that was accepted is lost; then batches
  are empty.
- Whatever fails ends `batch` with its error; nothing is swallowed.
"""

import asyncio
import heapq
from collections.abc import Callable
from functools import partial
from typing import Final

from data.schema import Prompt, PromptSource
from rl.dispatch.admission import Admission
from rl.dispatch.flight import Ended, Flight, Run, waiting
from rl.dispatch.ledger import Ledger, Ready
from rl.dispatch.pacing import Pacing
from rl.dispatch.state import DispatchState
from rl.dispatch.telling import Telling
from rl.dispatch.window import Window
from rl.errors import EngineError, EngineLostError, RunnerLostError
from rl.groups import Batch, Group
from rl.phases import PhaseClock

LOSSES: Final = 20
"""Times that one group may begin again: more say that something else is wrong."""


class Dispatcher:
    """Fills batches from a prompt source, endlessly.

    Args:
        source: yields prompts in a fixed order and remembers its position.
        run: samples and grades one group.
        ledger: which groups form a batch.
        pacing: how many groups are in flight.
        admission: which groups can teach something.
        window: counts what became of the groups since the last batch, and stops the run in time.
        version: the newest policy version.
        free: groups that the engines could start at once.
        ended: told how groups end.
        clock: the phases of `run`, whose seconds are those of a batch.
    """

    def __init__(
        self,
        source: PromptSource,
        run: Run,
        ledger: Ledger[Group],
        pacing: Pacing,
        admission: Admission,
        window: Window,
        *,
        version: Callable[[], int],
        free: Callable[[], float],
        ended: Ended = lambda _group, _ending: None,
        clock: PhaseClock | None = None,
    ) -> None:
        self._source = source
        self._run = run
        self._ledger = ledger
        self._pacing = pacing
        self._admission = admission
        self._window = window
        self._version = version
        self._free = free
        self._ended = ended
        self._clock = clock or PhaseClock()
        self._next_index = 0
        self._again: list[tuple[int, Prompt]] = []  # a heap, by index
        self._telling = Telling(source)
        self._flights: dict[int, Flight] = {}
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._paused: set[str] = set()
        self._is_closed = self._is_asked = False

    def pump(self) -> None:
        """Dispatch what may be; call it after a new version, and when engines became free."""
        if self._paused or self._is_closed or self._failure is not None:
            return
        while self._pacing.room(self._version(), self._free()):
            ticket = self._next_ticket()
            if ticket is None:
                return
            index, prompt = ticket
            self._start(index, Flight(prompt, self._pacing.dispatched()))

    async def batch(self) -> Batch:
        """The next batch, as soon as it is known; short, then empty, once prompts have run out.

        Raises:
            SamplerStarvedError: As many groups as may be ended, and did not fill the batch.
            UngradableError: Too many answers could not be graded.
        """
        self._is_asked = True
        try:
            while True:
                if self._failure is not None:
                    raise self._failure
                self._return_surplus()  # first, as it makes room
                self.pump()
                batch = self._next_batch()
                if batch is not None:
                    return batch
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._is_asked = False

    def pause(self, why: str = "") -> None:
        """Dispatch nothing until `resume` is told the same; what is in flight goes on."""
        self._paused.add(why)

    def resume(self, why: str = "") -> None:
        """Dispatch again, unless there is another reason not to."""
        if why in self._paused:
            self._paused.remove(why)
            self.pump()

    async def aclose(self) -> None:
        """Cancel what is in flight and wait for its end; `state` then still holds its prompts."""
        self._is_closed = True
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        # Before anything is awaited: a cancellation may end the wait below.
        for index in list(self._flights):
            self._cut_short(index)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def state(self) -> DispatchState:
        """What a checkpoint holds, as references; at any instant."""
        flying = [(index, flight.prompt) for index, flight in self._flights.items()]
        return DispatchState(
            next_index=self._next_index,
            taken=self._ledger.taken,
            again=tuple(sorted([*flying, *self._again], key=lambda ticket: ticket[0])),
            ready=tuple(item.group for item in self._ledger.waiting),
            pacing=self._pacing.state_dict(),
            source=self._source.state_dict(),
            untold=self._telling.untold,
        )

    def restore(self, state: DispatchState) -> None:
        """Go on from a state; the source checks that its data is the same."""
        self._source.load_state_dict(state.source)
        ready = [Ready(group.index, group.start, group) for group in state.ready]
        self._ledger.restore(state.taken, ready)
        self._pacing.load_state_dict(state.pacing)
        self._next_index = state.next_index
        self._again = list(state.again)  # sorted, and so a heap
        self._telling.restore(state.untold)

    @property
    def in_flight(self) -> int:
        """Groups that are being sampled or graded."""
        return len(self._flights)

    @property
    def status(self) -> str:
        """What a batch that is being waited for lacks, in a few words; empty where none is."""
        if not self._is_asked:
            return ""
        ledger = self._ledger
        return waiting(self.waits_for(), ledger.ready, ledger.size, self.in_flight)

    def oldest(self, most: int) -> list[Flight]:
        """The groups that have been in flight for longest."""
        return heapq.nsmallest(most, list(self._flights.values()), key=lambda one: one.since)

    def waits_for(self) -> list[str]:
        """Prompts in flight for which alone the next batch waits; none: it lacks groups."""
        flights = dict(self._flights)
        return [flights[i].prompt.id for i in self._ledger.blockers() if i in flights]

    def _next_batch(self) -> Batch | None:
        if not self._ledger.known and not self._is_drained():
            self._check_starved()
            return None
        self._window.check_trust()
        taken = self._ledger.take_rest()
        self._pacing.taken()
        self._telling.taken()
        self._return_surplus()
        endings = self._window.endings
        endings["trained"] = len(taken)
        self._window.clear()
        return Batch(
            version=self._ledger.taken - 1,
            groups=tuple(item.group for item in taken),
            endings=endings,
            ready=self._ledger.ready,
            seconds=self._clock.lap(),
        )

    def _is_drained(self) -> bool:
        """Whether nothing more will come."""
        return not self._flights and not self._has_prompts()

    def _check_starved(self) -> None:
        ledger, window = self._ledger, self._window
        if ledger.ready >= ledger.size or window.groups < window.limit:
            return
        # Where batches depend on outcomes alone, the moment of giving up does too.
        if (ledger.max_lag == 0 and ledger.open) or not self._has_prompts():
            return
        window.check_trust()
        carried = ledger.ready - window.endings["accepted"]
        raise window.starved(ledger.size - max(0, carried))

    def _start(self, index: int, flight: Flight) -> None:
        version = self._version()
        self._ledger.dispatch(index, version)
        self._flights[index] = flight
        coroutine = self._run(index, flight.prompt, version)
        flight.task = asyncio.create_task(coroutine, name=flight.prompt.id)
        flight.task.add_done_callback(partial(self._landed, index))

    def _landed(self, index: int, task: "asyncio.Task[Group]") -> None:
        if self._is_closed:
            return
        try:
            self._land(index, task)
            self.pump()
        except Exception as error:
            self._fail(error)
            if index in self._flights:
                self._cut_short(index)
        self._changed.set()

    def _land(self, index: int, task: "asyncio.Task[Group]") -> None:
        flight = self._flights[index]
        try:
            group = task.result()
        except (EngineLostError, RunnerLostError, asyncio.CancelledError) as error:
            self._begin_again(index, flight, error)
            return
        ending = self._admission.ending(group)
        del self._flights[index]
        accepted = ending == "accepted"
        self._ledger.settle(index, group if accepted else None, group.start)
        self._pacing.note(flight.place, accepted)
        self._window.note(group, ending)
        self._telling.ended(group)
        self._ended(group, ending)
        if self._ledger.max_lag and self._window.groups % self._ledger.size == 0:
            # Batches may be long in coming where a verifier is away.
            self._window.check_trust()

    def _begin_again(self, index: int, flight: Flight, error: BaseException) -> None:
        """At once and in its own place: a death changes no batch."""
        flight.losses += 1
        if flight.losses > LOSSES:
            lost = {EngineLostError: "lost its engine", RunnerLostError: "lost its runner"}
            what = next((lost[k] for k in lost if isinstance(error, k)), "been cancelled")
            raise EngineError(
                f"prompt {flight.prompt.id!r} has {what} {flight.losses} times: {error}"
            ) from error
        self._window.endings["restarted"] += 1
        self._ledger.withdraw(index)
        self._start(index, flight)

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error

    def _cut_short(self, index: int) -> None:
        """Take a group out of flight, so that its prompt is sent again."""
        self._ledger.withdraw(index)
        heapq.heappush(self._again, (index, self._flights.pop(index).prompt))

    def _return_surplus(self) -> None:
        for item in self._ledger.expire():
            heapq.heappush(self._again, (item.number, item.group.prompt))
            self._window.endings["returned"] += 1
            self._ended(item.group, "returned")

    def _next_ticket(self) -> tuple[int, Prompt] | None:
        if self._again:
            return heapq.heappop(self._again)
        prompt = self._source.next()
        if prompt is None:
            return None
        self._next_index += 1
        return self._next_index - 1, prompt

    def _has_prompts(self) -> bool:
        ticket = self._next_ticket()
        if ticket is not None:
            heapq.heappush(self._again, ticket)
        return ticket is not None
