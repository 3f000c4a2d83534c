"""Random constraints for a prompt, with parameters.

Guarantees: no two of the constraints drawn conflict by IFEval's table, nor by their parameters: a
response that follows all of them exists, in some 150 words or more. The words of the lists below do
not contain each other, and hold none of the rare letters.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from rewards.constraints import CONSTRAINTS, Constraint, conflict, constraint
from rewards.constraints.casing import NAMES

REPEAT: Final = "combination:repeat_prompt"
LANGUAGE: Final = "language:response_language"
NO_COMMA: Final = "punctuation:no_comma"
DEFAULT_TYPES: Final = tuple(
    id for id in CONSTRAINTS if id != "detectable_format:constrained_response"
)
"""All but the answers yes, no and maybe, which fit few requests."""

WORDS: Final = (
    "balance", "bridge", "candle", "castle", "climate", "coffee", "culture", "distance", "effort",
    "engine", "family", "forest", "future", "garden", "harbour", "history", "honest", "island",
    "kitchen", "ladder", "language", "market", "memory", "method", "morning", "mountain",
    "nature", "ocean", "patience", "pattern", "planet", "practice", "promise", "river", "season",
    "shadow", "silence", "silver", "simple", "spirit", "station", "strength", "summer", "teacher",
    "theory", "tradition", "travel", "treasure", "village", "weather", "window", "winter", "wonder",
)  # fmt: skip
FIRST_WORDS: Final = ("today", "many", "perhaps", "although", "together", "once", "every")
END_PHRASES: Final = (
    "Is there anything else I can help with?",
    "Any other questions?",
    "That is all there is to say.",
    "Let me know what you think.",
)
RARE_LETTERS: Final = "jqxz"
COMMON_LETTERS: Final = "acdeilmnorst"

# Checks that count Latin letters, English words or Punkt's sentences say little about another
# language, so only these go with one.
_ANY_LANGUAGE: Final = frozenset(
    {
        LANGUAGE,
        NO_COMMA,
        "combination:two_responses",
        "detectable_content:number_placeholders",
        "detectable_format:number_bullet_lists",
        "detectable_format:number_highlighted_sections",
        "detectable_format:title",
        "length_constraints:number_paragraphs",
        "startend:quotation",
    }
)


def draw_constraints(
    rng: random.Random, request: str, *, most: int, types: Sequence[str]
) -> tuple[Constraint, ...]:
    """Draw from one to `most` constraints for `request`, fewer where the rest conflicts."""
    wanted = rng.randint(1, most)
    chosen: list[str] = []
    for id in rng.sample(types, len(types)):
        if len(chosen) < wanted and all(_fit(id, other, request) for other in chosen):
            chosen.append(id)
    words = rng.sample(WORDS, len(WORDS))
    return tuple(
        constraint(id, _PARAMETERS[id](_Draw(rng, request, words, chosen)))
        for id in sorted(chosen, key=lambda one: one != REPEAT)  # its words follow the request
    )


def _fit(first: str, second: str, request: str) -> bool:
    pair = {first, second}
    if LANGUAGE in pair and not pair <= _ANY_LANGUAGE:
        return False
    if pair == {REPEAT, NO_COMMA} and "," in request:
        return False
    return not conflict(first, second)


class _Draw:
    """What the parameters of a constraint are drawn from.

    Attributes:
        rng: The source of chance.
        request: What the seed prompt asks for.
        ids: The types chosen for the prompt.
    """

    def __init__(
        self, rng: random.Random, request: str, words: list[str], ids: Collection[str]
    ) -> None:
        self.rng = rng
        self.request = request
        self.ids = ids
        self._words = words

    def words(self, most: int) -> list[str]:
        """Some words that no other constraint of the prompt has."""
        return [self._words.pop() for _ in range(self.rng.randint(1, most))]

    def bound(self, at_least: range, less_than: range) -> tuple[int, str]:
        """A threshold and its relation."""
        relation = self.rng.choice(("at least", "less than"))
        return self.rng.choice(at_least if relation == "at least" else less_than), relation


def _bounded(
    count: str, relation: str, at_least: range, less_than: range
) -> Callable[[_Draw], dict[str, Any]]:
    return lambda draw: dict(zip((count, relation), draw.bound(at_least, less_than), strict=True))


def _counted(name: str, counts: range) -> Callable[[_Draw], dict[str, Any]]:
    return lambda draw: {name: draw.rng.choice(counts)}


def _frequency(draw: _Draw) -> dict[str, Any]:
    (word,) = draw.words(1)
    frequency, relation = draw.bound(range(2, 5), range(2, 6))
    return {"keyword": word, "frequency": frequency, "relation": relation}


def _letter(draw: _Draw) -> dict[str, Any]:
    frequency, relation = draw.bound(range(5, 21), range(3, 9))
    letters = COMMON_LETTERS if relation == "at least" else RARE_LETTERS
    letter = draw.rng.choice(letters)
    return {"letter": letter, "let_frequency": frequency, "let_relation": relation}


def _first_word(draw: _Draw) -> dict[str, Any]:
    count = draw.rng.randint(2, 5)
    return {
        "num_paragraphs": count,
        "nth_paragraph": draw.rng.randint(1, count),
        "first_word": draw.rng.choice(FIRST_WORDS),
    }


def _sections(draw: _Draw) -> dict[str, Any]:
    splitter = draw.rng.choice(("Section", "Part"))
    if "change_case:english_capital" in draw.ids:  # a splitter is looked for in its own case
        splitter = splitter.upper()
    if "change_case:english_lowercase" in draw.ids:
        splitter = splitter.lower()
    return {"section_spliter": splitter, "num_sections": draw.rng.randint(2, 4)}


def _nothing(draw: _Draw) -> dict[str, Any]:
    return {}


_PARAMETERS: Final[Mapping[str, Callable[[_Draw], dict[str, Any]]]] = MappingProxyType(
    dict.fromkeys(CONSTRAINTS, _nothing)
    | {
        "keywords:existence": lambda draw: {"keywords": draw.words(3)},
        "keywords:frequency": _frequency,
        "keywords:forbidden_words": lambda draw: {"forbidden_words": draw.words(3)},
        "keywords:letter_frequency": _letter,
        LANGUAGE: lambda draw: {"language": draw.rng.choice(sorted(NAMES))},
        "length_constraints:number_words": _bounded(
            "num_words", "relation", range(50, 301, 10), range(150, 401, 10)
        ),
        "length_constraints:number_sentences": _bounded(
            "num_sentences", "relation", range(3, 11), range(8, 21)
        ),
        "length_constraints:number_paragraphs": _counted("num_paragraphs", range(2, 6)),
        "length_constraints:nth_paragraph_first_word": _first_word,
        "detectable_content:number_placeholders": _counted("num_placeholders", range(1, 5)),
        "detectable_content:postscript": lambda draw: {
            "postscript_marker": draw.rng.choice(("P.S.", "P.P.S"))
        },
        "detectable_format:number_bullet_lists": _counted("num_bullets", range(2, 7)),
        "detectable_format:number_highlighted_sections": _counted("num_highlights", range(1, 5)),
        "detectable_format:multiple_sections": _sections,
        "change_case:capital_word_frequency": _bounded(
            "capital_frequency", "capital_relation", range(2, 9), range(6, 16)
        ),
        "startend:end_checker": lambda draw: {"end_phrase": draw.rng.choice(END_PHRASES)},
        REPEAT: lambda draw: {"prompt_to_repeat": draw.request},
    }
)
