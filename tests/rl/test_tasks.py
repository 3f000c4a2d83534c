"""Several things at once: the first error is raised when nothing of the others runs any more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rl.tasks import all_of, both

Together = Callable[[Any, Any], Awaitable[Any]]
EITHER = pytest.mark.parametrize(
    "together", [lambda one, other: all_of([one, other]), both], ids=["all_of", "both"]
)


async def _fails() -> int:
    raise ValueError("the first")


@EITHER
def test_an_error_ends_the_others_before_it_is_raised(together: Together) -> None:
    ended: list[str] = []

    async def long() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # an end that takes a while
            ended.append("long")
        return 0

    async def run() -> list[str]:
        with pytest.raises(ValueError, match="the first"):
            await together(long(), _fails())
        return list(ended)

    assert asyncio.run(run()) == ["long"]


@EITHER
def test_no_error_of_the_others_is_left_for_the_end_of_the_program(together: Together) -> None:
    """What fails because the first has failed is not told a second time, with a traceback."""
    told: list[Any] = []

    async def long() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the second")

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about))
        with pytest.raises(ValueError, match="the first"):
            await together(long(), _fails())

    asyncio.run(run())
    assert told == []


def test_results_keep_their_order() -> None:
    async def after(turns: int, value: object) -> Any:
        for _ in range(turns):
            await asyncio.sleep(0)
        return value

    assert asyncio.run(all_of([after(3, 1), after(0, 2), after(1, 3)])) == [1, 2, 3]
    assert asyncio.run(both(after(2, "a"), after(0, 4))) == ("a", 4)
