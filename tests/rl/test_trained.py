"""What a checkpoint holds beside parameters is in the model that is made of it."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from launch.models.export import export
from launch.models.merge import Recipe, merge
from rl.learn.shards import MODEL, NAMES
from rl.models.files import ModelFolder
from tests.rl.test_weight_sync import small


def saved(run_dir: Path, network: Any, stage: int) -> Path:
    """A checkpoint of one rank, as DeepSpeed writes it."""
    network.save_pretrained(run_dir / "begin")
    folder = run_dir / "checkpoints" / "step_000004"
    state = folder / "learner" / "state"
    state.mkdir(parents=True)
    weights = {name: one.detach() for name, one in network.named_parameters()}
    if stage == 0:
        whole = {"module": network.state_dict(), "optimizer": {}, "dp_world_size": 1}
        torch.save(whole, state / MODEL)
        torch.save(list(weights), state.parent / NAMES)
    else:
        buffers = {n: one for n, one in network.state_dict().items() if n not in weights}
        model = {
            "module": buffers | {name: torch.empty(0) for name in weights},
            "buffer_names": list(buffers),
            "param_shapes": [{name: one.shape for name, one in weights.items()}],
        }
        torch.save(model, state / f"zero_pp_rank_0_{MODEL}")
        flat = torch.cat([one.flatten() for one in weights.values()])
        held = {"zero_stage": 3, "fp32_flat_groups": [flat], "optimizer_state_dict": {"state": {}}}
        path = state / "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"
        torch.save({"optimizer_state_dict": held}, path)
    settings = {"model": {"path": str(run_dir / "begin")}, "learner": {}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "state.json").write_text("{}")
    return folder


@pytest.mark.parametrize("stage", [0, 3])
def test_an_export_routes_tokens_as_the_policy_did(stage: int, tmp_path: Path) -> None:
    """By biases that are no parameters, and that bf16 would make alike."""
    from transformers import AutoModelForCausalLM

    network = small("routed")
    checkpoint = saved(tmp_path, network, stage)
    out = tmp_path / "out"
    options: Any = {"step": None, "best_by": None, "overwrite": False, "say": lambda line: None}
    export(checkpoint, out, dtype="bf16", **options)
    written = load_file(out / "model.safetensors")
    assert written.keys() == load_file(tmp_path / "begin" / "model.safetensors").keys()
    biases = {name: one for name, one in network.named_buffers() if "correction" in name}
    assert biases
    for name, bias in biases.items():
        assert torch.equal(written[name], bias)
    assert {one.dtype for name, one in written.items() if name not in biases} == {torch.bfloat16}
    again = AutoModelForCausalLM.from_pretrained(out)
    for name, bias in biases.items():
        assert torch.equal(again.get_buffer(name), bias)
    assert ModelFolder(out).dtype == torch.bfloat16
    recipe = Recipe("average", None, None, None)
    merge(
        tmp_path / "mean", [out, checkpoint], recipe,
        last=5, dtype="auto", overwrite=False, say=lambda line: None,
    )  # fmt: skip
    mean = load_file(tmp_path / "mean" / "model.safetensors")
    assert all(torch.equal(mean[name], bias) for name, bias in biases.items())
    assert {name: one.dtype for name, one in mean.items()} == {
        name: one.dtype for name, one in written.items()
    }
