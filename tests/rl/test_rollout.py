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
    """Samples one request after the other, each for `seconds`; a prompt of 0 takes for ever."""

    def __init__(self, seconds: float, *, hangs: bool = False) -> None:
        self._seconds = seconds
        self._hangs = hangs
        self._turn = asyncio.Lock()
        self.given_up: list[int] = []

    async def sample(self, request_id: str, prompt_ids: list[int], parameters: Any) -> Any:
        try:
            if self._hangs or prompt_ids == [0]:
                await asyncio.Event().wait()
            async with self._turn:
                await asyncio.sleep(self._seconds)
        except asyncio.CancelledError:
            self.given_up += prompt_ids
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
    with pytest.raises(EngineError, match=r"does not answer a request for one token"):
        await actor(SlowEngine(0.0, hangs=True), deadline=0.2)._sample_in_time([5], ONE)


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
