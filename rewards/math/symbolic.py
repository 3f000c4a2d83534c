"""Comparing answers with math-verify, for what the exact path cannot tell.

It may take for ever and any amount of memory: run it only where it can be killed. Only LaTeX is
parsed, by a grammar; math-verify's other parser ends in Python's `eval` and is never used.
Importing this module imports SymPy.
"""

import logging
from functools import lru_cache
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify

# The library warns once that its own time limit is off. Here the worker's deadline is the limit.
logging.getLogger("math_verify").setLevel(logging.ERROR)

_LATEX = (LatexExtractionConfig(boxed_match_priority=0),)


class UnparsableError(Exception):
    """A text is not an expression."""


def parsed(text: str) -> list[Any]:
    """What `text` may stand for: an expression, then its own normalised text.

    Raises:
        UnparsableError: It is no expression.
    """
    found: list[Any] = parse(
        f"\\boxed{{{text}}}",
        extraction_config=_LATEX,
        fallback_mode="first_match",
        extraction_mode="first_match",
        parsing_timeout=None,
    )
    if all(isinstance(one, str) for one in found):
        raise UnparsableError(text)
    return found


parsed_reference = lru_cache(maxsize=256)(parsed)  # a group of answers shares its reference


def equal(prediction: list[Any], reference: list[Any]) -> bool:
    """Whether two parsed answers are the same."""
    return bool(verify(reference, prediction, timeout_seconds=None))


def warm_up() -> None:
    """Build the parser's tables, which the first call would wait for."""
    equal(parsed("\\frac{x+1}{2}"), parsed("\\frac{x}{2}+\\frac{1}{2}"))
