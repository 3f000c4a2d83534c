"""Reading a judge's reply: strictly where it is the JSON that was asked for, else tolerantly.

Guarantees: grades lie on the rubric's scale; nothing is guessed: a reply in which a grade is
missing, is off the scale, or stands twice with different values is `UnreadableGradeError`. A reply
that is JSON as a whole is read as that alone. In other text:

- an object or a line that stands word for word in what was graded is a quotation, not the judge's;
  only where the judge says no other grade, and closes its reply with one that is below the
  threshold, is it the judge's own: an answer wins nothing by holding bad grades, and loses none;
- an overall grade counts only where it opens or closes the reply, on lines of its own; grades of
  all factors count anywhere;
- a number counts if the line ends with it, or goes on in a way that leaves it the grade: `7/10,
  fine` and `7 - two slips` do, `10 is the most` and `7 would be too much` do not.

Time is linear in the reply.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rewards.judge.errors import UnreadableGradeError
from rewards.judge.rubric import CHOICE, OVERALL, PREFERENCES, JudgeRubric
from rewards.judge.strict import unique
from rewards.thinking import final_part, has_closing

LONGEST: Final = 20_000  # characters of a reply that are looked at
OBJECTS: Final = 50  # that are tried in it
SHOWN: Final = 100  # characters of a reply in a message
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
_WORDS: Final = ("overall", "score", "rating", "grade", "final score", "overall score")
_BEST: Final = ("max", "max_score", "maximum", "out_of", "scale", "best")
_CONTAINERS: Final = ("scores", "grades", "ratings")
_LINE: Final = {**_DECORATION, ord("_"): " "}
_POINT_ZERO = re.compile(r"(?<=\d)\.0+(?!\d)")
_LABELLED = re.compile(
    r"\s*(?:[-\u2022>]\s*|\d{1,2}[.)]\s*)?([A-Za-z][A-Za-z ]{0,48})\s*[:=\u2013-](.*)"
)


def read_grades(reply: str, rubric: JudgeRubric, graded: Sequence[str] = ()) -> dict[str, float]:
    """The grades of one vote: by factor, or `overall` alone where the judge gave only that.

    Args:
        reply: What the judge wrote.
        rubric: What it was asked.
        graded: The texts that it was shown.

    Raises:
        UnreadableGradeError: There is no such grade in it.
    """
    text = _said(reply)
    if len(text) > LONGEST:
        raise _unreadable(reply)
    if (whole := _parsed(text)) is not None:
        grades = _of_value(whole, rubric)
        if grades is None:
            raise _unreadable(reply)
        return grades
    shown = "\n".join(map(_packed, graded))
    found, closing = _of_objects(text, rubric, shown)
    if not found:
        found = _of_lines(text, rubric, shown)
    if not found and (closing := closing or _closing_lines(text, rubric)) is not None:
        found = [closing] if rubric.score(closing) < rubric.threshold else []
    if not found or any(grades != found[0] for grades in found):
        raise _unreadable(reply)
    return found[0]


def read_preference(reply: str, graded: Sequence[str] = ()) -> str:
    """What a judge of two answers says: first, second or tie.

    Raises:
        UnreadableGradeError: It says none of them, or more than one.
    """
    text = _said(reply)[:LONGEST]
    if isinstance(whole := _parsed(text), dict):
        said = {_choice(whole)}
    else:
        shown = "\n".join(map(_packed, graded))
        objects = [(start, end, _choice(value)) for start, end, value in _objects(text)]
        own = {choice for start, end, choice in objects if _packed(text[start:end]) not in shown}
        said = own - {None} or {choice for _, end, choice in objects if _closes(text, end)}
        if not objects:
            said = {_choice(text.translate(_DECORATION).strip(" ."))}
    if len(said) != 1 or (choice := said.pop()) is None:
        raise _unreadable(reply)
    return choice


def _said(reply: str) -> str:
    """A reply without thinking; a judge's server may have opened it without a mark."""
    text = reply.strip()
    if text.startswith(("{", "```")):
        return text
    return final_part(text, "open" if has_closing(text) else None).strip()


def _of_objects(
    text: str, rubric: JudgeRubric, shown: str
) -> tuple[list[dict[str, float]], dict[str, float] | None]:
    """The grades in a reply's own objects, and those of a quoted one that closes the reply."""
    found = []
    closing = None
    for start, end, value in _objects(text):
        grades = _of_value(value, rubric)
        if grades is None or (
            OVERALL in grades and len(grades) == 1 and not _is_apart(text, start, end)
        ):
            continue
        if _packed(text[start:end]) not in shown:
            found.append(grades)
        elif _closes(text, end):
            closing = grades
    return found, closing


