"""`plumb train CONFIG --plan`: what a run will take, printed; what cannot fit is refused."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from launch.train.plan_words import as_object, show
from rl.config import RunConfig
from rl.config_file import load_config
from rl.errors import ClusterError, ConfigError, PlanError
from rl.placement import Node, place
from rl.plan.fitting import engine_remedy, learner_remedy, told
from rl.plan.hardware import Gpu, cpu_host, gpu_of
from rl.plan.plan import Plan, host_memory, host_room, plan_of
from rl.plan.settings import context_of
from rl.plan.shape import shape_of
from rl.plan.times import Assumed, assumed_of

MOST_NODES = 256
GPUS_A_NODE = 8


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of hardware and of what is assumed; None: it does not."""

    hardware: str | None = None
    nodes: int | None = None
    gpus: int | None = None
    prompt_tokens: float | None = None
    response_tokens: float | None = None
    acceptance: float | None = None


def plan(
    config_path: Path,
    overrides: Sequence[str],
    given: Given,
    *,
    as_json: bool,
    say: Callable[[str], None],
) -> None:
    """Print a run's plan.

    Raises:
        PlanError: it cannot fit; says what would.
        PlumbError: settings, model or hardware are not understood.
    """
    config = load_config(config_path, overrides, say=say if not as_json else _unsaid)
    if given.acceptance is not None and not 0 < given.acceptance <= 1:
        raise ConfigError(f"--acceptance {given.acceptance:g} must be above 0 and at most 1")
    shape = shape_of(config.model.path)
    gpu, found = hardware_of(given)
    nodes = nodes_of(config, gpu, given, found)
    assumed = assumed_of(config, given.prompt_tokens, given.response_tokens, given.acceptance)
    made = plan_of(config, shape, gpu, nodes, assumed)
    if as_json:
        import json

        say(json.dumps(as_object(made, assumed), indent=1))
    else:
        show(config, made, assumed)
    if made.lacks:
        raise PlanError("; ".join([*made.lacks, *remedies(config, made, assumed)]))


def hardware_of(given: Given) -> tuple[Gpu, int]:
    """The hardware that is named, or that this machine has; and how many GPUs the machine has."""
    if given.hardware is not None and given.hardware != "cpu":
        return gpu_of(given.hardware), 0
    names = [] if given.hardware == "cpu" else _local_gpus()
    if names:
        return gpu_of(names[0]), len(names)
    if given.nodes or given.gpus:
        raise ConfigError("--nodes and --gpus are of GPUs: name them, as --hardware h100-80gb")
    cores = len(os.sched_getaffinity(0))
    return cpu_host(cores, float(psutil.virtual_memory().total)), 0


def nodes_of(config: RunConfig, gpu: Gpu, given: Given, found: int) -> list[Node]:
    """The nodes that are named, or as few as the run has room on."""
    if not gpu.is_gpu:
        return [Node("this host")]
    each = given.gpus or found or GPUS_A_NODE
    if given.nodes or found:
        return _nodes(given.nodes or 1, each)
    for number in range(1, MOST_NODES + 1):
        try:
            place(config, _nodes(number, each))
        except ClusterError:
            continue
        return _nodes(number, each)
    return _nodes(MOST_NODES, each)


def remedies(config: RunConfig, made: Plan, assumed: Assumed) -> Iterator[str]:
    """What would make it fit, as settings."""
    shape, gpu, placement = made.shape, made.gpu, made.placement
    needed = host_memory(made.rank, placement)
    has = host_room(made.rank, made.rank_room, gpu)
    if made.rank.total <= made.rank_room and has < needed <= has + made.rank.saving:
        yield "the host's memory would do with train.checkpoint_async=false"
    elif made.rank.total > made.rank_room or needed > has:
        change = learner_remedy(config, shape, gpu, placement, assumed)
        yield (
            f"the learner would fit with {told(change)}"
            if change
            else (
                "no setting makes the learner fit: take GPUs with more memory, a smaller model, or "
                "adapters (learner.lora.rank=32)"
            )
        )
    if made.engine.holds(context_of(config)) < 1:
        change = engine_remedy(config, shape, gpu, placement)
        yield (
            f"engines would fit with {told(change)}"
            if change
            else (
                "no setting makes an engine fit: take GPUs with more memory, or rollout."
                "pipeline_parallel"
            )
        )


def _nodes(number: int, gpus: int) -> list[Node]:
    return [Node(f"node {i + 1}", gpus) for i in range(number)]


def _local_gpus() -> list[str]:
    """The names of this machine's GPUs, as its driver says them."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    asked = [command, "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in found.stdout.splitlines() if line.strip()]


def _unsaid(line: str) -> None:
    """Where only JSON is read."""
