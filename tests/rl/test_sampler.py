"""The sampler loses nothing, repeats nothing, prefers nothing, and stops when it has to."""

import asyncio
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schema import Prompt
from data.stream import PromptStream
from rewards import Verdict
from rl.config import SamplerConfig
from rl.errors import LateGroupError, SamplerStarvedError, UngradableError
from rl.old_groups import Completion, Generation, Group
from rl.sampler import Batch, DynamicSampler

RIGHT, WRONG = Verdict.correct(1.0), Verdict.incorrect(0.0)
BROKEN = Verdict.ungradable("infrastructure: the verifier is away")
VERDICTS = {
    "mixed": [RIGHT, WRONG, WRONG],
    "partly": [RIGHT, BROKEN, WRONG],
    "right": [RIGHT, RIGHT, RIGHT],
    "wrong": [WRONG, WRONG, BROKEN],
    "lonely": [BROKEN, RIGHT, BROKEN],
    "broken": [BROKEN, BROKEN, BROKEN],
    "refused": [Verdict.ungradable("trust: these tests are below the level")] * 3,
    "late": [],
    "astray": [Verdict.ungradable(f"tests: line {line} does not compile") for line in (1, 2, 3)],
    "exploded": [
        Verdict.ungradable(f"{kind}: it did") for kind in ("crash", "deadline", "ValueError")
    ],
}
ACCEPTED = {"mixed", "partly"}
PLENTY = 100_000

outcome_lists = st.lists(st.sampled_from(sorted(VERDICTS)), min_size=1, max_size=60)
sizes = st.integers(1, 7)
oversamplings = st.floats(1.0, 6.0)
orders = st.integers(0, 2**32)


@dataclass
class World:
    """An engine and a verifier: group i ends as `outcomes[i]`, after `delay(i, phase)` turns."""

    outcomes: Sequence[str]
    delay: Callable[[int, str], int]
    fails_at: tuple[int, str] | None = None
    dispatched: list[tuple[int, str]] = field(default_factory=list)
    graded: list[int] = field(default_factory=list)
    waves: list[int] = field(default_factory=list)
    in_flight: int = 0
    version: int = 0

    async def generate(self, prompt: Prompt, index: int) -> Generation:
        self.dispatched.append((index, prompt.id))
        self.waves.append(len(self.graded))
        await self._work(index, "generate")
        if self.outcomes[index] == "late":
            raise LateGroupError("it took longer than it may")
        length = 1 + self.delay(index, "generate")
        answers = [Completion([index] * length, [-0.5] * length, f"{index}", "stop")] * 3
        return Generation([index], answers, self.version)

    async def grade(self, prompt: Prompt, generation: Generation) -> list[Verdict]:
        index = generation.prompt_token_ids[0]
        await self._work(index, "grade")
        self.graded.append(index)
        return VERDICTS[self.outcomes[index]]

    async def _work(self, index: int, phase: str) -> None:
        self.in_flight += 1
        try:
            for _ in range(self.delay(index, phase)):
                await asyncio.sleep(0)
            if self.fails_at == (index, phase):
                raise ConnectionError("the engine is gone")
        finally:
            self.in_flight -= 1

    @property
    def accepted(self) -> list[int]:
        return [i for i, outcome in enumerate(self.outcomes) if outcome in ACCEPTED]


def shuffled(order: int) -> Callable[[int, str], int]:
    """Delays that make groups finish in an order of their own."""
    return lambda index, phase: random.Random(f"{order}/{index}/{phase}").randrange(8)


def make_prompts(count: int) -> list[Prompt]:
    return [Prompt(f"p{i}", ({"role": "user", "content": "?"},), "1") for i in range(count)]


def make_sampler(
    world: World, *, max_ungradable: float = 1.0, **settings: object
) -> DynamicSampler:
    config = SamplerConfig.model_validate(
        {"samples_per_prompt": 3, "max_staleness": PLENTY, "give_up_after": PLENTY} | settings
    )
    stream = PromptStream(make_prompts(len(world.outcomes)), seed=5, epochs=1)
    return DynamicSampler(
        stream, world.generate, world.grade, config=config, max_ungradable=max_ungradable
    )


async def drain(world: World, sampler: DynamicSampler, batches: int = PLENTY) -> list[Batch]:
    """Take batches, a policy version each, until one is empty."""
    taken: list[Batch] = []
    while len(taken) < batches:
        batch = await sampler.next_batch(world.version)
        world.version += 1
        if not batch.groups:
            break
        taken.append(batch)
    return taken


def indices(groups: Sequence[Group]) -> list[int]:
    return [group.index for group in groups]


def shape(batches: Sequence[Batch]) -> list[object]:
    """All that a batch says, without wall times."""
    return [
        ([g.to_state() for g in b.groups], indices(b.resolved), b.endings, b.carried)
        for b in batches
    ]


