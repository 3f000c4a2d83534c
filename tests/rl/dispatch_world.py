"""A world for dispatch: engines, graders and a learner in virtual time, with deaths drawn in."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from data.schema import Prompt, PromptSource
from data.stream import PromptStream
from rewards import Verdict
from rl.config.sampling import SamplerConfig
from rl.dispatch.admission import admission_of
from rl.dispatch.build import make_dispatcher
from rl.dispatch.dispatcher import Dispatcher
from rl.dispatch.state import DispatchState
from rl.errors import EngineLostError
from rl.groups import Batch, Group

RIGHT, WRONG = Verdict.correct(1.0), Verdict.incorrect(0.0)
BROKEN = Verdict.ungradable("infrastructure: the verifier is away")
VERDICTS = {
    "mixed": (RIGHT, WRONG, WRONG),
    "partly": (RIGHT, BROKEN, WRONG),
    "right": (RIGHT, RIGHT, RIGHT),
    "wrong": (WRONG, WRONG, BROKEN),
    "lonely": (BROKEN, RIGHT, BROKEN),
    "broken": (BROKEN, BROKEN, BROKEN),
    "refused": (Verdict.ungradable("trust: these tests are below the level"),) * 3,
    "astray": tuple(Verdict.ungradable(f"tests: line {i} does not compile") for i in (1, 2, 3)),
    "exploded": tuple(
        Verdict.ungradable(f"{kind}: it did") for kind in ("crash", "deadline", "ValueError")
    ),
}
ACCEPTED = {"mixed", "partly"}
PLENTY = 100_000

Delay = Callable[[int, int], float]
"""Seconds of a group, by its index and how often it was begun before."""


def shuffled(order: int, longest: float = 8.0) -> Delay:
    """Delays that make groups finish in an order of their own; a few are very slow."""

    def delay(index: int, attempt: int) -> float:
        draw = random.Random(f"{order}/{index}/{attempt}")
        return min(longest, draw.paretovariate(1.2) - 1)

    return delay


@dataclass
class World:
    """Group i ends as `outcomes[i]`, after `delay`; its engine dies with probability `deaths`."""

    outcomes: Sequence[str]
    delay: Delay
    deaths: float = 0.0
    fails_at: int | None = None
    learn: float = 1.0
    free: float = PLENTY
    version: int = 0
    dispatched: list[tuple[int, str]] = field(default_factory=list)
    """Index and prompt of each dispatch that was not for a lost engine."""
    graded: list[int] = field(default_factory=list)
    graded_before: list[int] = field(default_factory=list)
    """Of each dispatch: groups that were graded before it."""
    ended: list[tuple[int, str]] = field(default_factory=list)
    tries: Counter[int] = field(default_factory=Counter)
    in_flight: int = 0
    _lost: set[int] = field(default_factory=set)

    async def run(self, index: int, prompt: Prompt, version: int) -> Group:
        attempt = self.tries[index]
        self.tries[index] += 1
        if index not in self._lost:
            self.dispatched.append((index, prompt.id))
            self.graded_before.append(len(self.graded))
        self._lost.discard(index)
        self.in_flight += 1
        try:
            await asyncio.sleep(self.delay(index, attempt))
        finally:
            self.in_flight -= 1
        if index == self.fails_at:
            raise ConnectionError("the verifier is gone")
        if random.Random(f"death/{index}/{attempt}").random() < self.deaths:
            self._lost.add(index)
            raise EngineLostError("engine 0 is gone")
        self.graded.append(index)
        return Group(index, prompt, version, (), VERDICTS[self.outcomes[index]])

    def note(self, group: Group, ending: str) -> None:
        self.ended.append((group.index, ending))

    @property
    def accepted(self) -> list[int]:
        return [i for i, outcome in enumerate(self.outcomes) if outcome in ACCEPTED]

    @property
    def gone(self) -> list[int]:
        """Indices that ended without being trained."""
        return [i for i, ending in self.ended if ending not in ("accepted", "returned")]


def make_prompts(count: int) -> list[Prompt]:
    return [Prompt(f"p{i}", ({"role": "user", "content": "?"},), "1") for i in range(count)]


def dispatcher_in(
    world: World,
    *,
    max_ungradable: float = 1.0,
    source: PromptSource | None = None,
    **settings: object,
) -> Dispatcher:
    """A dispatcher over one prompt for each of the world's outcomes, or over another source."""
    config = SamplerConfig.model_validate(
        {"samples_per_prompt": 3, "give_up_after": PLENTY} | settings
    )
    return make_dispatcher(
        config,
        source or PromptStream(make_prompts(len(world.outcomes)), seed=5, epochs=1),
        world.run,
        admission_of(config.filter),
        version=lambda: world.version,
        free=lambda: world.free,
        ended=world.note,
        max_ungradable=max_ungradable,
    )


async def drain(world: World, dispatcher: Dispatcher, batches: int = PLENTY) -> list[Batch]:
    """Take batches and learn from each, until one is empty."""
    taken: list[Batch] = []
    while len(taken) < batches:
        batch = await dispatcher.batch()
        if not batch.groups:
            break
        taken.append(batch)
        await asyncio.sleep(world.learn)
        world.version += 1
        if len(taken) < batches:
            dispatcher.pump()
    return taken


def indices(batch: Batch) -> list[int]:
    return [group.index for group in batch.groups]


def shape(batches: Sequence[Batch]) -> list[object]:
    """All that a batch says, without wall times and lost engines."""
    return [
        (b.version, b.groups, {k: n for k, n in b.endings.items() if n and k != "restarted"})
        for b in batches
    ]


def accounts(world: World, state: DispatchState, batches: Sequence[Batch]) -> None:
    """Every index that was given is in exactly one place."""
    trained = [index for batch in batches for index in indices(batch)]
    ready = [group.index for group in state.ready]
    again = [index for index, _ in state.again]
    everywhere = [*trained, *world.gone, *ready, *again]
    assert sorted(everywhere) == list(range(state.next_index)), (trained, world.gone, ready, again)
    assert len({prompt for _, prompt in world.dispatched}) == len(dict(world.dispatched))
