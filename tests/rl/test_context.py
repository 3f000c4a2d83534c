"""The growing context: what the policy is given, what ends an episode, and what turns earn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from data.schema import Prompt
from rl.episodes.context import Context
from rl.episodes.given import UnreadableError
from rl.episodes.limits import EpisodeOver, Limits
from rl.episodes.rendering import Renderer
from rl.episodes.seeds import turn_seed
from rl.errors import EngineError
from rl.tokens import Ids, Sampled, Sampling
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer

PROMPT = Prompt("p", ({"role": "user", "content": "Guess."},))
ROOMY = Limits(turns=4, tokens=1000)
AGAIN = {"role": "user", "content": "Higher."}
KEEPS, STRIPS, OPENS = map(
    small_tokenizer, (templates.KEEPS, templates.STRIPS, templates.OPENS_AND_SHOWS)
)


def turns(tokenizer: Any, *texts: str) -> list[Turn]:
    end = tokenizer.eos_token_id
    return [Turn([*tokenizer.encode(text), end], text) for text in texts]


def context(
    policy: Scripted,
    tokenizer: Any = KEEPS,
    *,
    limits: Limits = ROOMY,
    seed: int | None = 7,
    max_tokens: int = 100,
) -> Context:
    sampling = Sampling(1.0, max_tokens, seed=seed)
    return Context(Renderer(tokenizer), policy, PROMPT, sampling, "session", limits)


def text(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(ids))


async def test_turns_stand_one_after_the_other_in_one_trajectory() -> None:
    policy = Scripted(turns(KEEPS, "Six?", "Seven."))
    one = context(policy)
    message, why = await one.ask()
    assert (message, why) == ({"role": "assistant", "content": "Six?"}, "stop")
    one.answer(AGAIN, reward=-0.5)
    await one.ask()
    episode = one.episode("stop")
    (trajectory,) = episode.trajectories
    assert text(KEEPS, trajectory.ids) == (
        "<|im_start|>user\nGuess.<|im_end|>\n<|im_start|>assistant\nSix?<|im_end|>"
        "\n<|im_start|>user\nHigher.<|im_end|>\n<|im_start|>assistant\nSeven.<|im_end|>"
    )
    assert text(KEEPS, trajectory.ids[trajectory.mask]) == "Six?<|im_end|>Seven.<|im_end|>"
    assert [segment.reward for segment in trajectory.segments] == [0, -0.5, 0, 0]
    assert [said["content"] for said in episode.messages] == ["Guess.", "Six?", "Higher.", "Seven."]
    assert (episode.response, episode.turns, episode.end) == ("Seven.", 2, "stop")
    assert [session for _, _, session in policy.seen] == ["session"] * 2


async def test_a_template_that_rewrites_turns_begins_another_trajectory() -> None:
    thought = "<think>\nhm\n</think>\n\n"
    policy = Scripted(turns(STRIPS, f"{thought}Six?", f"{thought}Seven."))
    one = context(policy, STRIPS)
    await one.ask()
    one.answer(AGAIN, reward=-0.5)
    assert one.room == 1000 - len(Renderer(STRIPS).start(one.messages))
    await one.ask()
    first, second = one.episode("stop").trajectories
    assert text(STRIPS, first.ids).count("hm") == 1
    assert text(STRIPS, second.ids).endswith(
        "<|im_start|>assistant\nSix?<|im_end|>\n<|im_start|>user\nHigher.<|im_end|>\n"
        f"<|im_start|>assistant\n{thought}Seven.<|im_end|>"
    )
    assert [[s.reward for s in t.segments] for t in (first, second)] == [[0, -0.5], [0, 0]]
    assert one.begun_anew == 1


async def test_nothing_stands_behind_the_last_sampled_token() -> None:
    one = context(Scripted(turns(STRIPS, "Six?")), STRIPS)
    await one.ask()
    one.answer(AGAIN)
    assert one.room < 1000
    one.answer(reward=0.25)
    (trajectory,) = one.trajectories
    assert trajectory.mask[-1]
    assert trajectory.segments[-1].reward == 0.25


async def test_messages_before_the_first_turn_belong_to_the_prompt() -> None:
    policy = Scripted(turns(KEEPS, "Six."))
    one = context(policy)
    one.answer(AGAIN)
    await one.ask()
    expected = Renderer(KEEPS).start([*PROMPT.messages, AGAIN])
    assert np.array_equal(policy.seen[0][0], expected)
    assert len(one.trajectories) == 1


@pytest.mark.parametrize(("max_tokens", "room"), [(3, 900), (100, 3)])
async def test_a_turn_that_was_cut_ends_the_episode(max_tokens: int, room: int) -> None:
    """By the limit of a turn, or by the room that the context has left."""
    start = len(Renderer(KEEPS).start(PROMPT.messages))
    policy = Scripted(turns(KEEPS, "I should think about seven of them."))
    one = context(policy, limits=Limits(4, start + room), max_tokens=max_tokens)
    _, why = await one.ask()
    assert why == "length"
    assert policy.seen[0][1].max_tokens == 3
    with pytest.raises(EpisodeOver):
        one.answer(AGAIN, reward=1.0)
    with pytest.raises(EpisodeOver):
        await one.ask()
    episode = one.episode("stop")
    assert episode.end == "length"
    assert episode.trajectories[-1].segments[-1].reward == 1.0


@pytest.mark.parametrize(
    ("limits", "end"), [(Limits(turns=1, tokens=1000), "turns"), (Limits(4, 24), "budget")]
)
async def test_turns_and_context_are_bounded(limits: Limits, end: str) -> None:
    one = context(Scripted(turns(KEEPS, "6", "7")), limits=limits)
    for _ in range(2):
        try:
            await one.ask()
            one.answer({"role": "user", "content": "no " * 20})
        except EpisodeOver as over:
            assert over.end == end
    assert one.episode("stop").end == end
    assert one.episode("stop").turns == 1


async def test_seeds_differ_from_turn_to_turn_and_repeat() -> None:
    async def seeds(seed: int | None) -> list[int | None]:
        policy = Scripted(turns(KEEPS, "6", "7", "8"))
        one = context(policy, seed=seed)
        for _ in range(3):
            await one.ask()
            one.answer(AGAIN)
        return [how.seed for _, how, _ in policy.seen]

    found = await seeds(7)
    assert found == [7, turn_seed(7, 1), turn_seed(7, 2)] == await seeds(7)
    assert len(set(found)) == 3
    assert await seeds(None) == [None] * 3


async def test_whether_thinking_is_open_is_read_from_the_last_prompt() -> None:
    for tokenizer, opened in ((KEEPS, "none"), (OPENS, "open")):
        one = context(Scripted(turns(tokenizer, "so\n</think>\n\n6")), tokenizer)
        await one.ask()
        assert one.episode("stop").thinking == opened


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([{"content": "no role"}], "a role and a content"),
        ([{"role": "user", "content": None}], "a role and a content"),
    ],
)
async def test_what_is_no_message_is_refused(answers: list[Any], words: str) -> None:
    one = context(Scripted(turns(KEEPS, "6")))
    await one.ask()
    with pytest.raises(ValueError, match=words):
        one.answer(*answers)
    assert len(one.messages) == 2


async def test_turns_and_answers_alternate() -> None:
    one = context(Scripted(turns(KEEPS, "6", "7")))
    with pytest.raises(ValueError, match="before the policy has said anything"):
        one.answer(reward=1.0)
    await one.ask()
    with pytest.raises(ValueError, match="before its last turn was answered"):
        await one.ask()
    for reward in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            one.answer(AGAIN, reward=reward)
    one.answer(AGAIN)
    one.answer(AGAIN)  # before the policy reads them, they are appended at once
    assert one.room
    with pytest.raises(ValueError, match="appended already"):
        one.answer(AGAIN)


async def test_the_prompt_stays_as_it_is_while_the_policy_is_asked() -> None:
    class Hasty(Scripted):
        async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
            with pytest.raises(ValueError, match="use `answer`"):
                one.begin("Below ten.")
            return await super().sample(context, how, session=session)

    policy = Hasty(turns(KEEPS, "6"))
    one = context(policy)
    await one.ask()
    (trajectory,) = one.episode("stop").trajectories
    ((given, _, _),) = policy.seen
    assert trajectory.ids[: len(given)].tolist() == list(given)


async def test_what_the_policy_raises_is_kept() -> None:
    async def lose(how: Sampling) -> None:
        raise EngineError("no engine is left")

    one = context(Scripted(turns(KEEPS, "6"), gate=lose))
    with pytest.raises(EngineError):
        await one.ask()
    assert isinstance(one.failure, EngineError)
    assert one.trajectories == ()


async def test_images_are_refused_by_name() -> None:
    one = context(Scripted(turns(KEEPS, "Six?")))
    await one.ask()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    with pytest.raises(UnreadableError, match="an image, which cannot be read here"):
        one.answer({"role": "user", "content": [{"type": "text", "text": "See."}, image]})
