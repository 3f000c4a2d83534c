"""Dynamic sampling: keep sampling until a batch is full of groups that can teach something.

Invariants:

- Every dispatched group ends exactly once: trained, carried, rejected, stale, late or ungradable.
  One that was cut short (an error, a cancellation, a restart) is dispatched again under its own
  index.
- A batch holds exactly `prompts_per_step` groups, in the order of their dispatch, until prompts
  run out; the last batch is then short and nothing that was accepted is lost.
- Which prompts a batch dispatches is a function of the groups' outcomes alone, never of the order
  in which they finish: short answers win no advantage, and a resumed run takes the same path.
- A call returns with nothing in flight, so that weights can change between two calls.

The third invariant holds because each of the two reasons to dispatch depends on outcomes alone. A
rejected group is replaced at once while even the acceptance of everything in flight could not fill
the batch. And each time a whole wave is known, from the batch's first group to the wave's last, the
next wave is as large as the groups still missing and the acceptance rate ask for; the rate is
averaged in dispatch order. Both are lower bounds that the batch has to reach under any timing.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from data.schema import Prompt, PromptSource
from rewards import Verdict
from rewards.types import SET_UP, TRUST
from rl.config import SamplerConfig
from rl.endings import ending_of, reasons_of, starved
from rl.errors import LateGroupError, SamplerStarvedError, UngradableError
from rl.old_groups import Generation, Group, prompt_from_state, prompt_to_state
from rl.phases import PhaseClock

ESTIMATE_WINDOW = 256
"""Groups over which the acceptance rate is averaged."""


class Grade(Protocol):
    """Grades the responses of one group, in order."""

    def __call__(self, prompt: Prompt, generation: Generation) -> Awaitable[Sequence[Verdict]]: ...


Generate = Callable[[Prompt, int], Awaitable[Generation]]
"""Samples one group for a prompt; the integer is the group's index."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A prompt on its way through generation and grading."""

    index: int
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call yields."""

    groups: list[Group]
    """To train on, in dispatch order."""
    resolved: list[Group]
    """Every group that was graded during the call, in dispatch order; the rejected ones too."""
    endings: Counter[str]
    """How groups ended during the call, by kind; `rejected_correct` and `rejected_incorrect` say
    which way a group was unanimous."""
    carried: int
    """Accepted groups that wait for the next batch."""
    seconds: Mapping[str, float]
    """Wall time by phase: `generate` while anything generates, else `grade`."""

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted share of the groups resolved during the call; none if there were none."""
        return self.endings["accepted"] / len(self.resolved) if self.resolved else None


