"""Real vLLM engines, in both of their places: versions, logprobs, deaths.

What transformers computes with the same weights is the measure.
"""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import torch

from rl.cluster import connect
from rl.config import RunConfig
from rl.engines.fleet import Fleet
from rl.engines.handle import EngineHandle
from rl.engines.making import maker
from rl.errors import EngineError, EngineLostError
from rl.hardware import Hardware
from rl.tiny import make_model, make_tokenizer, save
from rl.tokens import Floats, Ids, Sampled, Sampling
from tests.rl.engine_actor import ScalableActor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.asyncio(loop_scope="module"),
]

TOKENIZER = make_tokenizer()
MODEL = make_model(TOKENIZER, seed=5)
FACTOR = 1.25
PROMPTS = [
    np.random.default_rng(i).integers(6, len(TOKENIZER), 40 + i).astype(np.int32) for i in range(6)
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        save(MODEL, TOKENIZER, Path(path))
        yield Path(path)


@pytest.fixture(scope="module")
def hardware(folder: Path) -> Iterator[Hardware]:
    with connect(settings(folder)) as found:
        yield found


def settings(folder: Path, **rollout: Any) -> RunConfig:
    limits = {"max_prompt_tokens": 64, "max_response_tokens": 256}
    return RunConfig.model_validate(
        {"model": {"path": str(folder)}, "rollout": limits | rollout, "sync": {"deadline": 60.0}}
    )


def fleet_of(config: RunConfig, hardware: Hardware, lines: list[str]) -> Fleet:
    make = maker(config, hardware, actor=ScalableActor)
    return Fleet(config, say=lines.append, make=make)


def logprobs(context: Ids, answer: Ids, scale: float, temperature: float = 1.0) -> Floats:
    """Of the answer's tokens, by the model with every parameter scaled."""
    with torch.no_grad():
        weights = {name: value * scale for name, value in MODEL.named_parameters()}
        ids = torch.tensor(np.concatenate([context, answer]), dtype=torch.long)[None]
        logits = torch.func.functional_call(MODEL, weights, (ids,), tie_weights=True).logits[0]
        every = (logits / temperature).log_softmax(-1)[len(context) - 1 : -1]
        found: Floats = every.gather(1, ids[0, len(context) :, None])[:, 0].numpy()
    return found


async def until(true: Any) -> None:
    async with asyncio.timeout(600):
        while not await true():
            await asyncio.sleep(0.005)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(folder: Path, hardware: Hardware) -> AsyncIterator[tuple[Fleet, list[str]]]:
    lines: list[str] = []
    fleet = fleet_of(settings(folder, engines=2, silence=240.0, top_k=5), hardware, lines)

    async def attach(engine: EngineHandle) -> None:
        await engine.pause()
        await engine.resume(0, recompute=True)

    fleet.attach = attach
    await fleet.start()
    yield fleet, lines
    await fleet.stop()


def asked(fleet: Any, count: int) -> "Sequence[asyncio.Task[Sampled]]":
    return [
        asyncio.create_task(
            fleet.sample(
                PROMPTS[i % 6],
                Sampling(temperature=1.0, max_tokens=200, seed=i),
                session=str(i % 6),
            )
        )
        for i in range(count)
    ]


def are_same(answers: Sequence[Sampled], expected: Sequence[Sampled]) -> list[bool]:
    """Which answers have the same tokens: all, or all but one.

    A batch of another make adds in another order: now and then one of two tokens that are all but
    equally likely gives way to the other.
    """
    found = [
        answer.segment.ids.tolist() == other.segment.ids.tolist()
        for answer, other in zip(answers, expected, strict=True)
    ]
    assert found.count(False) <= 1
    return found


async def test_answers_of_a_killed_engine_are_the_same_from_another(
    two: tuple[Fleet, list[str]],
) -> None:
    fleet, lines = two
    expected = await asyncio.gather(*asked(fleet, 18))
    dying = asyncio.ensure_future(fleet.live()[0].ask("die_in_the_midst", 50, deadline=300))
    answers = await asyncio.gather(*asked(fleet, 18))
    with pytest.raises(EngineLostError):
        await dying
    are_same(answers, expected)
    assert lines[0].startswith("rollout engine 0 is lost: ")

    async def back() -> bool:
        return len(fleet.live()) == 2

    await until(back)
    assert lines[1:] == ["rollout engine 0 is back, at policy version 0"]
    async with fleet.lease() as policy:
        again = await asyncio.gather(*asked(policy, 6), *asked(fleet, 6))
    are_same(again, 2 * expected[:6])


async def test_later_turns_of_a_session_find_what_was_before_them(
    two: tuple[Fleet, list[str]],
) -> None:
    """By vLLM's own count of each request; the other engine has nothing of it."""
    fleet, _ = two
    how = Sampling(1.0, 8, seed=1)
    context = np.random.default_rng(99).integers(6, len(TOKENIZER), 70).astype(np.int32)
    first = await fleet.sample(context, how, session="prefix")
    observed = np.full(30, 7, np.int32)
    more = np.concatenate([context, first.segment.ids, observed])
    second = await fleet.sample(more, how, session="prefix")
    assert first.cached_tokens == 0
    assert second.engine == first.engine
    assert second.cached_tokens == 64, "whole blocks of 32 of what was read and sampled before"
    (other,) = [one for one in fleet.handles if one.index != first.engine]
    elsewhere = await other.sample(more, how)
    assert (elsewhere.engine, elsewhere.cached_tokens) == (other.index, 0)


async def test_turns_end_at_stop_texts_and_tokens(two: tuple[Fleet, list[str]]) -> None:
    fleet, _ = two
    (plain,) = await asyncio.gather(*asked(fleet, 1))
    mark = plain.text[20:22]
    where = plain.text.index(mark) + 2
    how = Sampling(temperature=1.0, max_tokens=200, seed=0, stop=(mark,))
    cut = await fleet.sample(PROMPTS[0], how, session="0")
    assert (cut.stop, cut.text) == ("stop", plain.text[:where])
    assert cut.segment.ids.tolist() == plain.segment.ids[: len(cut.segment.ids)].tolist()
    token = int(plain.segment.ids[30])
    how = Sampling(temperature=1.0, max_tokens=200, seed=0, stop_token_ids=(token,))
    cut = await fleet.sample(PROMPTS[0], how, session="0")
    assert cut.stop == "stop"
    assert cut.segment.ids.tolist() == plain.segment.ids[: len(cut.segment.ids)].tolist()
    assert cut.segment.ids[-1] == token
    likely = Sampling(temperature=1.0, max_tokens=40, seed=0, min_p=0.9, repetition_penalty=1.3)
    assert (await fleet.sample(PROMPTS[0], likely, session="0")).segment.ids.size > 0


async def test_versions_and_logprobs_are_exact_across_an_update_in_this_process(
    two: tuple[Fleet, list[str]],
) -> None:
    await _sleep(two[0].live()[1])
    await _update(two[0].live()[1])


async def test_versions_and_logprobs_are_exact_across_an_update_of_a_process(
    folder: Path, hardware: Hardware
) -> None:
    fleet = fleet_of(settings(folder, own_process=True, top_k=5), hardware, [])
    await fleet.start()
    await _sleep(fleet.live()[0])
    await _update(fleet.live()[0])
    await fleet.stop()


async def _sleep(engine: EngineHandle) -> None:
    """An engine that sleeps in the midst of answers gives those that it would have given."""
    how = [Sampling(temperature=1.0, max_tokens=160, seed=seed) for seed in range(6)]
    pairs = list(zip(PROMPTS, how, strict=True))
    expected = await asyncio.gather(*(engine.sample(*pair) for pair in pairs))
    for _ in range(20):  # until some are under way when the engine pauses
        pausing = asyncio.ensure_future(engine.ask("pause_in_the_midst", 100, deadline=300))
        tasks = [asyncio.create_task(engine.sample(*pair)) for pair in pairs]
        if await pausing >= 1:
            break
        await engine.resume(0, recompute=False)
        await asyncio.gather(*tasks)
    else:
        pytest.fail("the engine always paused too late")
    await engine.sleep(1)
    late = asyncio.create_task(engine.sample(*pairs[0]))  # it waits
    await engine.wake("weights")
    await engine.wake("kv_cache")
    await engine.resume(0, recompute=False)
    answers = await asyncio.gather(*tasks, late)
    wanted = [*expected, expected[0]]
    same = are_same(answers, wanted)
    for answer, other in itertools.compress(zip(answers, wanted, strict=True), same):
        assert answer.segment.logprobs is not None and other.segment.logprobs is not None
        np.testing.assert_allclose(answer.segment.logprobs, other.segment.logprobs, atol=2e-4)


async def _update(engine: EngineHandle) -> None:
    """Weights change in the midst of answers; top_p and top_k cut in some of them."""
    hows = [
        Sampling(temperature=1.0, max_tokens=160, seed=1),
        Sampling(temperature=0.7, max_tokens=160, seed=2, top_k=5),
        Sampling(temperature=1.3, max_tokens=160, seed=3, top_p=0.5),
    ] * 2
    for _ in range(20):  # until enough of them are under way when the engine pauses
        pausing = asyncio.ensure_future(engine.ask("pause_in_the_midst", 100, deadline=300))
        tasks = [
            asyncio.create_task(engine.sample(prompt, how))
            for prompt, how in zip(PROMPTS, hows, strict=True)
        ]
        if await pausing >= 3:
            break
        await engine.resume(0, recompute=False)
        await asyncio.gather(*tasks)
    at_pause = await engine.ask("tokens_made", deadline=60)
    # A canary of a paused engine is answered once it goes on, before the rest.
    canary = asyncio.create_task(engine.canary(PROMPTS[0].tolist()))
    assert len(await engine.call("plumb_test_scale", FACTOR)) == 1  # one result a worker
    assert await engine.ask("tokens_made", deadline=60) == at_pause
    await engine.resume(3, recompute=True)
    np.testing.assert_allclose(
        await canary, logprobs(PROMPTS[0][:1], PROMPTS[0][1:], FACTOR), atol=2e-4
    )
    answers = await asyncio.gather(*tasks)
    spanned = 0
    for prompt, how, answer in zip(PROMPTS, hows, answers, strict=True):
        spanned += _check(prompt, how, answer)
    assert spanned >= 3
    with pytest.raises(EngineError, match="vLLM"):
        await engine.sample(np.zeros(400, np.int32), hows[0])


def _check(prompt: Ids, how: Sampling, answer: Sampled) -> bool:
    """Each token's logprob is that of its version, whole; whether there are two versions."""
    segment = answer.segment
    assert segment.logprobs is not None
    assert answer.text == TOKENIZER.decode(segment.ids, skip_special_tokens=True)
    assert answer.stop == ("length" if len(segment.ids) == 160 else "stop")
    assert [span.version for span in segment.versions] in ([0], [3], [0, 3])
    first = segment.versions[0].tokens if segment.versions[0].version == 0 else 0
    old = logprobs(prompt, segment.ids, 1.0, how.temperature)
    new = logprobs(prompt, segment.ids, FACTOR, how.temperature)
    np.testing.assert_allclose(segment.logprobs[:first], old[:first], atol=2e-4)
    np.testing.assert_allclose(segment.logprobs[first:], new[first:], atol=2e-4)
    assert np.abs(old - new).mean() > 1e-2, "the two versions must be seen to differ"
    return len(segment.versions) == 2
