"""`plumb train --plan` prints what a run will take, starts nothing, and refuses what cannot fit."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from launch.cli import app

CONFIG = """
model: {path: Qwen3-8B}
sampler: {prompts_per_step: 16, samples_per_prompt: 4}
rollout: {engines: 4, max_response_tokens: 15360}
learner: {ranks: 4, zero_stage: 3, gradient_checkpointing: true}
train: {steps: 100}
"""


def ran(tmp_path: Path, *arguments: str) -> Any:
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG + f"run_dir: {tmp_path / 'run'}\n")
    return CliRunner().invoke(app, ["train", str(config), *arguments])


def test_a_plan_says_placement_memory_time_and_cost(tmp_path: Path) -> None:
    found = ran(tmp_path, "--plan", "--hardware", "h100")
    assert found.exit_code == 0, found.output
    for words in (
        "Qwen3-8B: 8.2B parameters",
        "apart, 8 h100-80gb",
        "engines of 1 GPU: 4 on node 1",
        "learner ranks: 4 on node 1",
        "optimizer",
        "activations",
        "head",
        "KV cache",
        "contexts of 16,384, the longest",
        "a step takes",
        "GPU-hours",
        "assumed: 512 tokens a prompt, 3,840 an answer, 50% of groups accepted",
    ):
        assert words in found.output, words
    assert not (tmp_path / "run").exists()


def test_a_plan_is_json_too(tmp_path: Path) -> None:
    found = ran(tmp_path, "--plan", "--json", "--hardware", "h200", "--response-tokens", "1000")
    told = json.loads(found.stdout)
    assert told["hardware"]["name"] == "h200-141gb"
    assert told["assumed"]["response_tokens"] == 1000
    rank = told["learner_rank"]
    parts = {*rank} - {"total", "room", "host", "moment"}
    assert rank["total"] == pytest.approx(sum(rank[part] for part in parts))
    assert told["step"]["gpu_hours"] == pytest.approx(told["step"]["step"] * 100 * 8 / 3600)
    assert told["lacks"] == []


def test_what_cannot_fit_is_refused_with_what_would(tmp_path: Path) -> None:
    found = ran(tmp_path, "learner.zero_stage=1", "--plan", "--hardware", "a100-40gb")
    assert found.exit_code == 1
    assert "a learner rank needs" in found.output
    assert "the learner would fit with learner." in found.output


def test_a_host_with_too_little_memory_is_told_what_would_do(tmp_path: Path) -> None:
    small = ["model.path=Qwen3-4B", "learner.ranks=2", "rollout.engines=1"]
    small += ["learner.zero_stage=2", "learner.optimizer_offload=true"]
    small += ["rollout.max_response_tokens=1024", "learner.micro_batch_tokens=2048"]
    found = ran(tmp_path, *small, "--plan", "--hardware", "rtx4090")
    assert found.exit_code == 1
    assert "of its host's memory and has about 60 GiB; the host's memory would do" in found.output
    mended = ran(
        tmp_path, *small, "train.checkpoint_async=false", "--plan", "--hardware", "rtx4090"
    )
    assert mended.exit_code == 0, mended.output
    alone = ran(tmp_path, *small, "learner.ranks=1", "--plan", "--hardware", "rtx4090")
    assert alone.exit_code == 1
    assert "the learner would fit with learner.ranks=" in alone.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plan", "--hardware", "abacus"], "not in the table"),
        (["--plan", "--hardware", "h100", "--nodes", "1", "--gpus", "2"], "the run asks for"),
        (["--plan", "--hardware", "h100", "--acceptance", "2"], "at most 1"),
        (["--plan", "--hardware", "cpu", "--nodes", "2"], "are of GPUs"),
        (["model.path=nobody/nothing", "--plan", "--hardware", "h100"], "not known here"),
        (["--json"], "add --plan"),
        (["--hardware", "h100"], "add --plan"),
    ],
)
def test_a_mistake_ends_in_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    found = ran(tmp_path, *arguments)
    assert found.exit_code in (1, 2)
    assert words in found.output
    assert "Traceback" not in found.output


def test_the_quickstart_can_be_planned_on_a_cpu_host(tmp_path: Path) -> None:
    arguments = ["train", "launch/configs/quickstart.yaml", "--plan", "--hardware", "cpu"]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    assert "this CPU host" in found.output
