"""A learner's state is copied, written with digests, and loaded by other ranks and ZeRO stages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from launch.models.export import export
from rl.config import RunConfig
from rl.config_file import dump_config
from rl.errors import CheckpointError, ConfigError, LearnerError, StorageError
from rl.learn.host_copy import HostCopies
from rl.learn.saving import LearnerState, _random_states, _set_random_states
from rl.learn.shards import Layout, Shards
from rl.manifest import manifest_of
from rl.models.trained import Trained
from tests.rl.reshape_process import LAYOUTS, PAIRS, RANKS, STAGES

REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("reshape_process.py")


def test_a_copy_does_not_change_with_what_it_was_taken_of() -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    state: dict[str, Any] = {
        "weights": {"a": weight, "tied": weight, "row": weight[0]},
        "groups": [{"lr": 0.1, "steps": (torch.tensor(3.0), 4)}],
        "nothing": torch.empty(0),
    }
    taken = HostCopies().take(state)
    weight.zero_()
    state["groups"][0]["lr"] = 0.2
    state["groups"][0]["steps"][0].add_(1)
    assert taken["weights"]["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert taken["weights"]["tied"] is taken["weights"]["a"], "what is one tensor stays one"
    assert taken["weights"]["row"].tolist() == [0, 1, 2]
    assert taken["groups"] == [{"lr": 0.1, "steps": (torch.tensor(3.0), 4)}]
    assert taken["nothing"].numel() == 0


def test_room_is_used_again() -> None:
    copies = HostCopies()
    first = copies.take({"a": torch.ones(1000), "b": torch.ones(10)})
    places = [tensor.data_ptr() for tensor in first.values()]
    second = copies.take({"a": torch.zeros(1000), "b": torch.zeros(10)})
    assert [tensor.data_ptr() for tensor in second.values()] == places
    assert second["a"].sum() == 0
    third = copies.take({"a": torch.zeros(7), "b": torch.zeros(10, dtype=torch.bfloat16)})
    assert third["a"].shape == (7,) and third["b"].dtype == torch.bfloat16


def noted(state: Any) -> LearnerState:
    """A rank that has noted something."""
    found = LearnerState(None, rank=0, layout=Layout(1, 1, "fp32"))
    found._noted = state
    return found


def test_digests_are_those_of_the_files(tmp_path: Path) -> None:
    state = {"rng_0.pt": torch.arange(100), "state/model.pt": {"a": torch.ones(5000), "b": [1]}}
    files = noted(state).write(tmp_path)
    assert files == manifest_of(tmp_path)
    loaded = torch.load(tmp_path / "state" / "model.pt", weights_only=True)
    assert torch.equal(loaded["a"], torch.ones(5000)) and loaded["b"] == [1]


def test_a_full_disk_is_one_line(tiny_disk: Path) -> None:
    with pytest.raises(StorageError, match=r"^cannot write [^\n]*: the disk is full: free some"):
        noted({"state/model.pt": {"a": torch.ones(200_000)}}).write(tiny_disk)


def test_what_was_not_noted_cannot_be_written(tmp_path: Path) -> None:
    rank = noted({"a.pt": 1})
    rank.write(tmp_path)
    with pytest.raises(LearnerError, match="none was noted"):
        rank.write(tmp_path)


def test_what_a_gpu_draws_goes_on_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The dropout of adapters, for one."""
    gpu = [torch.arange(16, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: gpu[-1])
    monkeypatch.setattr(torch.cuda, "set_rng_state", gpu.append)
    noted(dict(_random_states(1))).write(tmp_path)
    drawn = torch.rand(3)
    gpu.append(torch.zeros(16, dtype=torch.uint8))
    _set_random_states(tmp_path, 1)
    assert gpu[-1].tolist() == list(range(16)) and torch.equal(torch.rand(3), drawn)
    _set_random_states(tmp_path, 2)
    assert len(gpu) == 3, "a rank that saved nothing draws as it would"


def test_every_pair_of_stages_and_of_numbers_of_ranks_is_tried() -> None:
    assert {(one[1], other[1]) for one, other in PAIRS} == {(a, b) for a in STAGES for b in STAGES}
    assert {(one[0], other[0]) for one, other in PAIRS} == {(a, b) for a in RANKS for b in RANKS}
    assert {place for pair in PAIRS for place in pair} == set(LAYOUTS)


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 whose sizes no number of ranks divides."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from rl.tiny import make_tokenizer, save

    folder = tmp_path_factory.mktemp("small")
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=18,
        intermediate_size=23,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=6,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    save(Qwen3ForCausalLM(config), tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def layouts(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each layout, such as `2x3`, and what came of each pair of them."""
    folder = tmp_path_factory.mktemp("layouts")
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "DS_ACCELERATOR": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(small_model), str(folder), "fp32"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def reshaped(layouts: Path) -> list[dict[str, Any]]:
    """What came of each pair of layouts."""
    results: list[dict[str, Any]] = json.loads((layouts / "results.json").read_text())
    return results


@pytest.mark.slow
@pytest.mark.timeout(1100)
def test_any_layout_goes_on_from_any_other(reshaped: list[dict[str, Any]]) -> None:
    assert len(reshaped) == len(PAIRS)
    for one in reshaped:
        what = f"{one['from']} by {one['by']}"
        loaded, after = one["loaded"], one["after"]
        assert loaded["size"] > 5000 and loaded["steps"] and after["steps"], what
        for key in ("fp32", "exp_avg", "exp_avg_sq"):
            assert loaded[key] == 0, f"{what}: what is loaded is what was saved, to the last bit"
            # Gradients are added up in another order; AdamW makes a step of up to the learning
            # rate, 0.01, of the rounding of one that is near zero.
            assert after[f"{key} mean"] < 1e-6 and after[key] < 1e-3, what
        assert one["lr"], what
        assert one["left"] == [], "the universal checkpoint is gone"


@pytest.mark.slow
@pytest.mark.timeout(1100)
def test_the_same_layout_goes_on_exactly(reshaped: list[dict[str, Any]]) -> None:
    alike = [one for one in reshaped if one["from"] == one["by"] and one["by"][0] == 1]
    alike += [one for one in reshaped if one["from"] == one["by"] == [2, 0]]
    assert alike
    for one in alike:
        assert [one["after"][key] for key in ("fp32", "exp_avg", "exp_avg_sq")] == [0, 0, 0], one


def as_a_run(run_dir: Path, model: Path) -> Path:
    """Add what a run writes beside the learner's part of a checkpoint."""
    folder = run_dir / "checkpoints" / "step_000002"
    config = RunConfig.model_validate({"model": {"path": str(model)}})
    (folder / "config.yaml").write_text(dump_config(config))
    (folder / "state.json").write_text("{}")
    row = {"step": 2, "evaluations": {"held_out": {"accuracy": 0.5}}}
    (run_dir / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1100)
@pytest.mark.parametrize("layout", ["1x0", "2x1", "4x2", "4x3"])
def test_the_policy_of_any_layout_is_exported(
    layout: str, layouts: Path, small_model: Path, tmp_path: Path
) -> None:
    folder = as_a_run(layouts / layout, small_model)
    target = tmp_path / "model"
    said: list[str] = []
    options: Any = {"step": None, "best_by": "held_out", "overwrite": False, "say": said.append}
    export(layouts / layout, target, dtype="auto", **options)
    assert said == [f"{target}: the policy after step 2 (held_out 50.0%), in float32"]
    trained = Shards(folder / "learner" / "state")
    model = AutoModelForCausalLM.from_pretrained(target)
    held = dict(model.named_parameters())
    assert held.keys() == trained.shapes.keys()
    for name, weight in held.items():
        assert torch.equal(weight, trained.tensor(name)), name
    assert AutoTokenizer.from_pretrained(target).encode("1+1")
    with pytest.raises(ConfigError, match="is there already: add --overwrite"):
        export(folder, target, dtype="bf16", **options | {"best_by": None})
    export(folder, target, dtype="bf16", **options | {"best_by": None, "overwrite": True})
    half = AutoModelForCausalLM.from_pretrained(target, dtype="auto")
    assert half.dtype == torch.bfloat16
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
@pytest.mark.timeout(1100)
def test_a_bit_that_has_changed_is_noticed(
    layouts: Path, small_model: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(layouts / "2x1", run_dir)
    folder = as_a_run(run_dir, small_model)
    (weights,) = (folder / "learner" / "state").glob("*model_states.pt")
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"is damaged \(learner/state/.*SHA-256 is another"):
        Trained(folder)
