"""The built-in data of `twenty_questions`: things that are well known, by their kind.

Guarantees: things are distinct; the same arguments give the same ones in the same order; the prompt
says the kind, and the reference is the thing.
"""

import random
from collections.abc import Mapping
from typing import Any, Final

from data.errors import PromptError, SourceError
from data.schema import Prompt

_THINGS: Final[Mapping[str, str]] = {
    "an animal": "ant bat bear bee beaver butterfly camel cat chicken cow crab crocodile deer dog "
    "dolphin donkey duck eagle elephant fox frog giraffe goat goose gorilla hedgehog horse "
    "kangaroo lion lizard lobster monkey mouse octopus ostrich owl panda parrot penguin pig rabbit "
    "rat seal shark sheep snail snake spider squirrel swan tiger turtle whale wolf zebra",
    "a food": "apple banana bread butter carrot cheese cherry chocolate coconut egg garlic grape "
    "honey lemon mushroom noodle onion orange pancake pear pepper pineapple pizza potato rice salt "
    "sandwich sausage soup strawberry sugar tomato",
    "a thing": "anchor axe bag ball balloon basket bed bell bicycle boat book bottle bowl "
    "box bridge broom brush bucket button camera candle car chair clock coin comb compass cup door "
    "drum fork glove guitar hammer hat helmet kettle key kite knife ladder lamp lock "
    "mirror nail needle oven pen pencil piano pillow plate ring rope ruler saw scissors "
    "shoe shovel spoon sword table telephone tent train umbrella violin wheel window",
}
_ALL: Final = [(kind, thing) for kind, things in _THINGS.items() for thing in things.split()]


def question_prompts(count: int | None = None, *, seed: int = 0) -> list[Prompt]:
    """Draw distinct things at random; None: all.

    Raises:
        SourceError: there are fewer than `count`.
    """
    if count is not None and not 1 <= count <= len(_ALL):
        raise SourceError(
            f"twenty_questions cannot give {count} problems: there are {len(_ALL)}; lower the count"
        )
    return [_prompt(*one) for one in random.Random(seed).sample(_ALL, count or len(_ALL))]


def conversation(prompt: Prompt, *, mistaken: bool = False) -> list[Mapping[str, Any]]:
    """A demonstration of the form of a guess, right away; `mistaken` has no name in it.

    Raises:
        PromptError: the prompt is of other data.
    """
    if prompt.id != f"twenty_questions/{prompt.reference}":
        raise PromptError(
            f"prompt {prompt.id!r} is no game of twenty questions; only prompts of "
            "builtin:twenty_questions have these demonstrations"
        )
    text = "Is it it?" if mistaken else f"Is it {_with_article(str(prompt.reference))}?"
    return [{"role": "assistant", "content": text}]


def _with_article(thing: str) -> str:
    return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"


def _prompt(kind: str, thing: str) -> Prompt:
    names = [f"{thing}s"] if thing != "scissors" else ["pair of scissors"]
    return Prompt(
        id=f"twenty_questions/{thing}",
        messages=({"role": "user", "content": f"I think of {kind}."},),
        reference=thing,
        task="twenty_questions",
        metadata={"names": names},
    )
