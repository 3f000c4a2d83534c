"""Every recipe loads, resolves, fits the GPUs that its forms name, and says how to get its data."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from launch.cli import app
from launch.recipes.catalog import FORMS, RECIPES, Recipe, form_named, recipes, resolved
from launch.train.plan import Given, hardware_of
from rl.config import RunConfig
from rl.config_extends import EXTENDS, extended
from rl.config_file import config_files, load_config
from rl.placement import Node
from rl.plan.plan import plan_of
from rl.plan.shape import shape_of
from rl.plan.times import assumed_of

RUNNER = CliRunner()
ALL = recipes()
PAIRS = [(one, form) for one in ALL for form in one.forms]
HARDWARE = "h100-80gb"
"""What forms are made for: GPUs of 80 GB, 8 a node."""


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The paths of all values."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("recipe", ALL, ids=lambda one: one.name)
def test_a_recipe_loads_and_its_shown_form_is_a_config_of_its_own(
    recipe: Recipe, tmp_path: Path
) -> None:
    config, differing = resolved(recipe, [])
    assert config.run_dir == Path("runs") / recipe.name
    assert len(recipe.title) > 20
    shown = RUNNER.invoke(app, ["recipes", recipe.name])
    assert shown.exit_code == 0, shown.output
    (tmp_path / "shown.yaml").write_text(shown.stdout)
    assert load_config(tmp_path / "shown.yaml") == config
    assert EXTENDS not in differing


@pytest.mark.parametrize(("recipe", "form"), PAIRS, ids=lambda one: getattr(one, "name", one))
def test_a_form_fits_the_gpus_that_it_names(recipe: Recipe, form: str) -> None:
    config = load_config(recipe.path, [str(form_named(recipe, form))])
    number = int(form.partition("gpu")[0])
    gpu, _ = hardware_of(Given(hardware=HARDWARE))
    nodes = [Node(f"node {i}", min(8, number)) for i in range(max(1, number // 8))]
    assumed = assumed_of(config, None, None, None)
    plan = plan_of(config, shape_of(config.model.path), gpu, nodes, assumed, timed=False)
    assert plan.lacks == ()
    assert plan.gpus == number
    assert plan.engine.holds(config.rollout.max_prompt_tokens + 4096) > 1


def test_the_forms_of_a_recipe_take_each_others_place_whole() -> None:
    layout = {form: set(leaves(extended(FORMS / f"{form}.yaml", read)[0])) for form in _forms()}
    common = layout["8gpus"]
    assert all(common <= found for found in layout.values())
    assert all(found == common for form, found in layout.items() if form != "1gpu-lora")


def test_every_model_task_and_form_is_there() -> None:
    names = {one.name for one in ALL}
    sizes, tasks = ("0.6b", "4b", "8b", "32b", "30b-a3b"), ("math", "code", "tools", "mix")
    assert {f"qwen3-{size}-{task}" for size in sizes for task in tasks} <= names
    assert {"t1-35b", "t1-115b", "telechat2.5-35b", "telechat2.5-115b", "quickstart"} <= names
    used = {form for one in ALL for form in one.forms}
    assert used == _forms()


@pytest.mark.parametrize("recipe", [one for one in ALL if one.forms], ids=lambda one: one.name)
def test_the_commands_that_get_the_data_are_commands(recipe: Recipe) -> None:
    config = load_config(recipe.path)
    wanted = {source.file for source in config.data.training.values()}
    wanted |= {one.file for one in config.evaluation.values() if one.file}
    made = set()
    for line in recipe.get:
        words = shlex.split(line)
        assert words[:2] == ["plumb", "data"]
        data = typer.main.get_command(app).commands["data"]  # type: ignore[attr-defined]
        command = data.commands[words[2]]
        context = command.make_context(words[2], words[3:])
        made.add(str(context.params["out"]))
    assert wanted <= made


@pytest.mark.parametrize("name", ["t1-35b", "t1-115b", "telechat2.5-35b", "telechat2.5-115b"])
def test_the_report_s_values_are_there_and_marked_with_their_sections(name: str) -> None:
    config = load_config(RECIPES / f"{name}.yaml")
    sampler, learner = config.sampler, config.learner
    assert (sampler.prompts_per_step, sampler.samples_per_prompt) == (128, 16)
    assert sampler.filter == "correctness"
    assert (learner.estimator, learner.optimizer, learner.lr) == ("reinforce++", "adamw", 5e-7)
    assert (learner.schedule, learner.warmup_steps, learner.mini_batch_size) == (
        "constant",
        20,
        128,
    )
    sets = config.evaluation
    assert set(sets) == {"math500", "bfcl"}
    thinks = name.startswith("t1")
    for one in sets.values():
        said = (one.temperature, one.top_p, one.top_k, one.repetition_penalty, one.max_tokens)
        assert said == ((0.6, 0.95, 50, 1.05, 32768) if thinks else (0.0, 1.0, 0, 1.01, 32768))
    tool = config.reward.routes["tool"].options
    assert (tool["mode"], tool["correct"], tool["incorrect"]) == ("exact", 1, -1)
    for path in config_files(RECIPES / f"{name}.yaml"):
        if path.parent.name == "parts":
            for line in path.read_text().splitlines():
                is_value = ":" in line and not line.startswith("#") and not line.endswith(":")
                if is_value and "template:" not in line and "extends" not in line:
                    assert "# 4.3" in line or "# 7.2" in line or "# ours" in line, line


def test_recipes_are_listed_with_a_line_each() -> None:
    shown = RUNNER.invoke(app, ["recipes"])
    assert shown.exit_code == 0
    for one in ALL:
        assert any(line.startswith(f"{one.name} ") for line in shown.stdout.splitlines())
    told = json.loads(RUNNER.invoke(app, ["recipes", "--json"]).stdout)
    assert [one["name"] for one in told] == [one.name for one in ALL]
    assert all(one["data"] and one["title"] for one in told)


def test_a_form_and_settings_are_laid_over(tmp_path: Path) -> None:
    shown = RUNNER.invoke(
        app, ["recipes", "qwen3-8b-math", "1gpu-lora", "train.steps=7", "--all", "--json"]
    )
    told = json.loads(shown.stdout)
    assert told["settings"]["learner"]["lora"]["rank"] == 32
    assert told["settings"]["train"]["steps"] == 7
    assert set(told["settings"]) == set(RunConfig.model_fields)
    words = shlex.split(told["train"])
    assert words[:2] == ["plumb", "train"]
    trained = RUNNER.invoke(app, [*words[1:], "--show"])
    assert trained.exit_code == 0, trained.output
    assert yaml.safe_load(trained.stdout) == told["settings"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["qwen3-8b-mth"], "did you mean qwen3-8b-math?"),
        (["zzz"], "plumb recipes lists them"),
        (["qwen3-8b-math", "64gpus-huge"], "has no form '64gpus-huge'; it has 1gpu-lora, 8gpus"),
        (["quickstart", "8gpus"], "quickstart has no form '8gpus'; it has none"),
        (["qwen3-8b-math", "train.stepz=1"], "did you mean train.steps?"),
        (["qwen3-8b-math", "none.yaml"], "cannot read the config none.yaml"),
        (["--all"], "--all is of one recipe"),
    ],
)
def test_a_wrong_use_is_one_line(arguments: list[str], complaint: str) -> None:
    result = RUNNER.invoke(app, ["recipes", *arguments])
    assert result.exit_code == 2
    lines = [line for line in result.output.splitlines() if line.startswith("plumb: ")]
    assert len(lines) == 1
    assert complaint in lines[0]


def _forms() -> set[str]:
    return {path.stem for path in FORMS.glob("*.yaml")}
