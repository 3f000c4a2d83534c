"""Grades on lines of a judge's reply, such as "Accuracy: 7/10", and what a grade may look like.

Guarantees: a grade lies on the rubric's scale; a number that is perhaps no grade is none. Time is
linear in the text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rewards.judge.rubric import OVERALL, JudgeRubric

_NUMBER = r"-?\d{1,4}(?:\.\d{1,4})?"
_GRADE = re.compile(
    rf"\s*({_NUMBER})(?:\s*(?:-|\u2013|to)\s*({_NUMBER}))?(?:\s*(?:/|out of)\s*({_NUMBER}))?"
    r"(?![\w%/]|\.\d)"
)
_DECORATION: Final = str.maketrans("", "", "*`_#[]|")
_AFTER = re.compile(
    r"\s*+\.?+\s*+|\s*+\.\s++\D.*+|\s*+[;:]\s*+\D.*+|\s*+,\s++[^\W\d].*+|\s++\(\D*+"
    r"|\s++[-\u2013\u2014]\s++\D.*+|\s++(?:because|since|as)\s\D*+"
)
"""What may follow a grade on its line."""
_OTHER_SCALE = re.compile(r"\bout of\s+\d|\(\s*of\b|->|\u2192|\bpercent\b")
WORDS: Final = ("overall", "score", "rating", "grade", "final score", "overall score")
_LINE: Final = {**_DECORATION, ord("_"): " "}
_POINT_ZERO = re.compile(r"(?<=\d)\.0+(?!\d)")
_LABELLED = re.compile(
    r"\s*(?:[-\u2022>]\s*|\d{1,2}[.)]\s*)?([A-Za-z][A-Za-z ]{0,48})\s*[:=\u2013-](.*)"
)
_OWN_GRADE: Final = re.compile(  # my grade is 9, I would give it a 9
    r"\b(?:my (?:\w+ ){0,2}(?:grade|score|rating|mark|verdict)\b"
    r"|I(?:['\u2019](?:d|ll)| would| will)? (?:\w+ )?(?:give|gave|grade|score|rate|award|assign)\b)"
    rf"\D{{0,40}}?({_NUMBER})(?![\w%]|\.\d)",
    re.IGNORECASE,
)
_GRADE_IN_PROSE: Final = re.compile(  # it deserves 9/10, the score is 9, 9 points
    rf"(?<![\w./-])({_NUMBER})(?=\s{{0,4}}(?:/|out of\b|points?\b))"
    r"|\b(?:grade|score|rating|deserves|merits|earns|worth)\b[^\d\n.;]{0,40}?"
    rf"({_NUMBER})(?![\w%]|\.\d)",
    re.IGNORECASE,
)


def of_lines(text: str, rubric: JudgeRubric, shown: str) -> list[dict[str, float]]:
    """Grades from lines such as "Accuracy: 7/10"; a lone number is an overall grade.

    Args:
        text: What the lines are of.
        rubric: What was asked.
        shown: What was graded, packed; a line that stands in it is a quotation.
    """
    lone = grade_of(undecorated(text), rubric)
    if lone is not None:
        return [{OVERALL: lone}]
    stated: dict[str, set[float | None]] = {}
    for name, grade in _stated(text, rubric, shown):
        stated.setdefault(name, set()).add(_leading(grade, rubric))
    if any(name in stated for name in rubric.header.factors):
        wanted: Sequence[str] = rubric.grades
    else:
        wanted = (OVERALL,)
    grades: dict[str, float] = {}
    for name in wanted:
        values = stated.get(name, set())
        only = next(iter(values)) if len(values) == 1 else None
        if only is None:
            return []
        grades[name] = only
    return [grades]


def closing_lines(text: str, rubric: JudgeRubric) -> dict[str, float] | None:
    """The grades on lines with which a reply closes, quoted or not."""
    last = [line for line in text.splitlines() if says(line)][-len(rubric.grades) :]
    found = of_lines("\n".join(last), rubric, "") or of_lines("\n".join(last[-1:]), rubric, "")
    return found[0] if found else None


def opening_lines(text: str, rubric: JudgeRubric) -> dict[str, float] | None:
    """The grades on lines with which a reply opens, quoted or not; None: it states others too."""
    first = next(filter(says, text.splitlines()), "")
    if not any(_stated(first, rubric, "")):
        return None
    found = of_lines(text, rubric, "")
    return found[0] if found else None


def states_on_lines(text: str, rubric: JudgeRubric, shown: str) -> bool:
    """Whether a line of a reply begins as a grade that is no quotation."""
    return any(_stated(text, rubric, shown))


def says_another(text: str, grades: Mapping[str, float], shown: str, *, is_after: bool) -> bool:
    """Whether the prose of a reply says a grade that is none of `grades`.

    Args:
        text: The prose, without objects.
        grades: What the reply states beside it.
        shown: What was graded, packed; a line that stands in it is a quotation.
        is_after: Whether it follows the statement: any number there that is like a grade counts;
            before it only one that the judge calls its own, as others are what it speaks of.
    """
    patterns = (_OWN_GRADE, _GRADE_IN_PROSE) if is_after else (_OWN_GRADE,)
    for line in text.translate(_DECORATION).splitlines():
        if packed(line) in shown:
            continue
        for pattern in patterns:
            for match in pattern.finditer(line):
                if float(match[match.lastindex or 0]) not in grades.values():
                    return True
    return False


def says(line: str) -> bool:
    """Whether a line holds more than the mark of a fence."""
    return bool(line.strip()) and not line.lstrip().startswith("```")


def undecorated(text: str) -> str:
    """A text without the marks that set it in bold, in code or in brackets."""
    return text.translate(_DECORATION)


def packed(text: str) -> str:
    """Letters and digits alone, so that a quotation is known however it is decorated."""
    return "".join(filter(str.isalnum, _POINT_ZERO.sub("", text))).lower()


def key_of(name: str) -> str:
    """The name of a grade as the rubric writes it."""
    return "_".join(name.replace("-", " ").replace("_", " ").lower().split())


def grade_of(value: object, rubric: JudgeRubric) -> float | None:
    """A number, or a text that is one, on the scale; a range such as 7-8 counts as its middle."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if rubric.scale.holds(value) else None
    if not isinstance(value, str):
        return None
    match = _GRADE.match(value)
    if match is None or value[match.end() :].strip(" .\n"):
        return None
    return _of_match(match, rubric)


