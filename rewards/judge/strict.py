"""Reading a reply that was held to a rubric's schema: that form and no other.

Guarantee: what is read is one JSON object with exactly the schema's keys, each with a value that
the schema allows. Nothing that an answer holds can be taken for it.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from rewards.judge.errors import UnreadableGradeError
from rewards.judge.rubric import CHOICE, JudgeRubric
from rewards.thinking import final_part

SHOWN: Final = 100  # characters of a reply in a message


def conforming(text: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The object that `text` is, if it is one of `schema`; thinking may stand before it."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        stripped = final_part(stripped).strip()
    try:
        value = json.loads(stripped, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return None
    properties = schema["properties"]
    if not isinstance(value, dict) or set(value) != set(schema["required"]):
        return None
    return value if all(_fits(one, properties[name]) for name, one in value.items()) else None


def held_grades(text: str, rubric: JudgeRubric) -> dict[str, float]:
    """The grades of one vote.

    Raises:
        UnreadableGradeError: The reply is not in the schema's form.
    """
    value = _held(text, rubric)
    return {name: float(value[name]) for name in rubric.grades}


def held_preference(text: str, rubric: JudgeRubric) -> str:
    """Which of two answers is better: first, second or tie; raises as `held_grades` does."""
    return str(_held(text, rubric)[CHOICE])


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's pairs as `json.loads` gives them; raises ValueError where a key stands twice."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _held(text: str, rubric: JudgeRubric) -> dict[str, Any]:
    value = conforming(text, rubric.schema())
    if value is None:
        shown = " ".join(text[-SHOWN * 4 :].split())[-SHOWN:]
        raise UnreadableGradeError(f"unreadable grade: not in the schema's form: {shown!r}")
    return value


def _fits(value: object, schema: Mapping[str, Any]) -> bool:
    if schema["type"] == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    kind = {"integer": int, "string": str}[schema["type"]]
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    return "enum" not in schema or value in schema["enum"]
