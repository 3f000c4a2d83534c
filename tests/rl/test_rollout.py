"""What an engine's actor makes of vLLM's answers, and how long it waits for them."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from rl.config import RunConfig
from rl.errors import EngineError, LateGroupError
from rl.hardware import Hardware
from rl.rollout import RolloutEngine, Sampling, decode
from rl.tiny import make_tokenizer

ONE = Sampling(samples=1, temperature=1.0)


class SlowEngine:
    """Samples one request after the other, each for `seconds`; a prompt of 0 takes for ever.

    One that hangs does nothing, cancelled or not, before it is released.
    """

    def __init__(self, seconds: float, *, hangs: bool = False) -> None:
        self._seconds = seconds
        self._hangs = hangs
        self._turn = asyncio.Lock()
        self.given_up: list[int] = []
        self.released = asyncio.Event()

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> None:
        assert method == "check_health"
        if self._hangs:
            await self.released.wait()

    async def sample(self, request_id: str, prompt_ids: list[int], parameters: Any) -> Any:
        try:
            async with self._turn:
                if self._hangs or prompt_ids == [0]:
                    await asyncio.Event().wait()
                await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.given_up += prompt_ids
            if self._hangs:
                await self.released.wait()
            raise
        return SimpleNamespace(outputs=[])


def actor(engine: SlowEngine, deadline: float) -> RolloutEngine:
    rollout = {"max_concurrency": 1, "deadline": deadline}
    made = RolloutEngine(RunConfig.model_validate({"rollout": rollout}), Hardware.__new__(Hardware))
    made._tokenizer = SimpleNamespace(eos_token_id=9)
    made._engine = engine  # type: ignore[assignment]
    return made


async def test_waiting_for_a_place_is_not_part_of_a_groups_time() -> None:
    """Fifteen groups of 0.1 s on one place: the last waits longer than a group may take."""
    busy = actor(SlowEngine(0.1), deadline=1.0)
    await asyncio.gather(*(busy._sample_in_time([n], ONE) for n in range(1, 16)))


async def test_a_group_that_takes_too_long_is_late_and_is_given_up() -> None:
    engine = SlowEngine(0.0)
    with pytest.raises(LateGroupError, match=r"longer than rollout\.deadline=0\.2 s"):
        await actor(engine, deadline=0.2)._sample_in_time([0], ONE)
    assert engine.given_up == [0]


async def test_an_engine_that_does_not_answer_at_all_is_no_late_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rl.rollout.PROBE_SECONDS", 0.2)
    engine = SlowEngine(0.0, hangs=True)
    try:
        async with asyncio.timeout(30):
            with pytest.raises(EngineError, match=r"its workers give no sign of life"):
                await actor(engine, deadline=0.2)._sample_in_time([5], ONE)
    finally:
        engine.released.set()


async def test_a_late_group_is_told_from_a_hang_whatever_is_queued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of five groups that never end is late in its turn, with the others behind it."""
    monkeypatch.setattr("rl.rollout.PROBE_SECONDS", 0.2)
    busy = actor(SlowEngine(0.0), deadline=0.3)
    ended = await asyncio.gather(
        *(busy._sample_in_time([0], ONE) for _ in range(5)), return_exceptions=True
    )
    assert [type(one) for one in ended] == [LateGroupError] * 5


@pytest.mark.parametrize(
    ("text", "called", "told"),
    [
        ("<|system|>ab<|user|>c<|end|>", "<|system|>ab<|user|>c", "abc"),
        ("ab<|end|><|pad|><|pad|>", "ab", "ab"),
        ("<|end|>", "", ""),
        ("", "", ""),
    ],
)
def test_special_tokens_stay_where_tools_may_be_called(text: str, called: str, told: str) -> None:
    tokenizer = make_tokenizer()
    token_ids = tokenizer(text)["input_ids"]
    assert decode(tokenizer, token_ids, may_call_tools=True) == called
    assert decode(tokenizer, token_ids, may_call_tools=False) == told
