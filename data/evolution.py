"""Prompts with constraints that can be checked, grown out of seed prompts.

The three stages are those of TeleChat's report for precise instruction following: a set of
constraints, the evolution of instructions by up to six of them with recorded parameters, and a
filter that keeps the responses that follow them all.

Guarantees: the same seeds and the same random seed give the same prompts, and those of one seed
prompt do not depend on the others. The constraints of a prompt do not conflict. The reference of a
prompt is what the verifier "constraints" reads. Its words name every keyword and every number.
"""

import random
import re
from collections.abc import (
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from data.constraint_draws import DEFAULT_TYPES, draw_constraints
from data.errors import PromptError, SourceError
from data.schema import Prompt
from rewards.constraints import (
    CONSTRAINTS,
    Constraint,
    ConstraintError,
    check,
    constraints_of,
    describe,
)
from rewards.constraints.casing import NAMES

MOST: Final = 6
"""How many constraints a prompt gets at most."""

_NUMBERS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_CAPITALS: Final = ("capital", "uppercase", "upper case", "upper-case", "all caps")
SAID: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "keywords:letter_frequency": ("letter",),
        "length_constraints:number_words": ("word",),
        "length_constraints:number_sentences": ("sentence",),
        "length_constraints:number_paragraphs": ("***",),
        "length_constraints:nth_paragraph_first_word": ("paragraph",),
        "detectable_content:number_placeholders": ("bracket", "[", "placeholder"),
        "detectable_format:number_bullet_lists": ("bullet",),
        "detectable_format:number_highlighted_sections": ("highlight", "*"),
        "detectable_format:constrained_response": ("my answer is",),
        "detectable_format:json_format": ("json",),
        "detectable_format:title": ("<<", "angular bracket", "angle bracket"),
        "change_case:capital_word_frequency": _CAPITALS,
        "change_case:english_capital": _CAPITALS,
        "change_case:english_lowercase": ("lowercase", "lower case", "lower-case", "small letter"),
        "punctuation:no_comma": ("comma",),
        "startend:quotation": ("quot",),
        "combination:two_responses": ("******", "6 asterisk", "six asterisk"),
        "combination:repeat_prompt": ("repeat",),
    }
)
"""Of each kind, words of which a request has to have one, so that it asks for it at all."""
_UNNAMED: Final = frozenset({"relation", "let_relation", "capital_relation"})


@dataclass(frozen=True, slots=True)
class Evolution:
    """How prompts are evolved.

    Attributes:
        seed: The random seed.
        copies: How many prompts grow out of each seed prompt.
        most: How many constraints a prompt gets at most, 1 to 6.
        types: The ids of the constraints drawn from.
        task: The task of the new prompts.

    Raises:
        SourceError: A number or an id is wrong.
    """

    seed: int = 0
    copies: int = 1
    most: int = MOST
    types: tuple[str, ...] = DEFAULT_TYPES
    task: str = "text"

    def __post_init__(self) -> None:
        if self.copies < 1 or not 1 <= self.most <= MOST:
            raise SourceError(
                f"evolution with {self.copies} copies of up to {self.most} constraints cannot be "
                f"made; use 1 copy or more and 1 to {MOST} constraints"
            )
        unknown = [id for id in self.types if id not in CONSTRAINTS]
        if unknown or not self.types or len(set(self.types)) < len(self.types):
            raise SourceError(
                f"evolution cannot draw from the types {', '.join(unknown or self.types)!r}; "
                f"name some of {', '.join(CONSTRAINTS)}, each once"
            )


def evolved(seeds: Iterable[Prompt], how: Evolution = Evolution()) -> Iterator[Prompt]:
    """Grow prompts that ask for constraints in plain words, after the request of the seed prompt.

    Raises:
        PromptError: A seed prompt has no request in text.
    """
    for seed in seeds:
        for copy in range(how.copies):
            yield evolve(seed, copy, how)


