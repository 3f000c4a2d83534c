"""An episode behind the endpoint: a policy that says what a test wants, and its clients."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from openai import AsyncOpenAI

from data.schema import Prompt
from rl.endpoint.recorder import Recorder
from rl.endpoint.server import Address, Endpoint, serving
from rl.episodes.limits import Limits
from rl.episodes.rendering import Renderer
from rl.tokens import Ids, Sampled, Sampling, Segment, Span
from tests.rl.scripted import small_tokenizer, split
from tests.rl.templates import KEEPS

PROMPT = Prompt("p", ({"role": "user", "content": "How many?"},), reference="secret")
TOOL = {
    "type": "function",
    "function": {
        "name": "f",
        "description": "A function.",
        "parameters": {"type": "object", "properties": {"x": {"type": "string"}}},
    },
}
ASKED = [{"role": "user", "content": "How many?"}]


def calls(*values: str) -> str:
    """What the policy writes to call `f`."""
    told = [json.dumps({"name": "f", "arguments": {"x": value}}) for value in values]
    return "".join(f"<tool_call>\n{one}\n</tool_call>" for one in told)


@cache
def tokenizer_of(template: str = KEEPS) -> Any:
    return small_tokenizer(template)


@dataclass
class Speaker:
    """A policy that answers a context's text; splits its words as a policy may."""

    say: Callable[[str], str]
    tokenizer: Any = field(default_factory=tokenizer_of)
    gate: asyncio.Event | None = None
    error: Exception | None = None
    cuts: Sequence[int] = (3, 7, 11)
    seen: list[tuple[Ids, Ids]] = field(default_factory=list)
    asked: list[Sampling] = field(default_factory=list)

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        self.asked.append(how)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        await asyncio.sleep(0)
        text = self.say(self.tokenizer.decode(context.tolist(), skip_special_tokens=False))
        ids = split(self.tokenizer, text, self.cuts)
        ids.append(self.tokenizer.convert_tokens_to_ids("<|im_end|>"))
        is_cut = len(ids) > how.max_tokens
        kept = np.array(ids[: how.max_tokens], np.int32)
        self.seen.append((context, kept))
        logprobs = np.linspace(-1, -0.1, len(kept)).astype(np.float32)
        segment = Segment(kept, logprobs, (Span(len(kept), 3),))
        shown = self.tokenizer.decode(kept.tolist(), skip_special_tokens=True)
        return Sampled(segment, "length" if is_cut else "stop", shown)


def recorder_of(
    speaker: Speaker,
    *,
    turns: int = 99,
    tokens: int = 50_000,
    answer: int = 2_000,
    template: str = KEEPS,
    prompt: Prompt = PROMPT,
) -> Recorder:
    return Recorder(
        Renderer(tokenizer_of(template)),
        speaker,
        prompt,
        Sampling(1.0, answer, seed=7),
        "s",
        Limits(turns, tokens),
    )


def check_token_rule(recorder: Recorder, speaker: Speaker) -> None:
    """Every context and answer of the policy stands in one trajectory, once, token by token."""
    stands: Counter[tuple[bytes, bytes]] = Counter()
    for trajectory in recorder.trajectories:
        segments = trajectory.segments
        assert segments[0].logprobs is None
        assert segments[-1].logprobs is not None
        for before, after in itertools.pairwise(segments):
            assert (before.logprobs is None) != (after.logprobs is None)
        for i, segment in enumerate(segments):
            if segment.logprobs is not None:
                context = np.concatenate([one.ids for one in segments[:i]])
                stands[context.tobytes(), segment.ids.tobytes()] += 1
        assert trajectory.mask.sum() == trajectory.sampled
        assert not trajectory.logprobs[~trajectory.mask].any()
    assert stands == Counter((context.tobytes(), ids.tobytes()) for context, ids in speaker.seen)


@asynccontextmanager
async def episode(recorder: Recorder) -> AsyncIterator[tuple[Endpoint, Address]]:
    async with serving() as endpoint, endpoint.episode(recorder) as address:
        yield endpoint, address


@asynccontextmanager
async def client_of(recorder: Recorder, **options: Any) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client of an episode."""
    async with episode(recorder) as (endpoint, address):
        url = endpoint.host + address.path
        async with AsyncOpenAI(base_url=url, api_key=address.key, **options) as client:
            yield client
