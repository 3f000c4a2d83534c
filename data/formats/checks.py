"""The checks of open-instruct (`if_functions.py`) by name, as constraints of IFEval.

Guarantee: the bounds are the same. "around" and "exactly" are two of them, with open-instruct's
tolerances (a tenth of the number, at least one; one sentence). How words, letters and sentences are
counted is IFEval's way. What has no such constraint, such as a choice among options of the prompt's
own, is a RowError.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from data.errors import RowError
from data.files import Row

Constraint = dict[str, Any]
Check = Mapping[str, Any]


def constraints_of_check(row: Row, name: str, check: Check) -> list[Constraint]:
    """The constraints of a check.

    Args:
        row: the row.
        name: the column, for messages.
        check: the function's name as `func_name`, and its parameters.

    Raises:
        RowError: no constraint means the same.
    """
    function = check["func_name"]
    made = CHECKS.get(function) if isinstance(function, str) else None
    if made is None:
        raise RowError(
            f"{row.where}: column {name!r}: the check {function!r} has no constraint that means "
            f"the same; there are {', '.join(CHECKS)}; remove the row"
        )
    try:
        return made(check)
    except (KeyError, TypeError, ValueError) as error:
        raise RowError(
            f"{row.where}: column {name!r}: the parameters of {function!r} are not those that it "
            f"takes ({type(error).__name__}: {error}); mend or remove the row"
        ) from error


def _one(id: str, **named: str) -> Callable[[Check], list[Constraint]]:
    """A constraint whose parameters the check has, under other names."""
    return lambda check: [{"id": id} | {ours: check[theirs] for ours, theirs in named.items()}]


def _bounded(
    id: str, number: str, relation: str, tolerance: Callable[[int], int]
) -> Callable[[Check], list[Constraint]]:
    """A number of things by a quantifier."""

    def made(check: Check) -> list[Constraint]:
        wanted, quantifier = int(check["N"]), check["quantifier"]
        least, most = {
            "at least": (wanted, None),
            "at most": (None, wanted),
            "around": (max(wanted - tolerance(wanted), 0), wanted + tolerance(wanted)),
        }[quantifier]
        return _between(id, number, relation, least, most)

    return made


def _between(
    id: str, number: str, relation: str, least: int | None, most: int | None, **more: Any
) -> list[Constraint]:
    bounds = []
    if least is not None:
        bounds.append({"id": id, number: least, relation: "at least", **more})
    if most is not None:
        bounds.append({"id": id, number: most + 1, relation: "less than", **more})
    return bounds


def _words_exactly(check: Check) -> list[Constraint]:
    count = int(check["N"])
    id, keyword = "keywords:frequency", check["word"]
    return _between(id, "frequency", "relation", count, count, keyword=keyword)


def _letters_exactly(check: Check) -> list[Constraint]:
    count = int(check["N"])
    id, letter = "keywords:letter_frequency", check["letter"]
    return _between(id, "let_frequency", "let_relation", count, count, letter=letter)


def _tenth(wanted: int) -> int:
    return max(round(wanted * 0.1), 1)


CHECKS: Final[Mapping[str, Callable[[Check], list[Constraint]]]] = {
    "verify_keywords": _one("keywords:existence", keywords="keyword_list"),
    "verify_keyword_frequency": _words_exactly,
    "validate_forbidden_words": _one("keywords:forbidden_words", forbidden_words="forbidden_words"),
    "verify_letter_frequency": _letters_exactly,
    "validate_response_language": _one("language:response_language", language="language"),
    "verify_paragraph_count": _one("length_constraints:number_paragraphs", num_paragraphs="N"),
    "validate_word_constraint": _bounded(
        "length_constraints:number_words", "num_words", "relation", _tenth
    ),
    "verify_sentence_constraint": _bounded(
        "length_constraints:number_sentences", "num_sentences", "relation", lambda _: 1
    ),
    "validate_paragraphs": _one(
        "length_constraints:nth_paragraph_first_word",
        num_paragraphs="N",
        nth_paragraph="i",
        first_word="first_word",
    ),
    "verify_postscript": _one(
        "detectable_content:postscript", postscript_marker="postscript_marker"
    ),
    "validate_placeholders": _one("detectable_content:number_placeholders", num_placeholders="N"),
    "verify_bullet_points": _one("detectable_format:number_bullet_lists", num_bullets="N"),
    "validate_title": _one("detectable_format:title"),
    "validate_highlighted_sections": _one(
        "detectable_format:number_highlighted_sections", num_highlights="N"
    ),
    "validate_sections": _one(
        "detectable_format:multiple_sections", num_sections="N", section_spliter="section_splitter"
    ),
    "validate_json_format": _one("detectable_format:json_format"),
    "validate_repeat_prompt": _one("combination:repeat_prompt", prompt_to_repeat="original_prompt"),
    "validate_two_responses": _one("combination:two_responses"),
    "validate_uppercase": _one("change_case:english_capital"),
    "validate_lowercase": _one("change_case:english_lowercase"),
    "validate_frequency_capital_words": _bounded(
        "change_case:capital_word_frequency", "capital_frequency", "capital_relation", _tenth
    ),
    "validate_end": _one("startend:end_checker", end_phrase="end_phrase"),
    "validate_quotation": _one("startend:quotation"),
    "validate_no_commas": _one("punctuation:no_comma"),
}
