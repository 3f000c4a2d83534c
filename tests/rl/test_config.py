"""A configuration is either wholly understood or refused, line by line, with the remedy."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from rl.config import RunConfig, SamplerConfig, Section
from rl.config_fields import describe_fields, field_paths
from rl.config_file import dump_config, load_config
from rl.errors import ConfigError


def read(folder: Path, text: str, *overrides: str) -> RunConfig:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, overrides)


def value_at(config: BaseModel, path: str) -> object:
    value: object = config
    for part in path.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("train: {stepz: 1}", "unknown key train.stepz; did you mean train.steps?"),
        ("trane: {steps: 1}", "unknown key trane; did you mean train?"),
        ("lr: 1e-6", "unknown key lr; did you mean learner.lr?"),
        ("learner: {kl: {coeff: 1}}", "unknown key learner.kl.coeff; did you mean"
         " learner.kl.coef?"),
        ("train: {learning_rate: 1}", "unknown key train.learning_rate; valid here: steps, "),
        ("train: {steps: yes}", "train.steps: input should be a valid integer (got True)"),
        ("learner: {lr: true}", "learner.lr: input should be a valid number (got True)"),
        ("train: {export: 1}", "train.export: input should be a valid boolean (got 1)"),
        ("seed: '3'", "seed: input should be a valid integer (got '3')"),
        ("1: 2", "1: keys should be strings"),
        ("train: {steps: 0}", "train.steps: input should be greater than or equal to 1 (got 0)"),
        ("train: {steps: few}", "train.steps: input should be a valid integer"),
        ("learner: {lr: .nan}", "learner.lr: input should be a finite number (got nan)"),
        ("learner: {lr: nan}", "learner.lr: input should be a valid number (got 'nan')"),
        ("rollout: {temperature: .inf}", "rollout.temperature: input should be a finite number"),
        ("learner: {betas: [1.0, 0.9]}", "learner.betas.0: input should be less than 1 (got 1.0)"),
        ("learner: {betas: [0.9]}", "learner.betas.1: field required"),
        ("learner: {estimator: ppo}", "learner.estimator: input should be 'reinforce++', "),
        ("train: 5", "train is a section: give it settings of its own, not 5"),
        ("learner:", "learner is a section: give it settings of its own, not None"),
        ("learner: {kl: 0.1}", "learner.kl is a section: give it settings of its own, not 0.1"),
        ("learner: {lora: {alpha: 16}}", "learner.lora: these settings are of adapters: set rank"),
        ("learner: {lora: {rank: 8, targets: []}}", "learner.lora: targets is empty"),
        ("learner: {lora: {rank: 8, targets: [all-linear, q_proj]}}", "all-linear stands alone"),
        ("learner: {lora: {rank: 8, quantize: nf4, sync: adapter}}", "nf4 needs sync=merge"),
        ("learner: {lora: {rank: 8, quantize: nf4}, zero_stage: 3}", "needs zero_stage 2 or less"),
        ("learner: {lora: {rank: 8}, optimizer: muon}", "learner: optimizer=muon is for whole"),
        ("learner: {optimizer: muon, zero_stage: 0}", "optimizer=muon needs zero_stage 1 or 2"),
        ("learner: {optimizer: muon, zero_stage: 3}", "optimizer=muon needs zero_stage 1 or 2"),
        ("learner: {optimizer: muon, optimizer_offload: true}", "muon cannot be offloaded"),
        ("learner: {optimizer_offload: true, zero_stage: 0}", "needs zero_stage 1 or more"),
        ("learner: {param_offload: true}", "learner: param_offload needs zero_stage=3"),
        ("learner: {ema: 1.0}", "learner.ema: input should be less than 1 (got 1.0)"),
        ("sampler: {max_lag: 1, ahead: 2}", "too old for max_lag=1 before they are trained"),
        ("sampler: {samples_per_prompt: 1}", "set samples_per_prompt to 2 or more, or filter to"),
        ("learner: {ranks: 3, sequence_parallel: 2}", "sequence_parallel=2 must divide ranks=3"),
        (
            "learner: {ranks: 2, sequence_parallel: 2, packing: false}",
            "sequence_parallel needs packing=true",
        ),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_its_remedy(
    text: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'run.yaml'}: ")
    assert "\n" not in str(caught.value)


def test_every_fault_gets_its_own_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "train: {steps: 0, stepz: 3}\nseed: -1")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1].split(";")[0] for line in lines] == [
        "seed",
        "train.steps",
        "unknown key train.stepz",
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"- 1\n- 2\n", "must hold `key: value` settings, not a list"),
        (b"seven", "must hold `key: value` settings, not a str"),
        (b"seed: 1\ntrain: {steps: 1\nrun_dir: x\n", "run.yaml line 3, column"),
        (b"seed: 1\n\ttrain: 2\n", "run.yaml line 2, column 1: found character '\\t'"),
        (b"seed: 1\ntrain:\n  steps: 1\n  steps: 2\n", "line 4, column 3: the key 'steps' stands"),
        (b"system: \xff\xfe", "run.yaml is not UTF-8 text: is it a YAML config?"),
        (b"a: \x00", "run.yaml: not valid YAML"),
    ],
)
def test_a_file_that_is_no_config_is_refused(
    content: bytes, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_exponents_are_numbers_with_or_without_a_point(tmp_path: Path) -> None:
    assert read(tmp_path, "learner: {lr: 3e-4}").learner.lr == 3e-4
    assert read(tmp_path, "", "learner.lr=1.5E+0").learner.lr == 1.5


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the config .*none\.yaml: No such file"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot read the config .*: Is a dir"):
        load_config(tmp_path)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}"])
def test_an_empty_file_is_the_defaults(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == RunConfig()


@pytest.mark.parametrize(
    ("overrides", "path", "value"),
    [
        (["learner.lr=1e-6"], "learner.lr", 1e-6),
        (["learner.lr=2E-5"], "learner.lr", 2e-5),
        (["learner.lr=.5"], "learner.lr", 0.5),
        (["learner.kl.coef=1e-3"], "learner.kl.coef", 1e-3),
        (["learner.betas=[0.9, 0.99]"], "learner.betas", (0.9, 0.99)),
        (["train.export=false"], "train.export", False),
        (["data.eval=null"], "data.eval", None),
        (["data.eval="], "data.eval", None),
        (["data.system='yes'"], "data.system", "yes"),
        (["data.train=builtin:arithmetic?max=9"], "data.train", "builtin:arithmetic?max=9"),
        (["run_dir=a=b"], "run_dir", Path("a=b")),
        (["seed=1", "seed=2"], "seed", 2),
        (["learner.ranks=2"], "learner.lr", 3e-6),
    ],
)
def test_overrides_reach_their_setting_and_keep_the_others(
    overrides: Sequence[str], path: str, value: object, tmp_path: Path
) -> None:
    text = "seed: 7\nlearner: {lr: 3e-6, kl: {estimator: k3}}\n"
    config = read(tmp_path, text, *overrides)
    assert value_at(config, path) == value
    assert config.learner.kl.estimator == "k3"


def test_an_override_may_fill_an_empty_section(tmp_path: Path) -> None:
    config = read(tmp_path, "learner:\n  # lr: 1e-5\n", "learner.kl.coef=0.5")
    assert config.learner.kl.coef == 0.5


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("train.steps", "write it as key.path=value"),
        ("=5", "write it as key.path=value"),
        ("train..steps=5", "write it as key.path=value"),
        ("seed.x=5", "override 'seed.x=5': seed is a value"),
        ("train.steps=[1", "override 'train.steps=[1' line 1, column 3"),
        ("train.stepz=5", "unknown key train.stepz; did you mean train.steps?"),
        ("train.steps=many", "train.steps: input should be a valid integer"),
    ],
)
def test_a_wrong_override_is_named(override: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "seed: 1", override)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("number", ["1e-6", "1.0e-6", "1E-6", "0.000001", "1.e-6"])
def test_small_numbers_may_be_written_in_every_way(number: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"learner: {{lr: {number}}}").learner.lr == 1e-6


def test_every_setting_says_what_it_is() -> None:
    described = describe_fields()
    assert len(described) > 60
    assert [path for path, text in described.items() if len(text) < 10] == []
    assert set(described) < set(field_paths())


def test_the_configuration_is_frozen_at_every_level() -> None:
    config = RunConfig()
    for section in [config, config.learner, config.learner.kl]:
        name = next(iter(type(section).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, name, getattr(section, name))
        assert isinstance(section, Section)


@given(
    seed=st.integers(0, 2**32 - 1),
    lr=st.floats(1e-300, 1e3, exclude_min=True),
    texts=st.tuples(*[st.none() | st.text(st.characters(codec="utf-8"), max_size=30)] * 3),
    limit=st.none() | st.integers(1, 10**9),
    size=st.integers(2, 64),
)
def test_what_is_dumped_loads_as_the_same(
    seed: int, lr: float, texts: tuple[str | None, ...], limit: int | None, size: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    config = RunConfig.model_validate(
        {
            "seed": seed,
            "run_dir": "a/b c",
            "learner": {"lr": lr, "kl": {"estimator": "k2"}},
            "data": {"system": texts[0], "template": texts[1], "reference_pattern": texts[2]},
            "sampler": {"give_up_after": limit, "samples_per_prompt": size},
        }
    )
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path) == config
    assert set(yaml.safe_load(dump_config(config))) == set(RunConfig.model_fields)


def test_the_recipes_numbers_are_the_defaults() -> None:
    config = RunConfig()
    assert (config.sampler.prompts_per_step, config.sampler.samples_per_prompt) == (128, 16)
    assert (config.learner.lr, config.learner.warmup_steps) == (5e-7, 20)
    assert (config.learner.mini_batch_size, config.learner.estimator) == (128, "reinforce++")
    assert SamplerConfig(samples_per_prompt=1, filter="none").samples_per_prompt == 1
