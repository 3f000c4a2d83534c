"""A core that dies while it owes an answer, which vLLM's own calls would wait for without end."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from rl.engines import served
from rl.engines.served import ServedEngine
from rl.errors import EngineLostError


class SilentCore:
    """AsyncLLM whose core has died under a call: nothing answers, and `errored` tells."""

    def __init__(self) -> None:
        self.errored = False
        self.engine_core = SimpleNamespace(get_output_async=None)
        self.cancelled: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def never(*_: Any, **__: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise

        return never


@pytest.mark.parametrize("method", ["call", "pause", "resume"])
async def test_a_core_that_dies_under_a_call_is_lost_within_moments(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "LOOK_SECONDS", 0.01)
    core = SilentCore()
    engine = ServedEngine(core)
    arguments = ("update_weights",) if method == "call" else ()
    asking = asyncio.ensure_future(getattr(engine, method)(*arguments))
    await asyncio.sleep(0.1)
    assert not asking.done(), "a core that is well may take its time"
    core.errored = True
    with pytest.raises(EngineLostError):
        await asyncio.wait_for(asking, 60)
    await asyncio.sleep(0)
    assert len(core.cancelled) == 1