def _closes(text: str, end: int) -> bool:
    """Whether a reply says nothing after `end`."""
    return not text[end:].strip(" .`*\n")


def _closing_lines(text: str, rubric: JudgeRubric) -> dict[str, float] | None:
    """The grades on lines with which a reply closes, quoted or not."""
    last = [line for line in text.splitlines() if _says(line)][-len(rubric.grades) :]
    found = _of_lines("\n".join(last), rubric, "") or _of_lines("\n".join(last[-1:]), rubric, "")
    return found[0] if found else None


def _choice(value: object) -> str | None:
    stated = value.get(CHOICE) if isinstance(value, Mapping) else value
    word = stated.strip().lower() if isinstance(stated, str) else None
    return word if word in PREFERENCES else None


def _parsed(text: str) -> Any:
    """The JSON that `text` is, a fence around it aside; None where it is not."""
    inner = text
    if inner.startswith("```") and inner.endswith("```") and len(inner) > 6:
        inner = inner[3:-3].removeprefix("json").strip()
    if not inner.startswith("{"):
        return None
    try:
        return json.loads(inner, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return None


def _objects(text: str) -> Iterator[tuple[int, int, Any]]:
    """The JSON objects in a text, and where they stand; nested ones belong to the outer."""
    decoder = json.JSONDecoder(object_pairs_hook=unique)
    position = text.find("{")
    for _ in range(OBJECTS):
        if position < 0:
            return
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position = text.find("{", position + 1)
            continue
        yield position, end, value
        position = text.find("{", end)


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether what stands there opens or closes a reply, and ends its line."""
    before, after = text[:start].splitlines(), text[end:].splitlines()
    if after and after[0].strip(" .`*"):
        return False
    introduced = text[:start].rpartition("\n")[2].strip(" `*>-")
    if introduced and not introduced.endswith(":"):
        return False
    return not any(map(_says, after)) or not any(map(_says, before))


def _says(line: str) -> bool:
    """Whether a line holds more than the mark of a fence."""
    return bool(line.strip()) and not line.lstrip().startswith("```")


def _packed(text: str) -> str:
    """Letters and digits alone, so that a quotation is known however it is decorated."""
    return "".join(filter(str.isalnum, _POINT_ZERO.sub("", text))).lower()


def _of_value(value: object, rubric: JudgeRubric) -> dict[str, float] | None:
    """The grades in a parsed object, or in the one that it holds as its scores."""
    if not isinstance(value, Mapping):
        return None
    inner = [value[name] for name in _CONTAINERS if isinstance(value.get(name), Mapping)]
    stated = inner[0] if inner else value
    named = {_key(str(name)): one for name, one in stated.items()}
    if len(named) < len(stated):
        return None
    if all(name in named for name in rubric.grades):
        grades = {name: _grade(named[name], rubric) for name in rubric.grades}
    elif any(name in named for name in rubric.header.factors):
        return None
    else:
        given = [one for name, one in named.items() if name.replace("_", " ") in _WORDS]
        if any(named.get(name, rubric.scale.max) != rubric.scale.max for name in _BEST):
            return None
        grades = {OVERALL: _grade(given[0], rubric)} if len(given) == 1 else {OVERALL: None}
    kept = {name: grade for name, grade in grades.items() if grade is not None}
    return kept if len(kept) == len(grades) else None


def _of_lines(text: str, rubric: JudgeRubric, shown: str) -> list[dict[str, float]]:
    """Grades from lines such as "Accuracy: 7/10"; a lone number is an overall grade."""
    lone = _grade(text.translate(_DECORATION), rubric)
    if lone is not None:
        return [{OVERALL: lone}]
    stated: dict[str, set[float | None]] = {}
    lines = list(filter(_says, text.splitlines()))
    for index, line in enumerate(lines):
        match = _LABELLED.match(line.translate(_LINE))
        if match is None:
            continue
        grade = _GRADE.match(match[2])
        if grade is not None and _packed(match[1] + grade[0]) in shown:
            continue
        name = _key(match[1])
        if name in rubric.grades:
            stated.setdefault(name, set()).add(_leading(match[2], rubric))
        elif name.replace("_", " ") in _WORDS and index in (0, len(lines) - 1):
            stated.setdefault(OVERALL, set()).add(_leading(match[2], rubric))
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


def _key(name: str) -> str:
    return "_".join(name.replace("-", " ").replace("_", " ").lower().split())


def _grade(value: object, rubric: JudgeRubric) -> float | None:
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


def _unreadable(reply: str) -> UnreadableGradeError:
    shown = " ".join(reply[-SHOWN * 4 :].split())[-SHOWN:]
    return UnreadableGradeError(f"unreadable grade: {shown!r}")
