"""How a plan is printed, and as what object JSON has it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from rl.config import RunConfig
from rl.plan.hardware import DECODE_BANDWIDTH, GIB, LINKS, OVERHEAD, PREFILL, UTILISATION
from rl.plan.plan import Plan
from rl.plan.settings import context_of, width_of
from rl.plan.times import Assumed, Times


def show(config: RunConfig, made: Plan, assumed: Assumed) -> None:
    """Print a plan."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(_model_line(config, made))
    for line in _placement_lines(made):
        console.print(line)
    console.print(_memory_table(made))
    for line in _engine_lines(config, made, assumed):
        console.print(line)
    if made.times is not None:
        for line in _time_lines(config, made, made.times):
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
        "step": None if made.times is None else asdict(made.times),
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
        "mean"
    )
    if made.rank.host:
        saving = made.rank.saving
        of_it = f", {_gib(saving)} of it a copy for checkpoints" if saving else ""
        yield f"a learner rank has {_gib(made.rank.host)} GiB in its host's memory{of_it}"
    yield f"a learner rank holds most in {made.rank.moment}"


def _time_lines(config: RunConfig, made: Plan, times: Times) -> Iterator[str]:
    hours = "GPU-hours" if made.gpu.is_gpu else "hours"
    yield (f"an engine decodes {times.slots} answers at once, {times.engine_speed:,.0f} tokens/s")
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


def _billions(number: float) -> str:
    return f"{number / 1e9:.1f}B" if number >= 1e8 else f"{number / 1e6:.1f}M"


def _gib(size: float) -> str:
    return f"{size / GIB:,.1f}" if size >= GIB / 10 else f"{size / GIB:,.3f}"
