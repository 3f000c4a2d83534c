"""What a method of an environment gave, and the kinds of what can go wrong with a call."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Wrong = Literal["malformed", "unknown", "arguments", "raised", "late", "too_many"]
KINDS: Final[tuple[Wrong, ...]] = (
    "malformed", "unknown", "arguments", "raised", "late", "too_many"
)  # fmt: skip


_PARTS: Final = {
    "image": "an image", "image_url": "an image", "input_image": "an image",
    "audio": "audio", "input_audio": "audio", "audio_url": "audio",
    "video": "a video", "video_url": "a video", "file": "a file", "input_file": "a file",
    "resource": "a resource", "resource_link": "a link to a resource", "blob": "bytes",
}  # fmt: skip
"""Kinds of content that is no text, as chat protocols name them."""
_HOLDS: Final = frozenset(
    {"image_url", "image", "source", "data", "input_audio", "audio", "audio_url", "video",
     "video_url", "file", "file_data", "resource", "blob", "base64"}
)  # fmt: skip
"""Fields in which such content is held."""
_BYTES: Final = frozenset({"data", "file_data", "blob", "base64"})
"""Those whose text is the content itself, as bytes in letters."""
_LINKS: Final = ("data:", "http://", "https://", "file://")
_LONG: Final = 1_000  # characters of a text that is no name of a file


class UnreadableError(Exception):
    """What a tool gave is no text, and is not shown as such."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method of an environment gave."""

    text: str
    reward: float = 0.0
    done: bool = False
    error: str = ""
    """Of `KINDS`; empty: nothing went wrong."""
    seconds: float = 0.0
    tools: Sequence[Mapping[str, Any]] = ()
    """Declarations of those that are on offer from now on, beside the others."""


def answer_of(given: Any) -> Answer:
    """What a method returned: words, anything else as JSON, or an object with a `text` and perhaps
    `reward`, `done` and, where rows bring the tools, further `tools`.

    Raises:
        UnreadableError: A part of it is no text.
    """
    if isinstance(given, str):
        return Answer(given)
    if (text := text_of_parts(given)) is not None:
        return Answer(text)
    text = getattr(given, "text", None)
    if (joined := text_of_parts(text)) is not None:
        text = joined
    if isinstance(text, str):
        reward, done = getattr(given, "reward", 0.0), getattr(given, "done", False)
        tools = getattr(given, "tools", ())
        earned = 0.0 if reward is None else float(reward)
        return Answer(text, earned, bool(done), tools=tuple(tools))
    try:
        return Answer(json.dumps(given, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return Answer(str(given))


def text_of_parts(given: Any) -> str | None:
    """The text of content in parts, as chat protocols have it; None: it is something else.

    Raises:
        UnreadableError: It is an image, or has a part that is one, or anything like it.
    """
    parts = given if isinstance(given, list | tuple) else [given]
    for part in parts:
        if what := _unreadable(part):
            refuse_unreadable(what)
    is_text = isinstance(given, list) and all(
        isinstance(one, Mapping) and set(one) == {"type", "text"} and one["type"] == "text"
        for one in given
    )
    return "".join(str(one["text"]) for one in given) if is_text and given else None


def check_message(message: Mapping[str, Any]) -> None:
    """Refuse what is no message of text.

    Raises:
        UnreadableError: It has an image, or the like.
        ValueError: It has no role or no content.
    """
    text_of_parts(message.get("content"))
    if not all(isinstance(message.get(key), str) for key in ("role", "content")):
        raise ValueError(f"a message has a role and a content, both text: {message!r:.100}")


def refuse_unreadable(what: str) -> None:
    """Say that something is no text.

    Raises:
        UnreadableError: Always.
    """
    raise UnreadableError(f"its answer has {what}, which cannot be read here: only text can")


def named(kind: str, mime: str = "") -> str:
    """What messages call content of a kind, by a chat protocol's name for it."""
    what = _PARTS.get(kind, f"content of the type {kind!r:.40}")
    return f"{what} ({mime[:60]})" if mime else what


def _unreadable(part: Any) -> str:
    """What a part is, if it is no text; else nothing."""
    if isinstance(part, bytes | bytearray | memoryview):
        return "bytes"
    if type(part).__module__.partition(".")[0] == "PIL":
        return "an image"
    if not isinstance(part, Mapping):
        return ""
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _PARTS:
        return ""
    if not any(_is_held(field, part[field]) for field in _HOLDS & part.keys()):
        return ""
    mime = part.get("mimeType") or part.get("mime_type") or ""
    return named(kind, mime if isinstance(mime, str) else "")


def _is_held(field: str, value: Any) -> bool:
    """Whether a field holds such content, and is no name in a tool's own listing of files."""
    if field in _BYTES:
        return isinstance(value, str | bytes | bytearray | memoryview)
    if isinstance(value, str):
        return field != "source" and (value.startswith(_LINKS) or len(value) > _LONG)
    return value is not None and not isinstance(value, int | float)