def _stated(text: str, rubric: JudgeRubric, shown: str) -> Iterator[tuple[str, str]]:
    """The names of grades at the start of a line, each with what follows, quotations aside.

    An overall grade counts only on the first line or the last.
    """
    lines = list(filter(says, text.splitlines()))
    for index, line in enumerate(lines):
        match = _LABELLED.match(line.translate(_LINE))
        if match is None:
            continue
        grade = _GRADE.match(match[2])
        if grade is not None and packed(match[1] + grade[0]) in shown:
            continue
        name = key_of(match[1])
        if name in rubric.grades:
            yield name, match[2]
        elif name.replace("_", " ") in WORDS and index in (0, len(lines) - 1):
            yield OVERALL, match[2]


def _leading(text: str, rubric: JudgeRubric) -> float | None:
    """The grade that a line begins with, if what is said after it leaves it one."""
    match = _GRADE.match(text)
    if match is None:
        return None
    rest = text[match.end() :]
    if _AFTER.fullmatch(rest) is None or _OTHER_SCALE.search(rest) is not None:
        return None
    return _of_match(match, rubric)


def _of_match(match: re.Match[str], rubric: JudgeRubric) -> float | None:
    low, high, best = (None if part is None else float(part) for part in match.groups())
    if low is None or (best is not None and best != rubric.scale.max):
        return None
    if high is None:
        return low if rubric.scale.holds(low) else None
    in_order = rubric.scale.min <= low < high <= rubric.scale.max
    is_scale = (low, high) == (rubric.scale.min, rubric.scale.max)
    return (low + high) / 2 if in_order and not is_scale else None
