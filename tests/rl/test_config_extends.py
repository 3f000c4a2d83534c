"""A config that extends others says the same as one in which all of it stands."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rl.config import RunConfig
from rl.config_extends import merged
from rl.config_file import config_files, load_config
from rl.errors import ConfigError

VALUES = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 9) | st.lists(st.integers(0, 3), max_size=2)
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.builds(
        lambda values, sections: {**values, **sections},
        VALUES,
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
    ),
    max_leaves=5,
)
"""Settings in which a name is always a value's, or always a section's."""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Files by name, the first of which is the config."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / next(iter(files))


@pytest.mark.parametrize(
    ("files", "whole"),
    [
        (
            {"run.yaml": "{extends: base.yaml, seed: 2}", "base.yaml": "{seed: 1, env: shell}"},
            "{seed: 2, env: shell}",
        ),
        (
            {
                "sub/run.yaml": "{extends: ../base.yaml, learner: {lr: 1e-6}}",
                "base.yaml": "{extends: more/deep.yaml, learner: {ranks: 2, lora: {rank: 8}}}",
                "more/deep.yaml": "{learner: {lr: 1e-3, ranks: 4, lora: {alpha: 64}}}",
            },
            "{learner: {lr: 1e-6, ranks: 2, lora: {rank: 8, alpha: 64}}}",
        ),
        (
            {
                "run.yaml": "{extends: [one.yaml, two.yaml], learner: {ranks: 3}}",
                "one.yaml": "{learner: {ranks: 1, lr: 1e-5}, seed: 4}",
                "two.yaml": "{learner: {ranks: 2, lr: 1e-4}}",
            },
            "{learner: {ranks: 3, lr: 1e-4}, seed: 4}",
        ),
        (
            {
                "run.yaml": "{extends: base.yaml, learner: {betas: [0.8, 0.9]}, env: null}",
                "base.yaml": "{learner: {betas: [0.9, 0.99]}, env: {spec: shell, options: {a: 1}}}",
            },
            "{learner: {betas: [0.8, 0.9]}}",
        ),
        (
            {
                "run.yaml": "{extends: base.yaml, data: {train: a.jsonl, sources: null}}",
                "base.yaml": "{data: {sources: {math: m.jsonl}}}",
            },
            "{data: {train: a.jsonl}}",
        ),
        (
            # Both ways lead to one file, which is no circle.
            {
                "run.yaml": "{extends: [one.yaml, two.yaml]}",
                "one.yaml": "{extends: base.yaml}",
                "two.yaml": "{extends: base.yaml, seed: 3}",
                "base.yaml": "{seed: 1}",
            },
            "{seed: 3}",
        ),
        ({"run.yaml": "extends: empty.yaml", "empty.yaml": "# nothing"}, "{}"),
    ],
)
def test_it_is_as_if_all_stood_in_one_file(
    files: dict[str, str], whole: str, tmp_path: Path
) -> None:
    path = write(tmp_path, files)
    (tmp_path / "whole.yaml").write_text(whole)
    said: list[str] = []
    assert load_config(path, say=said.append) == load_config(tmp_path / "whole.yaml")
    assert {one.resolve() for one in config_files(path)} == {
        (tmp_path / n).resolve() for n in files
    }
    assert len(said) == 1
    assert str(path) in said[0]


def test_overrides_win_over_all_of_them(tmp_path: Path) -> None:
    path = write(tmp_path, {"run.yaml": "{extends: base.yaml, seed: 2}", "base.yaml": "{seed: 1}"})
    assert load_config(path, ["seed=3"]).seed == 3


def test_a_further_config_is_laid_over_in_the_order_of_overrides(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "run.yaml": "{seed: 1, learner: {lr: 1e-5, ranks: 2}}",
            "form.yaml": "{extends: base.yaml, learner: {ranks: 8}}",
            "base.yaml": "{learner: {zero_stage: 3}, seed: 5}",
        },
    )
    form = str(tmp_path / "form.yaml")
    config = load_config(path, ["seed=2", form, "learner.ranks=4"])
    assert (config.seed, config.learner.ranks, config.learner.zero_stage) == (5, 4, 3)
    assert config.learner.lr == 1e-5
    assert [one.name for one in config_files(path, ["seed=2", form])] == [
        "run.yaml", "form.yaml", "base.yaml",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"cannot read the config none\.yaml"):
        load_config(path, ["none.yaml"])


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.yaml": "extends: a.yaml"}, "a circle: a.yaml -> a.yaml"),
        (
            {"a.yaml": "extends: b.yaml", "b.yaml": "extends: c.yaml", "c.yaml": "extends: b.yaml"},
            "c.yaml: extends goes in a circle: b.yaml -> c.yaml -> b.yaml",
        ),
        ({"a.yaml": "extends: none.yaml"}, "cannot read the config"),
        ({"a.yaml": "extends: 7"}, "a.yaml: extends is 7; write a config's path"),
        ({"a.yaml": "extends: []"}, "extends is []; write a config's path"),
        ({"a.yaml": "extends: [b.yaml, '']", "b.yaml": "{}"}, "write a config's path"),
        ({"a.yaml": "extends: b.yaml", "b.yaml": "- 1"}, "b.yaml must hold `key: value` settings"),
        ({"a.yaml": "extends: b.yaml", "b.yaml": "{a: 1, a: 2}"}, "b.yaml line 1"),
        ({"a.yaml": "train: {extends: b.yaml}"}, "unknown key train.extends"),
        ({"a.yaml": "extends: b.yaml", "b.yaml": "{lr: 1}"}, "did you mean learner.lr?"),
    ],
)
def test_what_cannot_be_extended_is_named(
    files: dict[str, str], complaint: str, tmp_path: Path
) -> None:
    path = write(tmp_path, files)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_extends_is_no_override(tmp_path: Path) -> None:
    path = write(tmp_path, {"a.yaml": "{}", "b.yaml": "{}"})
    with pytest.raises(ConfigError, match="belongs into a config file"):
        load_config(path, ["extends=b.yaml"])


@given(TREES, TREES, TREES)
def test_merging_keeps_what_is_not_said_again_and_is_associative(
    one: dict[str, object], two: dict[str, object], three: dict[str, object]
) -> None:
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    assert merged(one, one) == one
    assert merged({}, one) == one == merged(one, {})


def test_what_is_written_down_extends_nothing(tmp_path: Path) -> None:
    from rl.config_file import dump_config

    path = write(tmp_path, {"run.yaml": "{extends: base.yaml}", "base.yaml": "{seed: 9}"})
    dumped = yaml.safe_load(dump_config(load_config(path)))
    assert dumped["seed"] == 9
    assert set(dumped) == set(RunConfig.model_fields)
