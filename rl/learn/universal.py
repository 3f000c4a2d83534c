"""A checkpoint in the learner's state, though other ranks or another ZeRO stage wrote it.

At ZeRO 1 to 3 by DeepSpeed's universal checkpoints: a folder in which every parameter and what its
optimizer keeps of it is whole, and of which each rank loads its share. The ranks write that folder
together, straight from the files of the ranks before, and it is gone when all have loaded. Without
ZeRO a rank takes whole tensors as they are. Guarantee: afterwards the state is that of a learner
that has never stopped, up to the order in which gradients are added up.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor

from rl.errors import LearnerError
from rl.learn.shards import MODEL, Layout, Shards
from rl.storage import writing

ADAM: Final = {"exp_avg", "exp_avg_sq"}


def load_universal(engine: Any, folder: Path, layout: Layout, *, rank: int) -> None:
    """Load what another layout wrote; collective.

    Args:
        engine: the policy's DeepSpeed engine.
        folder: DeepSpeed's folder of a checkpoint.
        layout: this learner's.
        rank: which rank this is.

    Raises:
        LearnerError: It holds what cannot be cut anew, or other parameters.
        StorageError: There is no room for the folder beside the checkpoint.
    """
    shards = Shards(folder)
    _check(engine, shards, layout)
    if layout.zero_stage == 0:
        _load_whole(engine, shards)
        return
    place = folder.parents[1]
    target = place.with_name(f".{place.name}.universal")
    try:
        with writing(target):
            _write(engine, shards, target, rank=rank, ranks=layout.ranks, stage=layout.zero_stage)
        dist.barrier()
        _load(engine, target, stage=layout.zero_stage)
        dist.barrier()
    finally:
        if rank == 0:
            shutil.rmtree(target, ignore_errors=True)


def _check(engine: Any, shards: Shards, layout: Layout) -> None:
    names = {name for name, one in engine.module.named_parameters() if one.requires_grad}
    if other := sorted(names ^ shards.shapes.keys()):
        raise LearnerError(
            f"the checkpoint does not hold the parameters of this model: {other[0]} is in one of "
            f"the two only, as are {len(other) - 1} others"
        )
    kept = {key for name in shards.shapes for key in shards.keys(name)}
    if not kept <= ADAM and 3 in (layout.zero_stage, shards.layout.zero_stage):
        raise LearnerError(
            f"the checkpoint of {shards.layout} holds {', '.join(sorted(kept - ADAM))}, which "
            f"{layout} cannot load: set learner.ranks and learner.zero_stage to what they were"
        )


def _write(engine: Any, shards: Shards, target: Path, *, rank: int, ranks: int, stage: int) -> None:
    """Write this rank's share of the universal folder; rank 0 adds what is not of a parameter."""
    for name in sorted(shards.shapes)[rank::ranks]:
        place = target / "zero" / name
        place.mkdir(parents=True, exist_ok=True)
        for key in ("fp32", *shards.keys(name)):
            torch.save({"param": shards.tensor(name, key).clone()}, place / f"{key}.pt")
        if (step := shards.step(name)) is not None:
            torch.save(torch.tensor(step), place / "step.pt")
    if rank == 0:
        left = ("module", "optimizer", "param_shapes", "frozen_param_fragments")
        rest = {key: value for key, value in shards.model.items() if key not in left}
        model = f"zero_pp_rank_0_{MODEL}" if stage == 3 else MODEL
        torch.save(rest | {"module": {}}, target / model)
        torch.save(_common(engine, shards), target / "zero" / "optimizer_state.pt")


def _common(engine: Any, shards: Shards) -> dict[str, Any]:
    """What DeepSpeed looks for beside the parameters: at ZeRO 1 and 2, and at 3."""
    # The settings of the groups stay those of this run, as do their number and order.
    groups = [
        {key: value for key, value in group.items() if key != "params"}
        for group in engine.optimizer.param_groups
    ]
    step = next(iter(_steps(shards).values()), None)
    return {
        "ds_version": shards.model["ds_version"],
        "param_groups": groups,
        "optimizer_state_dict": {
            "state": {0: {"step": None if step is None else torch.tensor(step)}},
            "param_groups": groups,
        },
    }


def _steps(shards: Shards) -> Mapping[str, float]:
    steps = {name: shards.step(name) for name in shards.shapes}
    return {name: step for name, step in steps.items() if step is not None}


def _load(engine: Any, target: Path, *, stage: int) -> None:
    """Load the folder by DeepSpeed, and mend what it leaves undone."""
    settings = engine._config
    settings.load_universal_checkpoint = True
    try:
        engine.load_checkpoint(str(target.parent), tag=target.name)
    finally:
        settings.load_universal_checkpoint = False
    optimizer = engine.optimizer
    # At ZeRO 3 all groups get one and the same counter, which each of them would raise.
    for state in optimizer.optimizer.state.values():
        if isinstance(state.get("step"), Tensor):
            state["step"] = state["step"].clone()
    if stage < 3:
        # At ZeRO 1 and 2 parameters are left bound to a moment in place of their weights.
        optimizer._link_all_hp_params()
        optimizer._hp_optimizer_states_linked = False


def _load_whole(engine: Any, shards: Shards) -> None:
    """Load into an optimizer of whole tensors."""
    optimizer = engine.optimizer
    inner = getattr(optimizer, "optimizer", optimizer)
    masters = getattr(optimizer, "fp32_groups", None)
    names = {parameter: name for name, parameter in engine.module.named_parameters()}
    groups = masters if masters is not None else [group["params"] for group in inner.param_groups]
    weights = getattr(optimizer, "fp16_groups", None) if masters is not None else groups
    assert weights is not None
    for held, own in zip(groups, weights, strict=True):
        for master, parameter in zip(held, own, strict=True):
            name = names[parameter]
            whole = shards.tensor(name)
            master.data.copy_(whole)
            parameter.data.copy_(whole)
            state: dict[str, Any] = {
                key: shards.tensor(name, key).to(master.device, copy=True)
                for key in shards.keys(name)
            }
            if (step := shards.step(name)) is not None:
                state["step"] = torch.tensor(step)
            inner.state[master] = state
    model = shards.model
    engine.global_steps, engine.skipped_steps = model["global_steps"], model["skipped_steps"]
    engine.global_samples = model["global_samples"]
    if engine.lr_scheduler is not None and model["lr_scheduler"] is not None:
        engine.lr_scheduler.load_state_dict(model["lr_scheduler"])
