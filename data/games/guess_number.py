"""The built-in data of `guess_number`: a hidden number within a range that is told.

Guarantees: problems are distinct, a range and a number in it; the same arguments give the same
problems in the same order; the reference is the number. Prompts are short, for models that read one
character at a time: `3-17` is all that is said.
"""

import random
import re
from collections.abc import Mapping
from typing import Any, Final

from data.errors import PromptError, SourceError
from data.schema import Prompt

DEFAULT_COUNT: Final = 4_000
LARGEST: Final = 999
_ID: Final = re.compile(r"guess_number/(\d+)-(\d+)/(\d+)")


def guess_prompts(count: int = DEFAULT_COUNT, *, seed: int = 0, largest: int = 31) -> list[Prompt]:
    """Draw distinct problems at random, of numbers from 1 to `largest`.

    Raises:
        SourceError: the arguments describe no problems, or fewer than `count`.
    """
    if not 2 <= largest <= LARGEST:
        raise SourceError(
            f"guess_number with numbers up to {largest} cannot be made; use a max from 2 to "
            f"{LARGEST}"
        )
    # A range of n numbers has n of them to hide; there are `largest` - n + 1 such ranges.
    there_are = sum(n * (largest - n + 1) for n in range(2, largest + 1))
    if not 1 <= count <= there_are:
        raise SourceError(
            f"guess_number cannot give {count} problems: there are {there_are} with numbers up to "
            f"{largest}; change the count or the max"
        )
    draw = random.Random(seed)
    found: dict[tuple[int, int, int], None] = {}
    if 2 * count > there_are:
        every = [
            (low, high, number)
            for low in range(1, largest)
            for high in range(low + 1, largest + 1)
            for number in range(low, high + 1)
        ]
        return [_prompt(*one) for one in draw.sample(every, count)]
    while len(found) < count:
        low, number, high = sorted(draw.randint(1, largest) for _ in range(3))
        if low < high:
            found[low, high, number] = None
    return [_prompt(*one) for one in found]


def conversation(prompt: Prompt, *, mistaken: bool = False) -> list[Mapping[str, Any]]:
    """A demonstration: guesses in the middle, and what they are told.

    Of 3 to 17 with 5 hidden, the turns are `10`, `lower: 3-9`, `6`, `lower: 3-5`, `4`,
    `higher: 5-5`, `5`. `mistaken` ends with a beginner's guess: the lowest number that it can be,
    one that was ruled out, or no number at all.
    """
    low, high, number = _parts(prompt)
    right = []
    while True:
        guess = (low + high) // 2
        right.append((guess, low, high))
        if guess == number:
            break
        low, high = (guess + 1, high) if guess < number else (low, guess - 1)
    wrong_at = number % len(right) if mistaken else len(right)
    said: list[Mapping[str, Any]] = []
    for place, (guess, low, high) in enumerate(right):
        if place:
            way = "higher" if right[place - 1][0] < number else "lower"
            said.append({"role": "user", "content": f"{way}: {low}-{high}"})
        if place == wrong_at:
            return [*said, _said(_mistake(low, high, number))]
        said.append(_said(str(guess)))
    return said


def _mistake(low: int, high: int, number: int) -> str:
    kind = (low + high + number) % 3
    if kind == 0 and low < number and high - low > 1:  # else it is as good a guess as any
        return str(low)
    return "?" if kind == 1 else str(high + 1 + number % 5)


def _said(text: str) -> Mapping[str, Any]:
    return {"role": "assistant", "content": text}


def _parts(prompt: Prompt) -> tuple[int, int, int]:
    parsed = _ID.fullmatch(prompt.id)
    if parsed is None:
        raise PromptError(
            f"prompt {prompt.id!r} is no number to guess; only prompts of builtin:guess_number "
            "have these demonstrations"
        )
    return int(parsed[1]), int(parsed[2]), int(parsed[3])


def _prompt(low: int, high: int, number: int) -> Prompt:
    return Prompt(
        id=f"guess_number/{low}-{high}/{number}",
        messages=({"role": "user", "content": f"{low}-{high}"},),
        reference=str(number),
        task="guess_number",
        metadata={"low": low, "high": high},
    )
