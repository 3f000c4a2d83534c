"""`plumb data difficulty` words prompts as the run does that trains on them, source by source."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from data.schema import Record
from launch.datasets.difficulty import configured, prompt_of

ASKED = Record(messages=({"role": "user", "content": "2+2"},), task="", reference="4")


def worded(tmp_path: Path, data: dict[str, Any], source: str, *overrides: str) -> tuple[str, str]:
    """What is asked of a record of `source`, and of which task it is, under settings of `data`."""
    model = tmp_path / "model"
    model.mkdir(exist_ok=True)
    (model / "config.json").write_text("{}")
    settings = tmp_path / "run.yaml"
    settings.write_text(yaml.safe_dump({"model": {"path": str(model)}, "data": data}))
    config = configured(settings, overrides, lambda _: None, source)
    prompt = prompt_of(ASKED, config)
    return str(prompt.messages[-1]["content"]), prompt.task


def of(file: str, template: str | None) -> dict[str, Any]:
    return {"file": file, "template": template, "task": f"of {file}"}


SUMS, WORDS = of("sums.jsonl", "Sum: {prompt}"), of("words.jsonl", "Word: {prompt}")


@pytest.mark.parametrize(
    ("data", "source", "wanted"),
    [
        ({"sources": {"a": SUMS}}, "curated/", ("Sum: 2+2", "of sums.jsonl")),
        ({"sources": {"a": SUMS, "b": WORDS}}, "words.jsonl", ("Word: 2+2", "of words.jsonl")),
        ({"sources": {"a": SUMS, "b": WORDS}}, "./sums.jsonl", ("Sum: 2+2", "of sums.jsonl")),
        ({"sources": {"a": SUMS, "b": WORDS}}, "curated/", ("2+2", "")),
        ({"template": "{prompt}!", "sources": {"a": SUMS, "b": WORDS}}, "else", ("2+2!", "")),
        ({"template": "{prompt}!", "sources": {"a": "sums.jsonl"}}, "else", ("2+2!", "")),
        ({"template": "{prompt}!", "sources": {"a": of("f", None)}}, "else", ("2+2", "of f")),
        ({"train": "sums.jsonl", "template": "{prompt}!"}, "words.jsonl", ("2+2!", "")),
    ],
)
def test_a_source_is_worded_as_its_entry_says(
    tmp_path: Path, data: dict[str, Any], source: str, wanted: tuple[str, str]
) -> None:
    assert worded(tmp_path, data, source) == wanted
