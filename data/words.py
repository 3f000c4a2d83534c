"""Content of messages that comes in parts: texts are joined, anything else is refused by name.

The policy reads text alone. An image that was left out without a word would leave a question that
nobody can answer.
"""

from collections.abc import Mapping
from typing import Any, Final

from data.errors import RowError

MEDIA: Final = ("image", "images", "video", "videos", "audio", "audios")
"""Columns that hold what is no text."""
_REMEDY: Final = "the policy reads text alone: remove such rows, or say it in words"


def words_of(content: Any, where: str) -> Any:
    """The text of a content in parts; any other content as it is.

    Raises:
        RowError: a part is no text; names it.
    """
    if not isinstance(content, list):
        return content
    texts = []
    for number, part in enumerate(content, 1):
        kind = part.get("type") if isinstance(part, Mapping) else None
        text = part.get("text") if isinstance(part, Mapping) else part
        if kind not in (None, "text", "input_text") or not isinstance(text, str):
            what = repr(kind) if kind else f"none at all ({part!r:.40})"
            raise RowError(
                f"{where}: part {number} of a message is no text, its type {what}; {_REMEDY}"
            )
        texts.append(text)
    return "".join(texts)


def refuse_media(columns: Mapping[str, Any], where: str) -> None:
    """Refuse a row with images or the like beside its prompt.

    Raises:
        RowError: names the column.
    """
    for name in MEDIA:
        value = columns.get(name)
        if value is not None and value not in ("", [], {}):
            raise RowError(
                f"{where}: the column {name!r} holds {_kind(value)}; {_REMEDY}, or "
                "remove the column if the question does without"
            )


def _kind(value: Any) -> str:
    one = value[0] if isinstance(value, list) else value
    return (
        f"{len(value)} of {type(one).__name__}" if isinstance(value, list) else type(one).__name__
    )
