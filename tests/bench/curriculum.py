"""Adaptive against uniform order: prompts sampled until a target accuracy is reached.

    python -m tests.bench.curriculum --simulate              # seconds: a simulated policy
    python -m tests.bench.curriculum --start START_MODEL     # real runs, about two minutes each

Each seed is run in both orders, from the same start and on the same prompts, few enough that they
come again: before they do, an order has little to go by. Prints, a seed a line, the prompts that
each order needed, by the mean of three evaluations, and then the mean ratio and its spread. A start
model is the folder `start_model` of any run of `builtin:tiny`.
"""

import argparse
import math
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import yaml

from data.adaptive import AdaptiveStream
from data.schema import Answered, ListeningSource, Prompt, PromptSource
from data.stream import PromptStream
from rl.sinks import read_metrics

ORDERS = ("uniform", "adaptive")
BATCH, ANSWERS, SIZE = 32, 8, 600
Point = tuple[float, float]
"""Prompts sampled so far, and the accuracy then."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--start", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("runs/curriculum"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--target", type=float, default=0.85)
    chosen = parser.parse_args()
    if not chosen.simulate and chosen.start is None:
        parser.error("name a start model, or add --simulate")
    ratios = []
    for seed in chosen.seeds:
        needed = {}
        for order in ORDERS:
            curve = (
                simulated(order, seed)
                if chosen.simulate
                else trained(order, seed, chosen.start, chosen.folder, chosen.steps)
            )
            needed[order] = reached(smoothed(curve), chosen.target)
        ratios.append(needed["adaptive"] / needed["uniform"])
        print(
            f"seed {seed}: uniform {needed['uniform']:.0f}, adaptive {needed['adaptive']:.0f} "
            f"prompts to {chosen.target:.0%}, ratio {ratios[-1]:.2f}",
            flush=True,
        )
    known = [ratio for ratio in ratios if math.isfinite(ratio)]
    if known:
        print(
            f"adaptive needs {statistics.fmean(known):.2f} of uniform's prompts, "
            f"{min(known):.2f} to {max(known):.2f} over {len(known)} of {len(ratios)} seeds"
        )
    else:
        print("the target was not reached: lower --target, or raise --steps")


def smoothed(curve: Sequence[Point]) -> list[Point]:
    """Each accuracy as the mean with the two before it, so that one lucky evaluation is none."""
    return [
        (prompts, statistics.fmean(accuracy for _, accuracy in curve[max(0, at - 2) : at + 1]))
        for at, (prompts, _) in enumerate(curve)
    ]


def reached(curve: Sequence[Point], target: float) -> float:
    """Prompts at which the accuracy first was `target`, by linear interpolation; inf: never."""
    for (before, low), (after, high) in pairwise(curve):
        if low < target <= high:
            return before + (after - before) * (target - low) / (high - low)
    return curve[0][0] if curve and curve[0][1] >= target else math.inf


def trained(order: str, seed: int, start: Path, folder: Path, steps: int) -> list[Point]:
    """The curve of a real run."""
    run_dir = folder / f"{order}_{seed}"
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir(parents=True)
    shutil.copytree(start, run_dir / "start_model")
    settings = {
        "run_dir": str(run_dir),
        "seed": seed,
        "data": {
            "train": f"builtin:arithmetic?max=99&count={SIZE}",
            "eval": "builtin:arithmetic?max=99&count=256&seed=1000",
            "order": order,
        },
        "sampler": {"prompts_per_step": BATCH, "samples_per_prompt": ANSWERS},
        "rollout": {"max_prompt_tokens": 64, "max_response_tokens": 32},
        "learner": {
            "estimator": "reinforce++-baseline",
            "lr": 3e-4,
            "warmup_steps": 5,
            "mini_batch_size": 64,
            "micro_batch_tokens": 4096,
        },
        "train": {"steps": steps, "eval_every": 2, "checkpoint_every": 0, "export": False},
    }
    config = run_dir / "bench.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "launch.cli", "train", str(config)], check=True)
    curve, prompts = [], 0.0
    for row in read_metrics(run_dir / "metrics.jsonl"):
        prompts += row.get("groups_sampled") or 0
        if row.get("eval_accuracy") is not None:
            curve.append((prompts, row["eval_accuracy"]))
    return curve


def simulated(order: str, seed: int, batches: int = 200) -> list[Point]:
    """The curve of a policy whose skill grows by what its groups teach, and whose prompts differ.

    The logit of its pass rate on a prompt is its skill less the prompt's difficulty. A group of
    which a share p is right adds p(1 - p) to the skill and, more, to the prompt itself.
    """
    draw = random.Random(seed)
    prompts = [Prompt(f"p{at}", ({"role": "user", "content": f"{at}"},)) for at in range(SIZE)]
    difficulty = {prompt.id: draw.gauss(1.5, 2.0) for prompt in prompts}
    source: PromptSource = (
        AdaptiveStream(prompts, seed=seed, epochs=None)
        if order == "adaptive"
        else PromptStream(prompts, seed=seed, epochs=None)
    )
    skill, sampled, curve = 0.0, 0, []
    for _ in range(batches):
        rates = {name: 1 / (1 + math.exp(hard - skill)) for name, hard in difficulty.items()}
        curve.append((float(sampled), statistics.fmean(rates.values())))
        answered: list[Answered] = []
        accepted: list[Answered] = []
        while len(accepted) < BATCH and len(answered) < 20 * BATCH:
            prompt = source.next()
            assert prompt is not None
            right = sum(draw.random() < rates[prompt.id] for _ in range(ANSWERS))
            answered.append(Answered(prompt.id, ANSWERS, right))
            accepted += answered[-1:] if 0 < right < ANSWERS else []
        sampled += len(answered)
        for one in accepted:
            p = one.correct / one.graded
            skill += 0.01 * p * (1 - p)
            difficulty[one.prompt] -= 0.5 * p * (1 - p)
        if isinstance(source, ListeningSource):
            source.note(answered)
    return curve


if __name__ == "__main__":
    main()
