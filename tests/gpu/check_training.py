"""A whole run of 20 steps: bf16 gap, canary, tokens a second beside bare vLLM, MFU.

A random Qwen3 of 0.5B (on a CPU `builtin:tiny`) is trained by `plumb train`. Its reward is the
parity of an answer's length, which costs nothing to grade. Bare vLLM then answers as many prompts
with as many tokens, through its own `LLM.generate`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from tests.gpu.bare import bare_tokens_per_second
from tests.gpu.machine import gpu_name, peak_flops
from tests.gpu.models import make_model, training_flops
from tests.gpu.row import Row, at_least, at_most, holds, info, skipped

STEPS: Final = 20
SECONDS: Final = 900
WARM: Final = 3  # first steps, which load and compile
SIZES: Final[Mapping[str, Mapping[str, int]]] = {
    "cuda": {"prompts": 32, "samples": 8, "tokens": 512, "micro": 16_384},
    "cpu": {"prompts": 4, "samples": 4, "tokens": 24, "micro": 4096},
}
SHARE_OF_BARE: Final = 0.8
"""Of bare vLLM's tokens a second, while a batch is sampled."""
PARITY: Final = """
from rewards import Sample, Verdict, verifier


@verifier("parity")
def parity(sample: Sample) -> Verdict:
    return Verdict.correct() if len(sample.response) % 2 else Verdict.incorrect()
"""


def check(device: str) -> list[Row]:
    """The run, and bare vLLM after it."""
    with tempfile.TemporaryDirectory(prefix="plumb-training-") as name:
        folder = Path(name)
        model = make_model(device, folder / "model")
        config = _config(device, folder, model)
        done = subprocess.run(
            [sys.executable, "-m", "launch.cli", "train", str(config)],
            stdout=sys.stderr,
            check=False,
            timeout=SECONDS,
        )
        rows = _trained(folder / "run")
        found = [holds("steps", len(rows), done.returncode == 0 and len(rows) == STEPS, f"{STEPS}")]
        if len(rows) <= WARM:
            return found
        found += _health(device, rows)
        found += _speed(device, rows[WARM:], folder, model)
    return found


def _config(device: str, folder: Path, model: Path) -> Path:
    """The run's settings, as a file; with its verifier and its prompts beside it."""
    size = SIZES[device]
    (folder / "parity.py").write_text(PARITY)
    (folder / "data.jsonl").write_text(
        "".join(json.dumps({"prompt": f"say {i}", "reference": ""}) + "\n" for i in range(1000))
    )
    settings: dict[str, Any] = {
        "run_dir": str(folder / "run"),
        "model": {"path": str(model)},
        "data": {"train": str(folder / "data.jsonl"), "eval_size": 0},
        "reward": {"verifier": f"{folder}/parity.py:parity"},
        "sampler": {
            "prompts_per_step": size["prompts"],
            "samples_per_prompt": size["samples"],
            "filter": "none",
        },
        "rollout": {"max_prompt_tokens": 32, "max_response_tokens": size["tokens"]},
        "learner": {
            "mini_batch_size": size["prompts"] * size["samples"],
            "micro_batch_tokens": size["micro"],
            "lr": 1e-6,
        },
        # Random weights end no answer: all are cut.
        "guards": {"truncated": {"warn": None}},
        "train": {"steps": STEPS, "eval_every": 0, "checkpoint_every": 0, "export": False},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _trained(run_dir: Path) -> list[dict[str, Any]]:
    path = run_dir / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [row for row in map(json.loads, lines) if row["step"] > 0]


def _health(device: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Numbers that do not depend on the machine's speed."""
    bf16, limit = ("bf16 ", 0.05) if device == "cuda" else ("", 1e-3)
    known = [row["rollout_logprob_gap"] for row in rows if row["rollout_logprob_gap"] is not None]
    canary = max((row["canary_gap"] for row in rows if row["canary_gap"] is not None), default=9.9)
    finite = all(row["loss"] is not None and row["grad_norm"] is not None for row in rows)
    warned = sorted({guard for row in rows for guard in row["guards"]})
    return [
        holds("losses and gradients", "finite" if finite else "not finite", finite, "finite"),
        at_most(f"{bf16}gap of engine and learner", max(known, default=9.9), limit, "nats a token"),
        at_most("canary", canary, limit, "nats a token"),
        holds("guards", ", ".join(warned) or "silent", not warned, "silent"),
    ]


def _speed(device: str, rows: Sequence[Mapping[str, Any]], folder: Path, model: Path) -> list[Row]:
    """Medians over the steps after the first few."""
    size = SIZES[device]
    sampling = statistics.median(
        row["tokens"]["sampled"] / row["seconds"]["generate"] for row in rows
    )
    learning = statistics.median(row["tokens"]["trained"] / row["seconds"]["learn"] for row in rows)
    step = statistics.median(row["seconds"]["total"] for row in rows)
    bare = bare_tokens_per_second(folder / "config.yaml", device, prompts=size["prompts"])
    share = sampling / bare
    found = [
        info("seconds a step", f"{step:.2f}"),
        info("tokens sampled a second", f"{sampling:,.0f}"),
        info("tokens a second, bare vLLM", f"{bare:,.0f}"),
        info("share of bare vLLM", f"{share:.2f}")
        if device == "cpu"
        else at_least("share of bare vLLM", share, SHARE_OF_BARE),
        info("tokens learnt a second", f"{learning:,.0f}"),
    ]
    peak = peak_flops(gpu_name()) if device == "cuda" else None
    if peak is None:
        return [*found, skipped("MFU of learning", "the peak of this device is not in the table")]
    tokens = 8 + statistics.mean(row["response_tokens_mean"] for row in rows)  # with the prompt
    # One rank has one GPU, which it may share with the engine.
    mfu = learning * training_flops(model, tokens) / peak
    words = f"{mfu:.1%} of {peak / 1e12:.0f} TFLOP/s (bf16, dense)"
    return [*found, info("MFU of learning", words)]