def evolve(seed: Prompt, copy: int, how: Evolution, words: str | None = None) -> Prompt:
    """Grow one prompt: the copy of that number, in plain words or in those of a model.

    Where `words` leave out a constraint, a keyword or a number, the plain ones are taken; where
    there are any, the column `wording` says "rewritten" or "plain".

    Raises:
        PromptError: The seed prompt has no request in text.
    """
    constraints = drawn(seed, copy, how)
    if words is None:
        return _prompt(seed, copy, constraints, _plain(seed, constraints), how.task)
    is_complete = bool(words.strip()) and not unnamed(words, constraints)
    text = words.strip() if is_complete else _plain(seed, constraints)
    prompt = _prompt(seed, copy, constraints, text, how.task)
    wording = "rewritten" if is_complete else "plain"
    return replace(prompt, metadata={**prompt.metadata, "wording": wording})


def drawn(seed: Prompt, copy: int, how: Evolution) -> tuple[Constraint, ...]:
    """The constraints of one copy; they depend on the seed prompt's id and request alone.

    Raises:
        PromptError: The seed prompt has no request in text.
    """
    rng = random.Random(f"{how.seed}/{copy}/{seed.id}")  # text is hashed by SHA-512
    return draw_constraints(rng, request_of(seed), most=how.most, types=how.types)


def unnamed(text: str, constraints: Sequence[Constraint]) -> list[str]:
    """What `text` leaves out of `constraints`: keywords, phrases, numbers, and what they are of."""
    folded = text.casefold()
    spoken = {str(number): word for number, word in enumerate(_NUMBERS)}
    missing = [
        said[0]
        for said in (SAID.get(one.id, ("",)) for one in constraints)
        if not any(form in folded for form in said)
    ]
    for value in (value for one in constraints for value in _values(one)):
        forms = [value.casefold(), *([spoken[value]] if value in spoken else [])]
        if not any(re.search(rf"(?<!\w){re.escape(form)}(?!\w)", folded) for form in forms):
            missing.append(value)
    return missing


def followers(prompt: Prompt, responses: Iterable[str], *, loose: bool = False) -> list[str]:
    """The responses that follow every constraint of `prompt`; thinking has to be taken away before.

    Raises:
        PromptError: The reference holds no constraints.
    """
    try:
        constraints = constraints_of(prompt.reference)
        request = request_of(prompt)
        return [
            response
            for response in responses
            if all(
                one.followed for one in check(response, constraints, prompt=request, loose=loose)
            )
        ]
    except ConstraintError as error:
        raise PromptError(f"prompt {prompt.id!r}: its reference: {error}") from error


def request_of(prompt: Prompt) -> str:
    """The text of the last message, which has to be the user's.

    Raises:
        PromptError: It is not.
    """
    last: Mapping[str, Any] = prompt.messages[-1] if prompt.messages else {}
    content = last.get("content")
    if last.get("role") != "user" or not isinstance(content, str) or not content.strip():
        raise PromptError(
            f"prompt {prompt.id!r} does not end with text of the user; constraints need a request "
            "to be added to"
        )
    return content.strip()


def _plain(seed: Prompt, constraints: Iterable[Constraint]) -> str:
    return "\n\n".join([request_of(seed), "\n".join(map(describe, constraints))])


def _prompt(
    seed: Prompt, copy: int, constraints: Iterable[Constraint], text: str, task: str
) -> Prompt:
    return Prompt(
        id=f"{seed.id}/constraints-{copy}",
        messages=(*seed.messages[:-1], {**seed.messages[-1], "content": text}),
        reference=[one.as_json() for one in constraints],
        task=task,
        metadata={**seed.metadata, "seed_id": seed.id},
        tools=seed.tools,
    )


def _values(constraint: Constraint) -> Iterator[str]:
    """The values of the parameters that a request has to name, as text."""
    for name, value in constraint.parameters.model_dump(exclude_none=True).items():
        if name in _UNNAMED:
            continue
        for one in value if isinstance(value, list | tuple) else (value,):
            text = str(one)
            yield NAMES.get(text, text) if name == "language" else text
