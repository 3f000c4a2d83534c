"""The driver's side of rollout: what it asks of an engine at once."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from data.schema import Prompt
from rl.old_groups import Generation
from rl.rollout import Sampling
from rl.rollout_fleet import CALLS, REQUESTS, RolloutFleet

ASKED = Prompt("p", ({"role": "user", "content": "?"},), "1")


async def test_requests_leave_room_for_a_look_at_their_engine() -> None:
    """More of them than an actor takes at once: a look would wait behind all of these."""
    running, most = 0, 0

    async def generate() -> Generation:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return Generation([1], [], 0)

    def remote(*arguments: Any) -> asyncio.Task[Generation]:
        return asyncio.create_task(generate())

    fleet = RolloutFleet.__new__(RolloutFleet)
    fleet.actors = [cast(Any, SimpleNamespace(generate=SimpleNamespace(remote=remote)))]
    fleet._load = [0]
    fleet._room = [asyncio.Semaphore(3)]
    one = Sampling(samples=1, temperature=1.0)
    await asyncio.gather(*(fleet._call(ASKED, one) for _ in range(20)))
    assert most == 3
    assert fleet._load == [0]


def test_the_room_is_less_than_an_actor_has() -> None:
    assert REQUESTS < CALLS
