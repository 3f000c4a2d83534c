"""Holding an evaluation set out of the training prompts.

Guarantees, for the same prompts and seed: the same prompts are held out, whatever order they come
in; no prompt is lost; prompts that ask the same thing are on the same side, so that nothing the
policy was trained on is ever evaluated.
"""

import hashlib
from collections.abc import Sequence

from data.errors import SplitError
from data.schema import Prompt


def hold_out(prompts: Sequence[Prompt], count: int, seed: int) -> tuple[list[Prompt], list[Prompt]]:
    """Split prompts into (train, evaluation), each in the order given.

    The evaluation side has `count` prompts. It has fewer only where the texts that repeat do not
    fit: the copies of one text move together, and never beyond `count`.

    Raises:
        SplitError: `count` is negative or leaves nothing to train on, or every text repeats more
            than `count` times.
    """
    if count < 0:
        raise SplitError(f"cannot hold out {count} prompts; give 0 or more")
    if count >= len(prompts):
        raise SplitError(
            f"cannot hold out {count} of {len(prompts)} prompts: none would be left to train on; "
            "hold out fewer or load more"
        )
    texts = [prompt.text_digest() for prompt in prompts]
    held = _choose(texts, count, seed)
    if count and not held:
        raise SplitError(
            f"cannot hold out {count} of {len(prompts)} prompts: every prompt text occurs more "
            f"than {count} times; remove the duplicates"
        )
    train = [prompt for prompt, text in zip(prompts, texts, strict=True) if text not in held]
    evaluation = [prompt for prompt, text in zip(prompts, texts, strict=True) if text in held]
    return train, evaluation


def _choose(texts: Sequence[str], count: int, seed: int) -> set[str]:
    copies: dict[str, int] = {}
    for text in texts:
        copies[text] = copies.get(text, 0) + 1
    held: set[str] = set()
    room = count
    for text in sorted(copies, key=lambda text: _rank(text, seed)):
        if room == 0:
            break
        if copies[text] <= room:
            held.add(text)
            room -= copies[text]
    return held


def _rank(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{text}".encode()).hexdigest()
