"""Waiting for a place on an engine is not part of a group's time."""

import asyncio
import random
from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from rl.turns import Turns


@given(st.integers(1, 20), st.lists(st.integers(1, 8), max_size=30), st.randoms())
def test_a_request_starts_when_it_has_a_place_and_never_before(
    places: int, sizes: list[int], draw: random.Random
) -> None:
    turns = Turns(places)
    here: list[tuple[ExitStack, asyncio.Event, int]] = []
    was: set[asyncio.Event] = set()
    for size in [*sizes, *[0] * len(sizes)]:
        if size:
            stack = ExitStack()
            here.append((stack, stack.enter_context(turns.taken(size)), size))
        else:
            stack, *_ = here.pop(draw.randrange(len(here)))
            stack.close()
        ahead = 0
        for _, started, sequences in here:
            assert started.is_set() == (ahead < places or started in was)
            ahead += sequences
        was |= {started for _, started, _ in here if started.is_set()}
        assert not here or here[0][1].is_set(), "the oldest never waits"
