"""Constraints on the form of a response: `detectable_format:*`.

Guarantees: one pass over the response each. The public checkers' expressions for bullets and titles
take time with the square of a hostile response; what is here finds the same.
"""

import json
import re
from typing import Final

from rewards.constraints.patterns import pattern
from rewards.constraints.types import (
    Answer,
    ConstraintType,
    Count,
    Finding,
    NoParameters,
    Parameters,
    Stripped,
    compared,
    shown,
)

OPTIONS: Final = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_STARRED: Final = re.compile(r"\*[^\n*]*\*")
_DOUBLE_STARRED: Final = re.compile(r"\*\*[^\n*]*\*\*")


class NumberBulletLists(Parameters):
    """The exact number of bullet points."""

    num_bullets: Count


class NumberHighlightedSections(Parameters):
    """The least number of highlighted parts."""

    num_highlights: Count


class MultipleSections(Parameters):
    """The least number of sections, and the word before the number of each."""

    section_spliter: Stripped
    num_sections: Count


def _bullets(answer: Answer, asked: NumberBulletLists) -> Finding:
    count = bullet_count(answer.text)
    return Finding(count == asked.num_bullets, f"exactly {asked.num_bullets} bullets", str(count))


def bullet_count(text: str) -> int:
    """Lines that begin with a dash, or with one star.

    That is `^\\s*-.*$` and `^\\s*\\*[^\\*].*$` of the public checker. A star alone on its line
    takes the next line with it, because `[^\\*]` matches the line's end; dashes are counted apart.
    """
    lines = [line.lstrip() for line in text.split("\n")]
    dashes = sum(line.startswith("-") for line in lines)
    stars = at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line == "*" and at < len(lines):
            stars += 1
            at += 1
        elif line.startswith("*") and line[1:2] not in ("", "*"):
            stars += 1
    return dashes + stars


def _constrained(answer: Answer, asked: NoParameters) -> Finding:
    followed = any(option in answer.text for option in OPTIONS)
    return Finding(followed, f"one of {', '.join(map(repr, OPTIONS))}", shown(answer.text))


def _highlights(answer: Answer, asked: NumberHighlightedSections) -> Finding:
    # "**a**" has two empty single highlights and one double; "*a*" one single.
    singles = sum(
        bool(found.group().strip("*").strip()) for found in _STARRED.finditer(answer.text)
    )
    doubles = sum(
        bool(found.group()[2:-2].strip()) for found in _DOUBLE_STARRED.finditer(answer.text)
    )
    return compared(singles + doubles, "at least", asked.num_highlights, "highlighted sections")


def _sections(answer: Answer, asked: MultipleSections) -> Finding:
    # Unlike keywords, the splitter has to be in the case given.
    marker = pattern(asked.section_spliter, template=r"\s?{}\s?\d+\s?", ignore_case=False)
    count = len(marker.split(answer.text)) - 1
    what = f"sections marked {asked.section_spliter!r} and a number"
    return compared(count, "at least", asked.num_sections, what)


def _json(answer: Answer, asked: NoParameters) -> Finding:
    text = answer.text.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError) as error:
        return Finding(False, "JSON alone", f"{shown(text)} ({type(error).__name__})")
    return Finding(True, "JSON alone", "JSON")


def _title(answer: Answer, asked: NoParameters) -> Finding:
    titled = any(map(_has_title, answer.text.split("\n")))
    return Finding(titled, "a title such as <<title>>", "one" if titled else "none")


def _has_title(line: str) -> bool:
    """Whether the longest `<<...>>` of a line has text within."""
    start = line.find("<<")
    end = line.rfind(">>", start + 3) if start >= 0 else -1
    return end >= 0 and bool(line[start : end + 2].lstrip("<").rstrip(">").strip())


TYPES: Final = (
    ConstraintType(
        "detectable_format:number_bullet_lists",
        "exactly so many lines that begin with `*` or `-`",
        NumberBulletLists,
        _bullets,
        lambda asked: (
            f"Your answer must contain exactly {asked.num_bullets} bullet points, written in "
            "markdown such as:\n* This is a point."
        ),
    ),
    ConstraintType(
        "detectable_format:constrained_response",
        "has one of the phrases `My answer is yes.`, `My answer is no.`, `My answer is maybe.`",
        NoParameters,
        _constrained,
        lambda asked: f"Answer with one of these options: {', '.join(map(repr, OPTIONS))}.",
    ),
    ConstraintType(
        "detectable_format:number_highlighted_sections",
        "at least so many parts `*highlighted*` or `**highlighted**`, each within a line",
        NumberHighlightedSections,
        _highlights,
        lambda asked: (
            f"Highlight at least {asked.num_highlights} sections of your answer with markdown, "
            "such as *highlighted section*."
        ),
    ),
    ConstraintType(
        "detectable_format:multiple_sections",
        "at least so many sections, each marked by the splitter and a number",
        MultipleSections,
        _sections,
        lambda asked: (
            f"Your response must have {asked.num_sections} sections. Mark the beginning of each "
            f"with {asked.section_spliter} X, such as:\n{asked.section_spliter} 1\n"
            f"[content of section 1]\n{asked.section_spliter} 2\n[content of section 2]"
        ),
    ),
    ConstraintType(
        "detectable_format:json_format",
        "JSON and nothing else, perhaps in a fenced block",
        NoParameters,
        _json,
        lambda asked: "Your entire output must be JSON. A markdown fence (```) is allowed.",
    ),
    ConstraintType(
        "detectable_format:title",
        "has a title `<<title>>` on one line",
        NoParameters,
        _title,
        lambda asked: (
            "Your answer must contain a title in double angular brackets, such as <<poem of joy>>."
        ),
    ),
)
