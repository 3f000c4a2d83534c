"""Episodes wait while what they need is away, and go on when it is back."""

import asyncio

from rl.episodes.outage import Outage


async def test_after_failures_in_a_row_one_tries_at_a_time() -> None:
    said: list[str] = []
    outage = Outage(0.0, limit=3, say=said.append)
    away, now, most, tries = True, 0, 0, 0

    async def episode() -> None:
        nonlocal now, most, tries
        while True:
            async with outage.turn():
                was_on = outage.is_on
                now += 1
                tries += 1
                await asyncio.sleep(0)
                most = max(most, now) if was_on else most
                now -= 1
                if not away:
                    outage.worked()
                    return
                outage.failed("no route")

    tasks = [asyncio.create_task(episode()) for _ in range(10)]
    while tries < 40:
        await asyncio.sleep(0)
    assert most <= 10  # those that were on their way when it broke
    most = now
    start = tries
    while tries < start + 20:
        await asyncio.sleep(0)
    assert most <= 1
    assert len(said) == 1
    assert "3 episodes in a row have failed: no route" in said[0]
    away = False
    await asyncio.gather(*tasks)
    assert not outage.is_on
    assert said[1:] == ["what episodes need is back: they go on"]


async def test_failures_with_successes_between_them_hold_nobody_up() -> None:
    outage = Outage(1000.0, limit=2)
    for _ in range(20):
        async with outage.turn():
            outage.failed("no route")
        async with outage.turn():
            outage.worked()
    assert not outage.is_on
