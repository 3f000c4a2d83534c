"""All types of constraints, and which of them cannot be asked for together.

Source: IFEval (arXiv 2311.07911), `instructions_registry.py` of the public checkers.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rewards.constraints.casing import TYPES as CASING
from rewards.constraints.content import TYPES as CONTENT
from rewards.constraints.formats import TYPES as FORMATS
from rewards.constraints.keywords import TYPES as KEYWORDS
from rewards.constraints.lengths import TYPES as LENGTHS
from rewards.constraints.types import Constraint, ConstraintType
from rewards.constraints.whole import TYPES as WHOLE

CONSTRAINTS: Final[Mapping[str, ConstraintType]] = MappingProxyType(
    {one.id: one for part in (KEYWORDS, LENGTHS, CONTENT, FORMATS, CASING, WHOLE) for one in part}
)
"""The 25 types by id."""

_EXCLUSIVE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {  # these go with nothing but what is named
        "detectable_format:constrained_response": frozenset(),
        "detectable_format:json_format": frozenset(
            {"keywords:forbidden_words", "keywords:existence"}
        ),
        "combination:two_responses": frozenset(
            {
                "keywords:forbidden_words",
                "keywords:existence",
                "language:response_language",
                "detectable_format:title",
                "punctuation:no_comma",
            }
        ),
        "combination:repeat_prompt": frozenset(
            {"keywords:existence", "detectable_format:title", "punctuation:no_comma"}
        ),
    }
)
_PAIRS: Final = frozenset(
    frozenset({first, second})
    for first, others in {
        "language:response_language": (
            "detectable_format:multiple_sections",
            "keywords:existence",
            "keywords:frequency",
            "keywords:forbidden_words",
            "startend:end_checker",
            "change_case:english_capital",
            "change_case:english_lowercase",
        ),
        "length_constraints:number_paragraphs": (
            "length_constraints:nth_paragraph_first_word",
            "length_constraints:number_sentences",
        ),
        "detectable_format:multiple_sections": ("detectable_format:number_highlighted_sections",),
        "change_case:capital_word_frequency": (
            "change_case:english_lowercase",
            "change_case:english_capital",
        ),
        "change_case:english_lowercase": ("change_case:english_capital",),
        "startend:quotation": ("detectable_format:title",),
    }.items()
    for second in others
)


def conflict(first: str, second: str) -> bool:
    """Whether two types must not be asked for in one prompt; each conflicts with itself."""
    if first == second or frozenset({first, second}) in _PAIRS:
        return True
    return any(
        one in _EXCLUSIVE and other not in _EXCLUSIVE[one]
        for one, other in ((first, second), (second, first))
    )


def describe(constraint: Constraint) -> str:
    """The words that ask for a constraint in a prompt."""
    return CONSTRAINTS[constraint.id].words(constraint.parameters)
