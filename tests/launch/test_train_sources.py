"""Several files in one run: each read in its own way, none evaluated and trained on at once."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.builtin import ending, solution
from data.errors import DataError, PromptError
from data.schema import Prompt
from launch.train.data import counted, load_data, never_evaluated, stream_of
from rewards import Rubric
from rl.config import RewardConfig, RunConfig
from rl.config_file import dump_config, load_config
from rl.errors import ConfigError
from rl.rewarding import rubric


def rows(folder: Path, name: str, texts: list[str], column: str = "prompt") -> str:
    path = folder / name
    path.write_text("".join(json.dumps({column: text, "answer": "7"}) + "\n" for text in texts))
    return str(path)


def config_of(folder: Path, data: dict[str, Any]) -> RunConfig:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump({"data": data}))
    return load_config(path)


def grading() -> Rubric:
    return rubric(RewardConfig())


def loaded(config: RunConfig) -> tuple[list[Prompt], list[Prompt]]:
    return load_data(config.data, grading(), print)


def test_each_source_has_its_columns_wording_and_share(tmp_path: Path) -> None:
    config = config_of(
        tmp_path,
        {
            "template": "{prompt} Think.",
            "eval_size": 0,
            "sources": {
                "plain": rows(tmp_path, "x.jsonl", [f"p{i}" for i in range(5)]),
                "named": {
                    "file": rows(tmp_path, "other.jsonl", ["s"] * 3, "text"),
                    "weight": 2,
                    "limit": 2,
                    "task": "math",
                    "prompt_column": "text",
                    "template": None,
                },
            },
        },
    )
    prompts, held_out = loaded(config)
    assert held_out == []
    assert counted(prompts) == "7 prompts to train on (2 of named, 5 of plain)"
    said = {prompt.id: (prompt.messages[0]["content"], prompt.task) for prompt in prompts}
    assert said["plain/x/1"] == ("p0 Think.", "")
    assert said["named/other/1"] == ("s", "math")
    stream = stream_of(config, prompts)
    taken = [prompt for prompt in (stream.next() for _ in range(9)) if prompt is not None]
    assert Counter(prompt.source for prompt in taken) == {"plain": 3, "named": 6}
    again = config_of(tmp_path, yaml.safe_load(dump_config(config))["data"])
    assert again.data == config.data, "what was resolved is read again as it is"


def test_an_evaluated_prompt_is_trained_on_in_no_source(tmp_path: Path) -> None:
    texts = [f"p{i}" for i in range(20)]
    sources = {
        "one": rows(tmp_path, "one.jsonl", texts),
        "two": rows(tmp_path, "two.jsonl", [*texts[10:], "alone"]),
    }
    prompts, held_out = loaded(config_of(tmp_path, {"eval_size": 8, "sources": sources}))
    trained = {prompt.text_digest() for prompt in prompts}
    assert len(held_out) == 8
    assert trained.isdisjoint(prompt.text_digest() for prompt in held_out)
    assert len(prompts) + len(held_out) == 31
    asked = rows(tmp_path, "eval.jsonl", ["p12", "p3"])
    config = config_of(tmp_path, {"eval": asked, "sources": sources})
    prompts, held_out = loaded(config)
    assert len(prompts) == 31 - 3
    left = never_evaluated(prompts, {"more": [p for p in prompts if p.id.endswith("/15")]})
    assert len(left) == 28 - 2


def test_a_source_of_which_nothing_is_left_says_so(tmp_path: Path) -> None:
    sources = {
        "one": rows(tmp_path, "one.jsonl", ["a", "b", "c"]),
        "two": rows(tmp_path, "two.jsonl", ["a"]),
    }
    config = config_of(tmp_path, {"eval": sources["two"], "sources": sources})
    prompts, _ = loaded(config)
    with pytest.raises(PromptError, match=r"^every prompt of data\.sources\.two is evaluated"):
        stream_of(config, prompts)
    config = config_of(tmp_path, {"eval": sources["one"], "sources": sources})
    with pytest.raises(PromptError, match=r"every prompt of data\.sources \(.*two\.jsonl\) is in"):
        loaded(config)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"train": "x", "sources": {"a": "b"}}, "data: train=x and sources both say what is"),
        ({"train": None}, "data: train is null and there are no sources: name a file"),
        ({"sources": {"a/b": "x"}}, "data: sources: 'a/b' is no name: use letters"),
        ({"sources": {"a": {"file": "x", "weight": 0}}}, "data.sources.a.weight: input should be"),
        ({"sources": {"a": {"file": "x", "wieght": 1}}}, "no setting 'wieght'; valid here: "),
        ({"sources": {"a": {"weight": 1}}}, "data.sources.a.file: field required"),
        ({"sources": {"a": 5}}, "data.sources.a is a section"),
    ],
)
def test_sources_that_say_nothing_sensible_are_named(
    data: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, data)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    sources = {"one": rows(tmp_path, "one.jsonl", ["a"]), "two": str(tmp_path / "none.jsonl")}
    with pytest.raises(DataError, match=r"none\.jsonl"):
        loaded(config_of(tmp_path, {"sources": sources, "eval_size": 0}))


def test_built_in_prompts_of_several_sources_have_demonstrations(tmp_path: Path) -> None:
    sources = {
        "sums": "builtin:arithmetic?max=9&ops=add",
        "programs": "builtin:expressions?max=9&count=20",
        "calls": "builtin:tools?max=9&count=20",
    }
    prompts, _ = loaded(config_of(tmp_path, {"sources": sources, "eval_size": 0}))
    for prompt in prompts:
        assert solution(prompt).endswith(ending(prompt))