@given(outcome_lists, sizes, oversamplings, orders, st.sampled_from([0, 1, 2, PLENTY]))
async def test_every_group_ends_exactly_once(
    outcomes: list[str], size: int, oversampling: float, order: int, staleness: int
) -> None:
    world = World(outcomes, shuffled(order))
    sampler = make_sampler(
        world, prompts_per_step=size, max_oversampling=oversampling, max_staleness=staleness
    )
    last = Batch([], [], Counter(), 0, {})
    trained: list[int] = []
    resolved: list[int] = []
    stale = 0
    while not (last.resolved == [] and last.groups == [] and trained + resolved):
        carried = last.carried
        last = await sampler.next_batch(world.version)
        world.version += 1
        ends = last.endings
        stale += ends["stale"]
        trained += indices(last.groups)
        resolved += indices(last.resolved)
        assert last.carried == carried - ends["stale"] + ends["accepted"] - ends["trained"]
        assert len(last.resolved) == sum(ends.values()) - ends["stale"] - ends["trained"]
        assert len(last.groups) == size or len(resolved) == len(outcomes)
        assert world.in_flight == 0
    assert resolved == list(range(len(outcomes))) == [index for index, _ in world.dispatched]
    assert trained == sorted(set(trained))
    assert set(trained) <= set(world.accepted)
    assert len(trained) + stale == len(world.accepted)
    if staleness == PLENTY:
        assert trained == world.accepted


@given(outcome_lists, sizes, oversamplings, orders, orders)
async def test_what_is_dispatched_ignores_the_order_of_completion(
    outcomes: list[str], size: int, oversampling: float, first: int, second: int
) -> None:
    runs = []
    for order in (first, second):
        world = World(outcomes, shuffled(order))
        sampler = make_sampler(world, prompts_per_step=size, max_oversampling=oversampling)
        batches = await drain(world, sampler)
        rows = [(indices(b.groups), indices(b.resolved), b.endings, b.carried) for b in batches]
        runs.append((world.dispatched, rows))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
async def test_short_answers_win_no_advantage(rate: float) -> None:
    """A group takes as long as its answers; the first accepted are trained."""
    draw = random.Random(f"bias/{rate}")
    outcomes = ["mixed" if draw.random() < rate else "wrong" for _ in range(4000)]
    world = World(outcomes, lambda i, _: random.Random(i).randrange(1, 60))
    sampler = make_sampler(world, prompts_per_step=16)
    batches = await drain(world, sampler, batches=12)
    groups = [group for batch in batches for group in batch.groups]
    assert indices(groups) == world.accepted[: 12 * 16]
    accepted = sum(batch.endings["accepted"] for batch in batches)
    assert accepted == len(groups) + batches[-1].carried
    lengths = [len(group.generation.completions[0].token_ids) for group in groups]
    assert 28 < sum(lengths) / len(lengths) < 34, "the mean over all groups is 31"


@pytest.mark.parametrize(
    ("rate", "oversampling", "most"), [(0.1, 16.0, 3.5), (0.1, 4.0, 12), (0.5, 4.0, 3.5)]
)
async def test_a_low_acceptance_rate_costs_few_waves(
    rate: float, oversampling: float, most: float
) -> None:
    draw = random.Random(f"waves/{rate}")
    outcomes = ["mixed" if draw.random() < rate else "wrong" for _ in range(8000)]
    world = World(outcomes, lambda _i, _phase: 1)
    sampler = make_sampler(world, prompts_per_step=32, max_oversampling=oversampling)
    carried, waves = 0, []
    for _ in range(12):
        start = len(world.graded)
        batch = await sampler.next_batch(0)
        sent = sorted(Counter(wave for wave in world.waves if wave >= start).items())
        waves.append(len(sent))
        for known, count in sent:
            lacking = 32 - carried - sum(world.outcomes[i] in ACCEPTED for i in range(start, known))
            assert count <= math.ceil(lacking * oversampling)
        carried = batch.carried
    assert sum(waves[1:]) / len(waves[1:]) <= most, waves


@given(outcome_lists, sizes, st.integers(1, 30), orders)
async def test_giving_up_happens_at_the_limit_and_not_before(
    outcomes: list[str], size: int, limit: int, order: int
) -> None:
    outcomes = [*outcomes, *["wrong"] * 40]
    world = World(outcomes, shuffled(order))
    sampler = make_sampler(world, prompts_per_step=size, give_up_after=limit)
    found = sum(outcome in ACCEPTED for outcome in outcomes[:limit])
    if found >= size:
        assert len((await sampler.next_batch(0)).groups) == size
        assert len(world.dispatched) <= limit
        return
    with pytest.raises(SamplerStarvedError) as caught:
        await sampler.next_batch(0)
    assert [index for index, _ in world.dispatched] == list(range(limit))
    assert world.in_flight == 0
    message = str(caught.value)
    assert f"after {limit} prompts" in message
    assert f"acceptance rate {found / limit:.1%}, {found} of {size} groups" in message
    assert "raise sampler.samples_per_prompt (now 3) in a new run, or raise sampler.give" in message
    useless = [i for i, outcome in enumerate(outcomes[:limit]) if outcome not in ACCEPTED]
    told = re.findall(r"'(p\d+)' \(\d of \d right\)", message)
    asked = dict(world.dispatched)
    assert told == [asked[index] for index in useless[:3]]
    assert ("all were useful, and too few" in message) == (not useless)
    assert (f" and {len(useless) - 3} more;" in message) == (len(useless) > 3)
    assert len(sampler.state_dict()["ready"]) == found


