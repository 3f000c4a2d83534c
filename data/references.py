r"""Taking the final answer out of a worked solution, as GSM8K's `#### 42` needs it.

With "auto" the GSM8K convention is followed where every reference of a source follows it, and
references are left alone otherwise: a source is never treated half one way, half the other. The
verifier `math` reads worked solutions among other references by itself.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from data.errors import RowError, SourceError

GSM8K: Final = re.compile(r"(?:^|\n)#### *(\S[^\n]*?)\s*$")


def gsm8k_answer(text: str) -> str | None:
    """What follows the last `####` of a worked solution; None where it does not end so."""
    mark = text.rfind("####")
    if mark < 0:
        return None
    found = GSM8K.search(text, max(mark - 1, 0)) or GSM8K.search(text)
    return None if found is None else found[1]


def final_answers(
    references: Sequence[Any], places: Sequence[str], pattern: str | None
) -> list[Any]:
    """Reduce references to the first group of a pattern; `places` name their rows in errors.

    Args:
        references: as the source has them.
        places: file and row of each.
        pattern: a regular expression that is searched for, "auto", or None to change nothing.

    Raises:
        SourceError: the pattern is no regular expression, or has no group.
        RowError: a reference does not match the pattern.
    """
    if pattern is None:
        return list(references)
    if pattern == "auto":
        matches = [_search(GSM8K, reference) for reference in references]
        found = [match[1] for match in matches if match is not None]
        return found if len(found) == len(references) else list(references)
    compiled = _compile(pattern)
    return [
        _answer(compiled, reference, place)
        for reference, place in zip(references, places, strict=True)
    ]


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise SourceError(
            f"reference_pattern {pattern!r} is not a regular expression: {error}; mend it"
        ) from error
    if compiled.groups < 1:
        raise SourceError(
            f"reference_pattern {pattern!r} has no group; put the answer's part in parentheses"
        )
    return compiled


def _answer(pattern: re.Pattern[str], reference: Any, place: str) -> str:
    match = _search(pattern, reference)
    if match is None or match[1] is None:
        raise RowError(
            f"{place}: the reference does not match reference_pattern {pattern.pattern!r}; "
            "mend the row or the pattern"
        )
    return match[1]


def _search(pattern: re.Pattern[str], reference: Any) -> re.Match[str] | None:
    return pattern.search(reference) if isinstance(reference, str) else None
