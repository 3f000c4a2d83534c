"""Reading a judge's reply: strictly where it is the JSON that was asked for, else tolerantly.

Guarantees: grades lie on the rubric's scale; nothing is guessed: a reply in which a grade is
missing, is off the scale, or stands twice with different values is `UnreadableGradeError`. A reply
that is JSON as a whole is read as that alone. In other text:

- an object or a line that stands word for word in what was graded is a quotation, not the judge's;
  only where the judge says no other grade, and opens or closes its reply with one that is below
  the threshold, is it the judge's own: an answer wins nothing by holding bad grades, nor loses;
  a grade in its prose is another one (`my grade is 9/10`);
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
from rewards.judge.lines import (
    WORDS,
    closing_lines,
    grade_of,
    key_of,
    of_lines,
    opening_lines,
    packed,
    says,
    says_another,
    states_on_lines,
    undecorated,
)
from rewards.judge.rubric import CHOICE, OVERALL, PREFERENCES, JudgeRubric
from rewards.judge.strict import unique
from rewards.thinking import final_part, has_closing

_INTRODUCTION: Final = re.compile(
    r"[\W_]*+(?:(?:(?:here|this) (?:is|are) )?(?:my )?(?:(?:final|overall) )?"
    r"(?:grade|score|rating)s?\b[\W_]*+)?(?:json\b[\W_]*+)?",
    re.IGNORECASE,
)
_LINE_END: Final = re.compile(r"[ .`*]*+(?:\n|$)")
LONGEST: Final = 20_000  # characters of a reply that are looked at
OBJECTS: Final = 50  # that are tried in it
SHOWN: Final = 100  # characters of a reply in a message
_BEST: Final = ("max", "max_score", "maximum", "out_of", "scale", "best")
_CONTAINERS: Final = ("scores", "grades", "ratings")


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
    shown = "\n".join(map(packed, graded))
    found, opening, closing = _of_objects(text, rubric, shown)
    found = found or of_lines(text, rubric, shown)
    if not found:
        quoted = closing or closing_lines(text, rubric)
        if is_first := quoted is None and not states_on_lines(text, rubric, shown):
            quoted = opening or opening_lines(text, rubric)
        if quoted is not None and rubric.score(quoted) < rubric.threshold:
            is_only = not says_another(_prose(text), quoted, shown, is_after=is_first)
            found = [quoted] if is_only else []
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
        shown = "\n".join(map(packed, graded))
        objects = [(start, end, _choice(value)) for start, end, value in _objects(text)]
        own = {choice for start, end, choice in objects if packed(text[start:end]) not in shown}
        said = own - {None} or {choice for _, end, choice in objects if _closes(text, end)}
        if not objects:
            said = {_choice(undecorated(text).strip(" ."))}
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
) -> tuple[list[dict[str, float]], dict[str, float] | None, dict[str, float] | None]:
    """The grades in a reply's own objects, and those of quoted ones that open and close the reply.

    None opens it where an object of the reply's own stands beside, whatever is in that.
    """
    found = []
    opening = closing = None
    is_alone = True
    for start, end, value in _objects(text):
        is_quoted = packed(text[start:end]) in shown
        is_alone &= is_quoted
        grades = _of_value(value, rubric)
        if grades is None or (
            OVERALL in grades and len(grades) == 1 and not _is_apart(text, start, end)
        ):
            continue
        if not is_quoted:
            found.append(grades)
        elif _closes(text, end):
            closing = grades
        elif _opens(text, start, end):
            opening = grades
    return found, opening if is_alone else None, closing


def _opens(text: str, start: int, end: int) -> bool:
    """Whether a reply says nothing before `start` but that its grade follows, nor on the line."""
    return len(text[:start]) <= SHOWN and bool(
        _INTRODUCTION.fullmatch(text[:start]) and _LINE_END.match(text, end)
    )


def _closes(text: str, end: int) -> bool:
    """Whether a reply says nothing after `end`."""
    return not text[end:].strip(" .`*\n")


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


def _prose(text: str) -> str:
    """A text without its JSON objects."""
    pieces, position = [], 0
    for start, end, _ in _objects(text):
        pieces.append(text[position:start])
        position = end
    return " ".join([*pieces, text[position:]])


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether what stands there opens or closes a reply, and ends its line."""
    before, after = text[:start].splitlines(), text[end:].splitlines()
    if after and after[0].strip(" .`*"):
        return False
    introduced = text[:start].rpartition("\n")[2].strip(" `*>-")
    if introduced and not introduced.endswith(":"):
        return False
    return not any(map(says, after)) or not any(map(says, before))


def _of_value(value: object, rubric: JudgeRubric) -> dict[str, float] | None:
    """The grades in a parsed object, or in the one that it holds as its scores."""
    if not isinstance(value, Mapping):
        return None
    inner = [value[name] for name in _CONTAINERS if isinstance(value.get(name), Mapping)]
    stated = inner[0] if inner else value
    named = {key_of(str(name)): one for name, one in stated.items()}
    if len(named) < len(stated):
        return None
    if all(name in named for name in rubric.grades):
        grades = {name: grade_of(named[name], rubric) for name in rubric.grades}
    elif any(name in named for name in rubric.header.factors):
        return None
    else:
        given = [one for name, one in named.items() if name.replace("_", " ") in WORDS]
        if any(named.get(name, rubric.scale.max) != rubric.scale.max for name in _BEST):
            return None
        grades = {OVERALL: grade_of(given[0], rubric)} if len(given) == 1 else {OVERALL: None}
    kept = {name: grade for name, grade in grades.items() if grade is not None}
    return kept if len(kept) == len(grades) else None


def _unreadable(reply: str) -> UnreadableGradeError:
    shown = " ".join(reply[-SHOWN * 4 :].split())[-SHOWN:]
    return UnreadableGradeError(f"unreadable grade: {shown!r}")
