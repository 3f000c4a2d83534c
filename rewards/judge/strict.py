"""Reading a reply that was held to a schema: that form and no other.

Guarantee: what is read is one JSON object that the schema allows, and nothing beside it; where that
is a rubric's, it has exactly the rubric's keys. Nothing that an answer holds can be taken for it.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rewards.judge.errors import UnreadableGradeError
from rewards.judge.rubric import CHOICE, JudgeRubric
from rewards.thinking import final_part

if TYPE_CHECKING:
    from jsonschema.protocols import Validator  # type: ignore[import-untyped]

SHOWN: Final = 100  # characters of a reply in a message


def conforming(text: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The object that `text` is, if it is one of `schema`; thinking may stand before it.

    How long a text may be is left to the endpoint: not every one can hold a model to that.
    """
    stripped = text.strip()
    if not stripped.startswith("{"):
        stripped = final_part(stripped).strip()
    try:
        value = json.loads(stripped, object_pairs_hook=unique)
        is_held = isinstance(value, dict) and _validator(json.dumps(schema)).is_valid(value)
    except (ValueError, RecursionError):
        return None
    return value if is_held else None


@lru_cache(maxsize=32)
def _validator(schema: str) -> "Validator":
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
    from jsonschema.validators import extend  # type: ignore[import-untyped]

    validators = {"maxLength": lambda *_: ()}
    made: Validator = extend(Draft202012Validator, validators)(json.loads(schema))
    return made


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
