"""`python -m tests.bench.plan [GPU]`: what training public models takes, on paper, as Markdown.

Each model has the recipe's batch of 128 x 16 answers of up to 30,720 tokens (prompts up to 2,048),
ZeRO 3, gradient checkpointing and `max_lag` 4, on as few learner ranks, at least 8, as hold it with
the settings that `plumb train --plan` would advise, and as many GPUs for engines. Nothing is run.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from rl.config import RunConfig
from rl.placement import Node, place
from rl.plan.fitting import changed, learner_remedy
from rl.plan.hardware import GIB, Gpu, gpu_of
from rl.plan.plan import Plan, plan_of, rollout_memory
from rl.plan.settings import context_of
from rl.plan.shape import Shape, shape_of
from rl.plan.times import Assumed

MODELS = (
    "Qwen3-0.6B", "Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B", "Qwen3-14B", "Qwen3-32B", "Qwen3-30B-A3B",
    "Qwen3-235B-A22B", "TeleChat2.5-35B", "TeleChat2.5-115B",
)  # fmt: skip
RANKS = 8
"""Fewest of a learner: a node."""
CONTEXTS = 8
"""Longest contexts that an engine has to hold at one time."""
ASSUMED = Assumed(prompt_tokens=512, response_tokens=8192, acceptance=0.5)
HEADS = (
    "model", "learner", "weights", "gradients", "optimizer", "activations", "head", "sending",
    "total", "engines", "weights", "KV cache", "contexts of 32k", "GPUs", "step, s", "GPU-hours",
)  # fmt: skip


def main() -> int:
    """Print the table; returns the exit code."""
    gpu = gpu_of(sys.argv[1] if len(sys.argv) > 1 else "h100-80gb")
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(partial(row, gpu=gpu), MODELS))
    print(f"GiB of one {gpu.name} of {gpu.memory / GIB:.1f} GiB:\n")
    for cells in (HEADS, ["---", "---", *["---:"] * (len(HEADS) - 2)], *rows):
        print(f"| {' | '.join(cells)} |")
    print(
        f"\n128 groups of 16 a step, {ASSUMED.acceptance:.0%} accepted; prompts of "
        f"{ASSUMED.prompt_tokens:,.0f} and answers of {ASSUMED.response_tokens:,.0f} tokens on "
        "average, of 32,768 together at most; ZeRO 3, gradient checkpointing, max_lag 4 with "
        "2 batches ahead; offload: learner.optimizer_offload; GPU-hours of 100 steps"
    )
    return 0


def row(model: str, gpu: Gpu) -> list[str]:
    """The cells of a model."""
    shape = shape_of(model)
    config, plan = planned(shape, gpu)
    rank, engine, times = plan.rank, plan.engine, plan.times
    assert times is not None
    learner, workers = config.learner, len(plan.placement.engines[0])
    how = [f"{learner.ranks} ranks"]
    if learner.sequence_parallel > 1:
        how.append(f"{learner.sequence_parallel} a sample")
    if learner.optimizer_offload:
        how.append("offload")
    return [
        f"{model} ({shape.parameters / 1e9:.1f}B)",
        ", ".join(how),
        *(f"{size / GIB:.1f}" for name, size in rank.parts.items() if name != "reference"),
        f"{rank.total / GIB:.1f}",
        f"{config.rollout.engines} of {workers} GPU{'s' if workers > 1 else ''}",
        f"{engine.weights / GIB:.1f}",
        f"{engine.cache / GIB:.1f}",
        f"{engine.holds(context_of(config)):.0f}",
        str(plan.gpus),
        f"{times.step:,.0f}",
        f"{times.gpu_hours * 100 / config.train.steps:,.0f}",
    ]


def planned(shape: Shape, gpu: Gpu) -> tuple[RunConfig, Plan]:
    """The settings that hold a model, and their plan."""
    nodes = [Node(f"node {i + 1}", 8) for i in range(128)]
    config = _base(shape)
    remedy = learner_remedy(config, shape, gpu, place(config, nodes), ASSUMED)
    if remedy is None:
        raise SystemExit(f"bench: {shape.name} does not fit on {gpu.name}")
    config = changed(config, remedy)
    config = next(found for found in _engines(config) if _holds(found, shape, gpu, nodes))
    plan = plan_of(config, shape, gpu, nodes, ASSUMED)
    if plan.lacks:
        raise SystemExit(f"bench: {shape.name}: {'; '.join(plan.lacks)}")
    return config, plan


def _base(shape: Shape) -> RunConfig:
    return RunConfig.model_validate(
        {
            "model": {"path": shape.name},
            "sampler": {"max_lag": 4, "ahead": 2.0},
            "rollout": {"max_prompt_tokens": 2048, "max_response_tokens": 30_720},
            "learner": {"ranks": RANKS, "zero_stage": 3, "gradient_checkpointing": True},
            "placement": {"layout": "apart"},
        }
    )


def _engines(config: RunConfig) -> Iterator[RunConfig]:
    """As many GPUs as the learner has, in engines of ever more of them."""
    for tensor, pipeline in ((1, 1), (2, 1), (4, 1), (8, 1), (8, 2), (8, 4)):
        yield changed(
            config,
            {
                "rollout.tensor_parallel": tensor,
                "rollout.pipeline_parallel": pipeline,
                "rollout.engines": max(1, config.learner.ranks // (tensor * pipeline)),
            },
        )


def _holds(config: RunConfig, shape: Shape, gpu: Gpu, nodes: list[Node]) -> bool:
    engine = rollout_memory(config, shape, gpu, place(config, nodes))
    return engine.holds(context_of(config)) >= CONTEXTS


if __name__ == "__main__":
    sys.exit(main())