async def test_a_source_that_ends_at_the_limit_gives_a_short_batch() -> None:
    """Nothing is left that could be sampled, so there is nothing to give up."""
    world = World(["right", "mixed", "wrong"], shuffled(0))
    sampler = make_sampler(world, prompts_per_step=2, give_up_after=3)
    batches = await drain(world, sampler)
    assert [indices(batch.groups) for batch in batches] == [[1]]


@pytest.mark.parametrize(
    ("outcome", "rule", "remedy"),
    [
        ("right", "correctness", "too easy for this policy: use harder data"),
        ("wrong", "correctness", "too hard for this policy: use easier data"),
        ("right", "reward", "rewards do not differ"),
        ("broken", "correctness", "could not be graded"),
        ("late", "correctness", r"40 late\).*raise rollout\.deadline"),
    ],
)
async def test_the_remedy_fits_what_went_wrong(outcome: str, rule: str, remedy: str) -> None:
    world = World([outcome] * 100, shuffled(1))
    sampler = make_sampler(world, prompts_per_step=2, filter=rule, give_up_after=None)
    with pytest.raises(SamplerStarvedError, match=remedy):
        await sampler.next_batch(0)
    assert len(world.dispatched) == 40, "by default a batch may consume 20 times its size"


async def test_the_ungradable_share_may_be_reached_but_not_passed() -> None:
    world = World(["partly"] * 30, shuffled(1))
    assert len((await make_sampler(world, max_ungradable=1 / 3).next_batch(0)).groups) == 30
    world = World(["partly"] * 30, shuffled(1))
    with pytest.raises(UngradableError, match=r"30 of 90 .*max_ungradable=0.33 .*30 x infrastr"):
        await make_sampler(world, max_ungradable=0.33).next_batch(0)
    assert world.in_flight == 0


async def test_too_many_ungradable_answers_are_counted_by_kind() -> None:
    world = World(["astray"] * 10, shuffled(0))
    with pytest.raises(UngradableError, match=r"30 of 30 .*: 30 x tests: line \d+ does not"):
        await make_sampler(world, prompts_per_step=10, max_ungradable=0.5).next_batch(0)


async def test_answers_that_make_grading_explode_cannot_stop_a_run() -> None:
    """They are left out; only where there is nothing else the batch starves, with the reasons."""
    world = World(["exploded", "mixed"] * 30, shuffled(3))
    batch = await make_sampler(world, prompts_per_step=20, max_ungradable=0.0).next_batch(0)
    assert batch.endings["ungradable"] > 0
    assert len(batch.groups) == 20
    world = World(["exploded"] * 100, shuffled(3))
    sampler = make_sampler(world, prompts_per_step=2, max_ungradable=0.0, give_up_after=None)
    with pytest.raises(SamplerStarvedError, match=r"40 ungradable \(40 x crash: it did; 40 x dead"):
        await sampler.next_batch(0)


async def test_what_stands_with_the_data_does_not_count_as_a_failure_of_grading() -> None:
    world = World(["right", "refused", "mixed"] * 5, shuffled(2))
    batch = await make_sampler(world, max_ungradable=0.0).next_batch(0)
    assert batch.endings["ungradable"] > 0


