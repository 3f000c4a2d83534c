"""Supervised training on demonstrations, before the reinforcement learning of `builtin:tiny`.

It teaches the form of an answer, with a beginner's habits, and stops at a given accuracy, so that
reinforcement learning has something left to teach.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from rl.errors import ModelError

MEASURED = 256  # turns that are sampled for an accuracy
ENOUGH = 8  # of one kind, for a share of them to say anything


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the warm start imitates: the assistant's turns of a conversation."""

    prompt: Sequence[Mapping[str, Any]]
    """Messages."""
    said: Sequence[Mapping[str, Any]]
    """What follows: turns of the assistant, the last too, and what answers them."""
    right: Sequence[str]
    """How a right turn ends, for each of the assistant's turns; those in `said` may be wrong."""
    task: str = ""
    """The kind of task."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of the chat template."""
    prefix: str = ""
    """What the assistant's turns begin with, behind what the chat template writes."""


@dataclass(frozen=True, slots=True)
class WarmStart:
    """What came of a warm start."""

    accuracy: float
    """Share of sampled turns that were right, of the kind with the fewest."""
    updates: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn of the assistant, to be sampled."""

    context: list[int]
    tokens: int
    right: str
    kind: tuple[str, int]


def warm_start(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    demonstrations: Sequence[Demonstration],
    *,
    accuracy: float,
    lr: float,
    seed: int,
    report: Callable[[int, float], None],
    deadline: float = 600.0,
) -> WarmStart:
    """Imitate demonstrations until sampled turns reach `accuracy`, each kind of turn of each task.

    Accuracy jumps once the model has understood the task, so it is measured every few updates, and
    the learning rate falls to a third on the way up, to stop near the wanted level instead of far
    above.

    Args:
        model: changed in place.
        tokenizer: its tokenizer.
        demonstrations: what to imitate.
        accuracy: share of sampled turns that must be right.
        lr: learning rate, reached after 50 updates.
        seed: decides batches and samples.
        report: called with the number of updates and the accuracy after each measurement.
        deadline: seconds after which the attempt is given up.

    Raises:
        ModelError: the deadline passed first.
    """
    started = time.monotonic()
    generator = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.1)
    reached, updates = 0.0, 0
    while reached < accuracy:
        if time.monotonic() - started > deadline:
            raise ModelError(
                f"the warm start reached an accuracy of {reached:.0%} in {deadline:.0f} s, not "
                f"{accuracy:.0%}: lower model.warm_start_accuracy, or use easier data"
            )
        rising = reached > accuracy / 4
        for group in optimizer.param_groups:
            group["lr"] = lr / 3 if rising else lr * min(1.0, (updates + 1) / 50)
        for _ in range(5 if rising else 20):
            _imitate(model, tokenizer, generator.choices(demonstrations, k=64), optimizer)
            updates += 1
        reached = sampled_accuracy(model, tokenizer, generator.choices(demonstrations, k=MEASURED))
        report(updates, reached)
    return WarmStart(reached, updates, time.monotonic() - started)


def _imitate(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    batch: Sequence[Demonstration],
    optimizer: torch.optim.Optimizer,
) -> None:
    """One update on the tokens of the assistant."""
    model.train()
    shown = [encoded(tokenizer, example) for example in batch]
    longest = max(len(tokens) for tokens, _ in shown)
    tokens = torch.full((len(batch), longest), tokenizer.pad_token_id)
    labels = torch.full((len(batch), longest), -100)
    for row, (read, learned) in enumerate(shown):
        tokens[row, : len(read)] = torch.tensor(read)
        labels[row, : len(read)] = torch.tensor(learned)
    loss = model(tokens, attention_mask=(tokens != tokenizer.pad_token_id), labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


@torch.no_grad()
def sampled_accuracy(
    model: Any, tokenizer: PreTrainedTokenizerFast, examples: Sequence[Demonstration]
) -> float:
    """Share of turns that end as a right one, sampled at temperature 1 after demonstrated ones.

    Of several kinds, which are tasks and places in a conversation, it is the one with the smallest
    share that counts. Kinds of which there are too few to tell are left out.
    """
    model.eval()
    turns = [turn for example in examples for turn in _turns(tokenizer, example)][:MEASURED]
    longest = max(len(turn.context) for turn in turns)
    padding = tokenizer.pad_token_id
    padded = torch.tensor([[padding] * (longest - len(t.context)) + t.context for t in turns])
    output = model.generate(
        padded,
        attention_mask=(padded != padding),
        do_sample=True,
        temperature=1.0,
        top_k=0,
        max_new_tokens=max(turn.tokens for turn in turns) + 4,
    )
    texts = tokenizer.batch_decode(output[:, longest:], skip_special_tokens=True)
    right: dict[tuple[str, int], list[bool]] = {}
    for text, turn in zip(texts, turns, strict=True):
        right.setdefault(turn.kind, []).append(text.endswith(turn.right))
    enough = min(ENOUGH, max(map(len, right.values())))
    return min(sum(found) / len(found) for found in right.values() if len(found) >= enough)


def encoded(
    tokenizer: PreTrainedTokenizerFast, example: Demonstration
) -> tuple[list[int], list[int]]:
    """Tokens of a conversation, and labels: the assistant's own tokens, -100 for all others."""
    tokens: list[int] = []
    labels: list[int] = []
    for context, answer in _parts(tokenizer, example):
        read = context[len(tokens) :]
        tokens += read + answer
        labels += [-100] * len(read) + answer
    return tokens, labels


def _turns(tokenizer: PreTrainedTokenizerFast, example: Demonstration) -> Iterator[_Turn]:
    parts = zip(_parts(tokenizer, example), example.right, strict=False)
    for place, ((context, answer), right) in enumerate(parts):
        yield _Turn(context, len(answer) - 1, right, (example.task, place))


def _parts(
    tokenizer: PreTrainedTokenizerFast, example: Demonstration
) -> Iterator[tuple[list[int], list[int]]]:
    """What stands before each turn of the assistant, and the turn with its end."""
    messages = [dict(message) for message in (*example.prompt, *example.said)]
    for place in range(len(example.prompt), len(messages)):
        if messages[place]["role"] == "assistant":
            context = tokenizer.apply_chat_template(
                messages[:place],
                add_generation_prompt=True,
                return_dict=True,
                **example.arguments,
            )["input_ids"]
            if example.prefix:
                context = [*context, *tokenizer(example.prefix)["input_ids"]]
            answer = tokenizer(messages[place]["content"])["input_ids"]
            yield list(context), [*answer, tokenizer.eos_token_id]
