"""A policy that says what a test wrote down, and small tokenizers with templates of their own."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from rl.tokens import Ids, Sampled, Sampling, Segment, Span, Stop

MARKS = (
    "<|pad|>", "<|im_start|>", "<|im_end|>", "<|user|>", "<|assistant|>", "<|observation|>",
    "<|system|>", "<|tool|>", "<|end|>", "<|call|>",
)  # fmt: skip


def byte_tokens() -> list[str]:
    """How byte-level tokenizers write each of the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def small_tokenizer(template: str | None, *, eos: str = "<|im_end|>") -> PreTrainedTokenizerFast:
    """Byte-level, with a few hundred merges."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    corpus = ["user assistant system tool thinking answer what is the sum of numbers"] * 4
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(corpus, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=eos, pad_token=MARKS[0], model_max_length=100_000
    )
    tokenizer.chat_template = template
    return tokenizer


def split(tokenizer: Any, text: str, cuts: Sequence[int]) -> list[int]:
    """Ids of a text as a policy may split it: parts encoded alone, every third one byte by byte."""
    ids: list[int] = []
    ends = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    written = byte_tokens()
    for i, (first, end) in enumerate(itertools.pairwise(ends)):
        part = text[first:end]
        if i % 3 == 2:
            ids += tokenizer.convert_tokens_to_ids([written[byte] for byte in part.encode()])
        else:
            ids += tokenizer.encode(part, add_special_tokens=False)
    return ids


@dataclass
class Turn:
    """What the policy says once."""

    ids: Sequence[int]
    text: str
    stop: Stop = "stop"


@dataclass
class Scripted:
    """Says its turns one after the other; notes what it was asked.

    `gate`, if any, is awaited before each turn, with the seed of the request.
    """

    turns: list[Turn]
    version: int = 3
    gate: Callable[[Sampling], Any] | None = None
    seen: list[tuple[Ids, Sampling, str]] = field(default_factory=list)
    cancelled: int = 0

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        self.seen.append((context, how, session))
        turn = self.turns.pop(0)
        if self.gate is not None:
            try:
                await self.gate(how)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        ids = np.array(turn.ids[: how.max_tokens], np.int32)
        cut = len(ids) < len(turn.ids)
        logprobs = np.full(len(ids), -0.5, np.float32)
        segment = Segment(ids, logprobs, (Span(len(ids), self.version),))
        return Sampled(segment, "length" if cut else turn.stop, turn.text)