@dataclass(slots=True)
class AcceptanceRate:
    """Running acceptance rate over groups in dispatch order, from an optimistic start of 1."""

    value: float = 1.0
    observed: int = 0
    _waiting: dict[int, bool] = field(default_factory=dict)
    _next: int = 0

    def observe(self, index: int, accepted: bool) -> Iterator[tuple[int, bool]]:
        """Note an outcome; yield those that now count, as every earlier one is known."""
        self._waiting[index] = accepted
        while self._next in self._waiting:
            known, counted = self._next, self._waiting.pop(self._next)
            self.observed += 1
            self.value += (counted - self.value) / min(self.observed, ESTIMATE_WINDOW)
            self._next += 1
            yield known, counted

    def state_dict(self) -> dict[str, Any]:
        """JSON-able state."""
        return {
            "value": self.value,
            "observed": self.observed,
            "next": self._next,
            "waiting": [[index, accepted] for index, accepted in self._waiting.items()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "AcceptanceRate":
        """The estimate that `state_dict` described."""
        return cls(state["value"], state["observed"], dict(state["waiting"]), state["next"])


class DynamicSampler:
    """Fills training batches from a prompt source; knows no engine, no Ray and no torch.

    Args:
        source: yields prompts in a fixed order and remembers its position.
        generate: samples a whole group.
        grade: one verdict a response.
        config: sizes and bounds.
        max_ungradable: share of a batch's graded responses that may be ungradable.
    """

    def __init__(
        self,
        source: PromptSource,
        generate: Generate,
        grade: Grade,
        *,
        config: SamplerConfig,
        max_ungradable: float = 1.0,
    ) -> None:
        self._source = source
        self._generate = generate
        self._grade = grade
        self._config = config
        self._max_ungradable = max_ungradable
        self._next_index = 0
        self._unfinished: deque[Ticket] = deque()
        self._ready: list[Group] = []
        self._rate = AcceptanceRate()
        self._fill: _Fill | None = None

    async def next_batch(self, policy_version: int) -> Batch:
        """Sample until the batch is full, or prompts have run out.

        Raises:
            SamplerStarvedError: `give_up_after` prompts did not fill the batch.
            UngradableError: too many responses could not be graded.
        """
        stale = self._expire(policy_version)
        fill = _Fill(self._config, stale, len(self._ready), self._rate.value)
        self._fill = fill
        tasks: dict[asyncio.Task[Group], Ticket] = {}
        try:
            while True:
                self._dispatch(fill, tasks)
                if not tasks:
                    break
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in sorted(done, key=lambda task: tasks[task].index):
                    self._resolve(fill, task.result())
                    del tasks[task]
        finally:
            self._fill = None
            await self._take_back(tasks)
        self._check_trust(fill)
        if fill.missing > 0 and fill.gave_up and self._has_prompts():
            raise SamplerStarvedError(
                starved(self._config, fill.needed, fill.endings, fill.resolved)
            )
        return self._assemble(fill)

    @property
    def status(self) -> str:
        """What the call in progress is doing, in a few words; empty between calls."""
        return self._fill.status if self._fill is not None else ""

    def state_dict(self) -> dict[str, Any]:
        """JSON-able state: position, groups that wait, and prompts to dispatch again."""
        return {
            "next_index": self._next_index,
            "unfinished": [[t.index, prompt_to_state(t.prompt)] for t in self._unfinished],
            "ready": [group.to_state() for group in self._ready],
            "rate": self._rate.state_dict(),
            "source": self._source.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict`'s value; the source checks that its data is the same."""
        self._source.load_state_dict(state["source"])
        self._next_index = state["next_index"]
        self._unfinished = deque(Ticket(i, prompt_from_state(p)) for i, p in state["unfinished"])
        self._ready = [Group.from_state(group) for group in state["ready"]]
        self._rate = AcceptanceRate.from_state(state["rate"])

    def _dispatch(self, fill: "_Fill", tasks: dict[asyncio.Task[Group], Ticket]) -> None:
        while fill.wants_more(len(tasks)):
            ticket = self._next_ticket()
            if ticket is None:
                return
            fill.dispatched.append(ticket.index)
            task = asyncio.create_task(self._run(ticket, fill.clock), name=ticket.prompt.id)
            tasks[task] = ticket

    def _next_ticket(self) -> Ticket | None:
        if self._unfinished:
            return self._unfinished.popleft()
        prompt = self._source.next()
        if prompt is None:
            return None
        self._next_index += 1
        return Ticket(self._next_index - 1, prompt)

    def _has_prompts(self) -> bool:
        ticket = self._next_ticket()
        if ticket is not None:
            self._unfinished.appendleft(ticket)
        return ticket is not None

    async def _run(self, ticket: Ticket, clock: PhaseClock) -> Group:
        try:
            with clock.phase("generate"):
                generation = await self._generate(ticket.prompt, ticket.index)
        except LateGroupError:
            return Group(ticket.index, ticket.prompt, Generation([], [], -1), [])
        with clock.phase("grade"):
            verdicts = await self._grade(ticket.prompt, generation)
        return Group(ticket.index, ticket.prompt, generation, list(verdicts))

    def _resolve(self, fill: "_Fill", group: Group) -> None:
        ending = ending_of(group, self._config.filter)
        fill.note(group, ending)
        for index, accepted in self._rate.observe(group.index, ending == "accepted"):
            fill.learn(index, accepted, self._rate.value)
        if ending == "accepted":
            self._ready.append(group)

    async def _take_back(self, tasks: Mapping[asyncio.Task[Group], Ticket]) -> None:
        """Cancel what is still in flight and queue its prompts for dispatch in the old order."""
        # Before anything is awaited: a second cancellation may end the wait below.
        tickets = sorted([*tasks.values(), *self._unfinished], key=lambda ticket: ticket.index)
        self._unfinished = deque(tickets)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _expire(self, policy_version: int) -> Counter[str]:
        oldest = policy_version - self._config.max_staleness
        fresh = [group for group in self._ready if group.generation.policy_version >= oldest]
        stale = len(self._ready) - len(fresh)
        self._ready = fresh
        return Counter(stale=stale)

    def _assemble(self, fill: "_Fill") -> Batch:
        self._ready.sort(key=lambda group: group.index)
        size = self._config.prompts_per_step
        groups, self._ready = self._ready[:size], self._ready[size:]
        fill.endings["trained"] = len(groups)
        resolved = sorted(fill.resolved, key=lambda group: group.index)
        return Batch(groups, resolved, fill.endings, len(self._ready), fill.clock.seconds)

    def _check_trust(self, fill: "_Fill") -> None:
        # Rows below the level of trust say nothing about how well grading works.
        verdicts = [one for group in fill.resolved for one in group.verdicts if one.kind != TRUST]
        bad = [one for one in verdicts if one.kind in SET_UP]
        if bad and len(bad) > self._max_ungradable * len(verdicts):
            raise UngradableError(
                f"{len(bad)} of {len(verdicts)} answers could not be graded, more than "
                f"reward.max_ungradable={self._max_ungradable:g} allows: {reasons_of(bad)}"
            )


class _Fill:
    """The filling of one batch: what was dispatched, what became of it, what is still wanted."""

    def __init__(
        self, config: SamplerConfig, endings: Counter[str], carried_in: int, rate: float
    ) -> None:
        self.needed = max(0, config.prompts_per_step - carried_in)
        self.endings = endings
        self.resolved: list[Group] = []
        self.dispatched: list[int] = []
        self.clock = PhaseClock()
        self._limit = config.give_up_after or 20 * config.prompts_per_step
        self._oversampling = config.max_oversampling
        self._known = 0
        self._accepted_known = 0
        self._wave_end = self._wave(rate)

    @property
    def missing(self) -> int:
        """Groups that the batch still lacks."""
        return self.needed - self.endings["accepted"]

    @property
    def status(self) -> str:
        """Progress for a person."""
        have = min(self.needed, self.endings["accepted"])
        in_flight = len(self.dispatched) - len(self.resolved)
        return f"sampling: {have}/{self.needed} groups, {in_flight} in flight"

    @property
    def gave_up(self) -> bool:
        """Whether the batch has consumed all the prompts it may."""
        return len(self.dispatched) >= self._limit

    def wants_more(self, in_flight: int) -> bool:
        """Whether another prompt has to be dispatched now."""
        if self.gave_up:
            return False
        return self.missing > in_flight or len(self.dispatched) < self._wave_end

    def note(self, group: Group, ending: str) -> None:
        """Record how a group ended."""
        self.resolved.append(group)
        self.endings[ending] += 1

    def learn(self, index: int, accepted: bool, rate: float) -> None:
        """Extend the known start of the dispatch order; plan the next wave where one ends."""
        # After an interruption, what an earlier call dispatched becomes known in between: not ours.
        if self._known == len(self.dispatched) or index != self.dispatched[self._known]:
            return
        self._known += 1
        self._accepted_known += accepted
        if self._known == self._wave_end:
            self._wave_end += self._wave(rate)

    def _wave(self, rate: float) -> int:
        """Groups to dispatch for those still lacking, with a margin of one standard deviation."""
        lacking = self.needed - self._accepted_known
        if lacking <= 0:
            return 0
        margin = math.sqrt(lacking * (1 - rate))
        return math.ceil(min((lacking + margin) / max(rate, 1e-9), lacking * self._oversampling))
