"""What a method of an environment gives, as an answer: text, JSON, and never an image as words."""

from types import SimpleNamespace
from typing import Any

import pytest

from rl.episodes.given import Answer, UnreadableError, answer_of

IMAGE = {"type": "image", "data": "aGk=", "mimeType": "image/png"}


class Picture:
    """As of the library PIL."""


Picture.__module__ = "PIL.Image"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("a", "a"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ({"type": "image", "name": "x.png"}, '{"type": "image", "name": "x.png"}'),
        ([{"type": "file", "path": "x"}], '[{"type": "file", "path": "x"}]'),
        ([{"type": "text", "text": "a", "page": 2}], '[{"type": "text", "text": "a", "page": 2}]'),
        ({"type": "file", "file": "a.txt"}, '{"type": "file", "file": "a.txt"}'),
        ({"type": "video", "source": "web"}, '{"type": "video", "source": "web"}'),
        ({"type": "file", "data": {"a": 1}}, '{"type": "file", "data": {"a": 1}}'),
        ({"type": ["file"], "file": "a"}, '{"type": ["file"], "file": "a"}'),
        ([{"type": {}, "data": "a"}], '[{"type": {}, "data": "a"}]'),
        ([], "[]"),
        (None, "null"),
        (SimpleNamespace(text=[{"type": "text", "text": "a"}], reward=1), "a"),
    ],
)
def test_what_can_be_read_is_text(given: Any, text: str) -> None:
    assert answer_of(given).text == text
    assert isinstance(answer_of(given), Answer)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (IMAGE, r"an image \(image/png\)"),
        ([{"type": "text", "text": "a"}, IMAGE], r"an image \(image/png\)"),
        ({"type": "image_url", "image_url": {"url": "http://x"}}, "an image"),
        ([{"type": "input_audio", "input_audio": {"data": ""}}], "audio"),
        ({"type": "image", "source": {"type": "base64", "data": ""}}, "an image"),
        ({"type": "input_image", "image_url": "data:image/png;base64,aGk="}, "an image"),
        ({"type": "image", "image": "aGk=" * 999}, "an image"),
        ({"type": "image", "image": Picture()}, "an image"),
        ({"type": "video", "video": [Picture()]}, "a video"),
        ({"type": "file", "file": {"file_id": "a"}}, "a file"),
        (b"\x89PNG", "bytes"),
        (Picture(), "an image"),
        (["a", Picture()], "an image"),
        (SimpleNamespace(text=[IMAGE]), r"an image \(image/png\)"),
    ],
)
def test_what_cannot_be_read_is_named(given: Any, what: str) -> None:
    with pytest.raises(UnreadableError, match=f"its answer has {what}, which cannot be read here"):
        answer_of(given)
