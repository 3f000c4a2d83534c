"""Episodes that go on together: the same tokens as each alone, and no other's error or end."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from data.schema import Prompt
from rl.episodes.context import Context
from rl.episodes.encoding import Together
from rl.episodes.limits import Limits
from rl.episodes.rendering import Renderer
from rl.episodes.template import RefusedError
from rl.tokens import Ids, Message, Sampling
from tests.rl.scripted import Scripted, Turn, small_tokenizer
from tests.rl.templates import KEEPS, STRIPS

PROMPT = Prompt("p", ({"role": "user", "content": "Guess."},))
WHOLE = ["<think>\nhm\n</think>\n\nSix?", "Seven?", "So it is."]


class Counted:
    """Encodes, and notes how many texts came at once."""

    def __init__(self, renderer: Renderer) -> None:
        self._encode = renderer._template.encode_all
        self.texts: list[int] = []

    def __call__(self, texts: Sequence[str]) -> list[Ids]:
        self.texts.append(len(texts))
        return self._encode(texts)


def together(template: str, prefix: str = "") -> tuple[Renderer, Counted]:
    """A renderer whose episodes always wait for each other."""
    renderer = Renderer(small_tokenizer(template), prefix=prefix)
    counted = Counted(renderer)
    renderer.together = Together(counted, many=0)
    return renderer, counted


def context(renderer: Renderer) -> Context:
    tokenizer = small_tokenizer(KEEPS)
    end = tokenizer.eos_token_id
    policy = Scripted([Turn([*tokenizer.encode(text), end], text) for text in WHOLE])
    return Context(renderer, policy, PROMPT, Sampling(1.0, 100), "s", Limits(9, 5000))


def told(number: int) -> Message:
    return {"role": "user", "content": f"Not that, says {number}. " * (1 + number % 3)}


async def play(one: Context, number: int) -> list[Ids]:
    for _ in WHOLE[:-1]:
        await one.ask()
        one.answer(told(number), reward=0.5)
    await one.ask()
    return [trajectory.ids for trajectory in one.trajectories]


@pytest.mark.parametrize(("template", "prefix"), [(KEEPS, ""), (KEEPS, "So: "), (STRIPS, "")])
async def test_many_that_go_on_together_read_what_each_would_alone(
    template: str, prefix: str
) -> None:
    renderer, counted = together(template, prefix)
    found = await asyncio.gather(*(play(context(renderer), i) for i in range(12)))
    alone = Renderer(small_tokenizer(template), prefix=prefix)
    for i, trajectories in enumerate(found):
        expected = await play(context(alone), i)
        assert len(trajectories) == len(expected)
        for one, other in zip(trajectories, expected, strict=True):
            assert np.array_equal(one, other)
    assert sum(counted.texts) == (24 if template == KEEPS else 0)
    assert len(counted.texts) <= 2 * (template == KEEPS) * 6


async def test_an_error_and_an_end_are_those_of_one_episode() -> None:
    renderer, _ = together(KEEPS)

    def refused() -> str:
        raise RefusedError("no such turn")

    def ends() -> str:
        raise AssertionError("an episode that was given up is not written")

    given_up = asyncio.ensure_future(renderer.together(ends))
    asked = [refused, lambda: "a", lambda: None, lambda: "b c"]
    others = [asyncio.ensure_future(renderer.together(one)) for one in asked]
    await asyncio.sleep(0)
    given_up.cancel()
    error, first, nothing, last = await asyncio.gather(*others, return_exceptions=True)
    assert isinstance(error, RefusedError)
    assert nothing is None
    encode = renderer._template.encode_more
    assert isinstance(first, np.ndarray) and isinstance(last, np.ndarray)
    assert np.array_equal(first, encode("a"))
    assert np.array_equal(last, encode("b c"))
    assert given_up.cancelled()


async def test_a_text_that_cannot_be_encoded_fails_alone() -> None:
    renderer, counted = together(KEEPS)
    texts = ["a", "half of a pair: \ud800", "b c"]
    asked = [renderer.together(lambda text=text: text) for text in texts]  # type: ignore[misc]
    first, error, last = await asyncio.gather(*asked, return_exceptions=True)
    encode = renderer._template.encode_more
    assert isinstance(first, np.ndarray) and isinstance(last, np.ndarray)
    assert np.array_equal(first, encode("a")) and np.array_equal(last, encode("b c"))
    with pytest.raises(Exception) as alone:
        encode(texts[1])
    assert type(error) is alone.type
    assert counted.texts == [3, 1, 1, 1]


async def test_an_encoder_that_fails_tells_all_that_wait() -> None:
    def broken(texts: Sequence[str]) -> list[Ids]:
        raise MemoryError(f"{len(texts)} texts")

    encoder = Together(broken, many=0)
    asked = [encoder(lambda: "a"), encoder(lambda: "b")]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(one) for one in found] == ["1 texts"] * 2


async def test_few_wait_for_nobody() -> None:
    renderer = Renderer(small_tokenizer(KEEPS))
    with renderer.together.episode(), pytest.raises(StopIteration) as done:
        renderer.together(lambda: "a").send(None)
    assert np.array_equal(done.value.value, renderer._template.encode_more("a"))


async def test_an_episode_that_is_given_up_while_it_waits_keeps_what_it_was_told() -> None:
    renderer, _ = together(KEEPS)
    one = context(renderer)
    await one.ask()
    one.answer(told(0))
    asking = asyncio.ensure_future(one.ask())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="while it is asked"):
        one.answer(told(1))
    with pytest.raises(ValueError, match="asked again"):
        await one.ask()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    message, _ = await one.ask()
    assert message["content"] == WHOLE[1]
    assert [said["content"] for said in one.messages[2:]] == [told(0)["content"], WHOLE[1]]


@pytest.mark.parametrize("template", [KEEPS, STRIPS])
async def test_reading_the_room_while_it_waits_appends_nothing_twice(template: str) -> None:
    renderer, _ = together(template)
    one = context(renderer)
    await one.ask()
    one.answer(told(0))
    asking = asyncio.ensure_future(one.ask())
    await asyncio.sleep(0)
    room = one.room
    await asking
    alone = context(Renderer(small_tokenizer(template)))
    await alone.ask()
    alone.answer(told(0))
    assert room == alone.room
    await alone.ask()
    assert one.begun_anew == alone.begun_anew
    for mine, other in zip(one.trajectories, alone.trajectories, strict=True):
        assert np.array_equal(mine.ids, other.ids)


async def test_what_cannot_begin_anew_is_trained_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = Renderer(small_tokenizer(STRIPS))
    one = context(renderer)
    await one.ask()
    one.answer(told(0))

    def refuse(messages: Sequence[Message], tools: object = ()) -> Ids:
        raise RefusedError("roles have to alternate")

    monkeypatch.setattr(renderer, "start", refuse)
    with pytest.raises(RefusedError):
        await one.ask()
    (trajectory,) = one.episode("stop").trajectories
    assert trajectory.mask.sum() == len(trajectory.segments[-1].ids)
