"""Conversations drawn at random, and the comparison of their contexts with a template's text."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from data.schema import Prompt
from rl.episodes.context import Context
from rl.episodes.limits import Limits
from rl.episodes.rendering import Renderer
from rl.tokens import Episode, Message, Sampling
from tests.rl.scripted import Scripted, Turn, split

CALL_ID = "abc123def"
DECLARED = {
    "type": "function",
    "function": {"name": "f", "description": "", "parameters": {"type": "object"}},
}
LETTERS = "abz AZ09.,;:!?'\"(){}[]/\\\n\u00e9\u00df\u4f60\u597d\U0001f642e\u0301\u200b\u00a0"
TEXT = st.text(st.sampled_from(LETTERS), max_size=24).map(str.strip)


class Said(NamedTuple):
    """A turn of the policy, and what answers it."""

    content: str
    values: list[str]
    """Of the argument `x`, one a call."""
    cuts: list[int]
    """Where its text is split."""
    ends: bool
    """Whether the policy samples the end of its turn."""
    new: list[Message]

    @property
    def message(self) -> Message:
        calls = [
            {"id": CALL_ID, "type": "function", "function": {"name": "f", "arguments": {"x": x}}}
            for x in self.values
        ]
        turn: dict[str, Any] = {"role": "assistant", "content": self.content}
        return turn | {"tool_calls": calls} if calls else turn


THOUGHT = "<think>\n{}\n</think>\n\n"

Write = Callable[[Said], str]
"""What the policy writes for the calls of a turn, in the way of a template."""


@st.composite
def conversations(
    draw: st.DrawFn, roles: Sequence[str], *, think: str = THOUGHT, calls: bool = False
) -> list[Said]:
    """A few turns; `roles` may answer those without calls, results answer the others.

    Thoughts are written as `think` says; in the usual way, some turns have none.
    """
    turns = []
    for _ in range(draw(st.integers(1, 4))):
        thought, said = draw(TEXT), draw(TEXT)
        content = think.format(thought) + said if thought or think != THOUGHT else said
        values = draw(st.lists(TEXT, max_size=2)) if calls else []
        if thought and not values and not said:
            content += "so"  # templates differ in what they leave of nothing
        others = st.lists(st.sampled_from(roles), min_size=1, max_size=2)
        answerers = ["tool"] * len(values) or draw(others)
        if values and "user" in roles and draw(st.booleans()):
            answerers.append("user")
        new = []
        for role in answerers:
            more = {"name": "f", "tool_call_id": CALL_ID} if role == "tool" else {}
            new.append({"role": role, "content": draw(TEXT) or "none", **more})
        cuts = draw(st.lists(st.integers(0, 200), max_size=6))
        turns.append(Said(content, values, cuts, draw(st.booleans()), new))
    return turns


async def play(
    renderer: Renderer,
    tokenizer: Any,
    turns: Sequence[Said],
    *,
    end: Callable[[Said], str],
    write: Write,
    **arguments: Any,
) -> Episode:
    """The conversation as an episode.

    Every context reads as the template writes its messages; it is the beginning of the trajectory
    that it ended in; and each turn stands in one of them, token by token as it was sampled.
    """
    said = []
    for turn in turns:
        text = turn.content + write(turn)
        ids = split(tokenizer, text, turn.cuts)
        if turn.ends or not ids:
            ids.append(tokenizer.convert_tokens_to_ids(end(turn)))
        said.append(Turn(ids, text))
    policy = Scripted([*said, Turn([0], "")])
    messages = iter([*(turn.message for turn in turns), {"role": "assistant", "content": ""}])
    prompt = Prompt("p", ({"role": "user", "content": "How many?"},), tools=(DECLARED,))
    context = Context(
        renderer,
        policy,
        prompt,
        Sampling(1.0, 10_000),
        "s",
        Limits(turns=9, tokens=100_000),
        parse=lambda text, opened: next(messages),
    )
    for turn in (*turns, None):
        asked = [dict(message) for message in context.messages]
        await context.ask()
        expected = tokenizer.apply_chat_template(
            asked, tools=[DECLARED], add_generation_prompt=True, tokenize=False, **arguments
        )
        found = tokenizer.decode(
            policy.seen[-1][0], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        assert _normal(found) == _normal(expected)
        if turn is not None:
            context.answer(*turn.new)
    episode = context.episode("stop")
    _check_growth(episode, policy, [*said, Turn([0], "")])
    return episode


def _check_growth(episode: Episode, policy: Scripted, turns: Sequence[Turn]) -> None:
    trajectories = iter(episode.trajectories)
    trajectory = next(trajectories)
    for context, _, _ in policy.seen:
        while not np.array_equal(trajectory.ids[: len(context)], context):
            trajectory = next(trajectories)
    sampled = np.concatenate([t.ids[t.mask] for t in episode.trajectories])
    assert sampled.tolist() == [one for turn in turns for one in turn.ids]


def as_json(values: Sequence[str]) -> list[str]:
    return [json.dumps({"x": value}, ensure_ascii=False) for value in values]


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)  # as some tokenizers do
