"""`plumb train CONFIG --plan`: what a run will take, printed; what cannot fit is refused."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from rl.config import RunConfig
from rl.config_file import load_config
from rl.errors import ClusterError, ConfigError, PlanError
from rl.placement import Node, place
from rl.plan.fitting import engine_remedy, learner_remedy, told
from rl.plan.hardware import (
    DECODE_BANDWIDTH,
    GIB,
    LINKS,
    OVERHEAD,
    PREFILL,
    UTILISATION,
    Gpu,
    cpu_host,
    gpu_of,
)
from rl.plan.plan import Plan, plan_of
from rl.plan.settings import context_of, width_of
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
    if made.rank.total > made.rank_room:
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


def show(config: RunConfig, made: Plan, assumed: Assumed) -> None:
    """Print a plan."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_model_line(config, made))
    for line in _placement_lines(made):
        console.print(line)
    console.print(_memory_table(made))
    for line in (*_engine_lines(config, made, assumed), *_time_lines(config, made)):
        console.print(line)
    for line in _assumption_lines(made, assumed):
        console.print(line)


def as_object(made: Plan, assumed: Assumed) -> Mapping[str, Any]:
    """A plan as JSON has it: bytes, seconds, tokens."""
    placement = made.placement
    return {
        "model": asdict(made.shape)
        | {
            "parameters": made.shape.parameters,
            "active_parameters": made.shape.active_parameters,
        },
        "hardware": asdict(made.gpu),
        "placement": {
            "layout": placement.layout,
            "sleeps": placement.sleeps,
            "engines": [
                [placement.slots[slot].node for slot in engine] for engine in placement.engines
            ],
            "ranks": [placement.slots[slot].node for slot in placement.ranks],
        },
        "learner_rank": {
            **made.rank.parts,
            "total": made.rank.total,
            "room": made.rank_room,
            "host": made.rank.host,
            "moment": made.rank.moment,
        },
        "engine": {**made.engine.parts, "room": made.engine.given, "tokens": made.engine.tokens},
        "step": asdict(made.times),
        "assumed": asdict(assumed),
        "lacks": made.lacks,
    }


def _model_line(config: RunConfig, made: Plan) -> str:
    shape, width = made.shape, width_of(config, made.gpu)
    active = f" ({_billions(shape.active_parameters)} active)" if shape.experts else ""
    return (
        f"{shape.name}: {_billions(shape.parameters)} parameters{active}, {shape.layers} layers, "
        f"{'bf16' if width == 2 else 'fp32'}, "
        f"{shape.kv_bytes(width) / 2**10:,.0f} KiB of KV cache a token"
    )


def _placement_lines(made: Plan) -> Iterator[str]:
    placement, gpu = made.placement, made.gpu
    sleeps = ", in turns" if placement.sleeps else ""
    kind = f"{made.gpus} {gpu.name}" if gpu.is_gpu else "this CPU host"
    yield f"placement: {placement.layout}{sleeps}, {kind}"
    workers = len(placement.engines[0])
    on = Counter(
        "+".join(placement.engine_nodes(engine)) for engine in range(len(placement.engines))
    )
    told_engines = ", ".join(f"{number} on {node}" for node, number in on.items())
    size = f" of {workers} GPU{'s' if workers > 1 else ''}" if gpu.is_gpu else ""
    yield f"engines{size}: {told_engines}"
    ranks = Counter(placement.rank_node(rank) for rank in range(len(placement.ranks)))
    yield "learner ranks: " + ", ".join(f"{number} on {node}" for node, number in ranks.items())


def _memory_table(made: Plan) -> Table:
    table = Table(title="Memory of a GPU, GiB" if made.gpu.is_gpu else "Memory of a process, GiB")
    for head in ("learner rank", "", "engine", ""):
        table.add_column(head, justify="right" if not head else "left")
    left = [(name, size) for name, size in made.rank.parts.items() if size]
    right = list(made.engine.parts.items())
    for i in range(max(len(left), len(right))):
        cells = []
        for side in (left, right):
            cells += [side[i][0], _gib(side[i][1])] if i < len(side) else ["", ""]
        table.add_row(*cells)
    table.add_section()
    engine = sum(made.engine.parts.values())
    table.add_row("total", _gib(made.rank.total), "total", _gib(engine))
    table.add_row("has", _gib(made.rank_room), "may take", _gib(made.engine.given))
    return table


def _engine_lines(config: RunConfig, made: Plan, assumed: Assumed) -> Iterator[str]:
    engine, longest = made.engine, context_of(config)
    mean = assumed.prompt_tokens + assumed.response_tokens
    yield (
        f"an engine's KV cache holds {engine.tokens:,.0f} tokens: {engine.holds(longest):,.0f} "
        f"contexts of {longest:,}, the longest, or {engine.holds(mean):,.0f} of {mean:,.0f}, the "
        f"mean; it decodes {made.times.slots} at once, {made.times.engine_speed:,.0f} tokens/s"
    )
    if made.rank.host:
        yield f"a learner rank has {_gib(made.rank.host)} GiB in its host's memory"
    yield f"a learner rank holds most in {made.rank.moment}"


def _time_lines(config: RunConfig, made: Plan) -> Iterator[str]:
    times, hours = made.times, "GPU-hours" if made.gpu.is_gpu else "hours"
    yield (
        f"a step takes {times.step:,.0f} s: sampling {times.generate:,.0f} s at full load, "
        f"learning {times.learn:,.0f} s ({times.flops:.2g} FLOP), a weight update "
        f"{times.sync:,.1f} s; the learner waits {times.waited:,.0f} s; mean lag {times.lag:.1f}"
    )
    yield (
        f"tokens a step: {times.sampled:,.0f} sampled, {times.trained:,.0f} trained on; "
        f"{config.train.steps} steps: {times.sampled * config.train.steps:,.0f} tokens, "
        f"{times.step * config.train.steps / 3600:,.1f} h, {times.gpu_hours:,.0f} {hours}"
    )
    yield (
        f"for plumb data forecast: --gpus {made.gpus} --engines {len(made.placement.engines)} "
        f"--tokens-per-second {times.engine_speed:.0f} --learner-tokens-per-second "
        f"{times.trained / times.learn:.0f}"
    )


def _assumption_lines(made: Plan, assumed: Assumed) -> Iterator[str]:
    yield (
        f"assumed: {assumed.prompt_tokens:,.0f} tokens a prompt, {assumed.response_tokens:,.0f} an "
        f"answer, {assumed.acceptance:.0%} of groups accepted; {UTILISATION:.0%} of the GPUs' "
        f"FLOPs in learning, {PREFILL:.0%} in prefilling, {DECODE_BANDWIDTH:.0%} of their "
        f"bandwidth in decoding, {LINKS:.0%} of links; {OVERHEAD / GIB:g} GiB of a GPU beside what "
        "is counted; evaluations and grading take no time of their own"
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


def _billions(number: float) -> str:
    return f"{number / 1e9:.1f}B" if number >= 1e8 else f"{number / 1e6:.1f}M"


def _gib(size: float) -> str:
    return f"{size / GIB:,.1f}" if size >= GIB / 10 else f"{size / GIB:,.3f}"


def _unsaid(line: str) -> None:
    """Where only JSON is read."""
