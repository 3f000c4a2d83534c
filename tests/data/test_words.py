"""Content in parts: texts are put together; images and the like are refused by name and place."""

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import RowError
from data.records import MARK
from data.schema import VERSION
from data.sources import load_prompts

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
TEXT = {"type": "text", "text": "What is this?"}


def loaded(folder: Path, row: dict[str, Any]) -> Any:
    path = folder / "rows.jsonl"
    path.write_text(json.dumps({"prompt": "q", "answer": "1"}) + "\n" + json.dumps(row))
    return load_prompts(path)[1]


def asked(*parts: Any) -> dict[str, Any]:
    return {"prompt": [{"role": "user", "content": list(parts)}], "answer": "1"}


def test_texts_are_put_together(tmp_path: Path) -> None:
    prompt = loaded(tmp_path, asked(TEXT, {"type": "text", "text": " A cat?"}))
    assert prompt.messages == ({"role": "user", "content": "What is this? A cat?"},)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (asked(TEXT, IMAGE), "part 2 of a message is no text, its type 'image_url'"),
        (asked({"type": "input_audio", "input_audio": {}}), "part 1 .* its type 'input_audio'"),
        (asked({"type": "video", "video": "x.mp4"}, TEXT), "part 1 .* its type 'video'"),
        (asked({"image": "x.png"}), "part 1 of a message is no text, its type none at all"),
        (asked(TEXT, 3), "part 2 of a message is no text"),
        ({"prompt": "q", "answer": "1", "images": ["x.png"]}, "column 'images' holds 1 of str"),
        ({"prompt": "q", "answer": "1", "image": {"path": "x"}}, "column 'image' holds dict"),
    ],
)
def test_what_is_no_text_is_refused_by_name(row: dict[str, Any], line: str, tmp_path: Path) -> None:
    with pytest.raises(RowError, match=line) as raised:
        loaded(tmp_path, row)
    assert "rows.jsonl" in str(raised.value)
    assert "the policy reads text alone" in str(raised.value)


def test_empty_columns_are_no_images(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"prompt": "q", "answer": "1", "images": [], "image": None}).id


def test_records_are_held_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    record = {MARK: VERSION, "task": "math", "reference": "1"}
    path.write_text(json.dumps({**record, "messages": [{"role": "user", "content": [TEXT]}]}))
    assert load_prompts(path)[0].messages[0]["content"] == "What is this?"
    path.write_text(json.dumps({**record, "messages": [{"role": "user", "content": [IMAGE]}]}))
    with pytest.raises(RowError, match="its type 'image_url'"):
        load_prompts(path)