@st.composite
def interruptions(draw: st.DrawFn) -> tuple[list[str], tuple[int, str] | None, int]:
    """Outcomes, with a failing (group, phase), or the turn at which the call is cancelled."""
    # A seed, because lists that hypothesis draws are too regular to tell one order from another.
    pick = random.Random(draw(orders))
    outcomes = pick.choices(sorted(VERDICTS), k=draw(st.integers(2, 60)))
    if draw(st.booleans()):
        return outcomes, None, draw(st.integers(1, 25))
    failing = pick.randrange(len(outcomes) // 2)
    return outcomes, (failing, draw(st.sampled_from(["generate", "grade"]))), 0


@given(interruptions(), sizes, oversamplings, orders, orders)
async def test_an_interruption_skips_no_prompt_and_repeats_none(
    broken: tuple[list[str], tuple[int, str] | None, int],
    size: int,
    oversampling: float,
    first: int,
    second: int,
) -> None:
    outcomes, fails_at, turns = broken
    settings = {"prompts_per_step": size, "max_oversampling": oversampling}
    world = World(outcomes, shuffled(first), fails_at)
    sampler = make_sampler(world, **settings)
    taken: list[Batch] = []

    async def consume() -> None:
        while True:
            batch = await sampler.next_batch(world.version)
            world.version += 1
            taken.append(batch)
            if not batch.groups:
                return

    work = asyncio.ensure_future(consume())
    for _ in range(turns):
        await asyncio.sleep(0)
    if fails_at is None:
        work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert world.in_flight == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    state = json.loads(json.dumps(sampler.state_dict()))

    after = []
    for order in (first, second):
        resumed = World(outcomes, shuffled(order), version=world.version)
        continued = make_sampler(resumed, **settings)
        continued.load_state_dict(state)
        rest = await drain(resumed, continued)
        after.append((resumed.dispatched, [(indices(b.groups), indices(b.resolved)) for b in rest]))
        trained = [i for batch in taken + rest for i in indices(batch.groups)]
        assert sorted(trained) == world.accepted
        again = Counter(world.dispatched + resumed.dispatched)
        assert sorted(index for index, _ in again) == list(range(len(outcomes)))
        assert len({prompt for _, prompt in again}) == len(outcomes)
        assert sorted(i for (i, _), count in again.items() if count > 1) == [
            index for index, _ in state["unfinished"]
        ]
    assert after[0] == after[1], "what follows an interruption is a function of outcomes too"


async def test_a_second_cancellation_loses_no_prompt() -> None:
    """An engine that is slow to give up must not keep the prompts out of the state."""
    world = World(["mixed"] * 8, shuffled(1))

    async def stubborn(prompt: Prompt, index: int) -> Generation:
        try:
            return await asyncio.Event().wait() and await world.generate(prompt, index)
        finally:
            await asyncio.sleep(0.01)

    stream = PromptStream(make_prompts(2), seed=0, epochs=1)
    config = SamplerConfig(prompts_per_step=2)
    sampler = DynamicSampler(stream, stubborn, world.grade, config=config)
    work = asyncio.ensure_future(sampler.next_batch(0))
    for _ in range(2):
        await asyncio.sleep(0.001)
        work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert [index for index, _ in sampler.state_dict()["unfinished"]] == [0, 1]
    await asyncio.sleep(0.02)


@given(outcome_lists, sizes, oversamplings, orders, st.integers(0, 6))
async def test_a_resumed_sampler_goes_on_like_an_uninterrupted_one(
    outcomes: list[str], size: int, oversampling: float, order: int, before: int
) -> None:
    settings = {"prompts_per_step": size, "max_oversampling": oversampling}
    world = World(outcomes, shuffled(order))
    whole = await drain(world, make_sampler(world, **settings))
    world = World(outcomes, shuffled(order))
    sampler = make_sampler(world, **settings)
    start = await drain(world, sampler, batches=before)
    other = make_sampler(world, **settings)
    other.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert other.state_dict() == sampler.state_dict()
    assert shape(start + await drain(world, other)) == shape(whole)


async def test_a_rejected_group_is_replaced_while_a_slow_one_still_runs() -> None:
    outcomes = ["mixed", "wrong", "wrong", "mixed", *["wrong"] * 6]
    world = World(outcomes, lambda index, _: 300 if index == 0 else 1)
    sampler = make_sampler(world, prompts_per_step=2, max_oversampling=1.0)
    await sampler.next_batch(0)
    assert world.graded == [1, 2, 3, 0]


@pytest.mark.parametrize("staleness", [0, 1, 3])
@pytest.mark.parametrize("late", [0, 1])
async def test_surplus_waits_for_exactly_the_versions_it_may(staleness: int, late: int) -> None:
    world = World([*["wrong"] * 38, *["mixed"] * 20], lambda _index, _phase: 1)
    sampler = make_sampler(world, prompts_per_step=2, max_staleness=staleness)
    assert (await sampler.next_batch(0)).carried == 2
    batch = await sampler.next_batch(staleness + late)
    assert batch.endings["stale"] == 2 * late
    assert indices(batch.groups) == ([42, 43] if late else [40, 41])


async def test_prompts_cut_short_twice_keep_their_order() -> None:
    world = World(["mixed"] * 30, lambda _index, _phase: 5)
    state = make_sampler(world).state_dict()
    for size in (12, 4, 2):
        sampler = make_sampler(world, prompts_per_step=size)
        sampler.load_state_dict(state)
        work = asyncio.ensure_future(sampler.next_batch(0))
        for _ in range(2):
            await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        state = json.loads(json.dumps(sampler.state_dict()))
        assert [index for index, _ in state["unfinished"]] == list(range(12))
