"""Adapters and optimizers: short runs whose engines have to hold what the learner does.

A 4-bit base (QLoRA) and bf16 in vLLM's own adapters can be shown on a GPU alone. Rates are high, so
that an engine without its update would be seen: how far a run has moved the policy is a row too.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.gpu.row import Row, at_least, at_most, holds, skipped

CONFIG = Path(__file__).parents[2] / "launch" / "configs" / "quickstart.yaml"
SHORT = (
    "train.steps=2", "train.eval_every=0", "data.eval_size=8", "learner.warmup_steps=0",
    "model.warm_start_accuracy=0.15", "sampler.prompts_per_step=8", "sampler.filter=none",
    "sync.canary.stop=10", "learner.lr=1e-2",
)  # fmt: skip
RUNS = {
    "adapters alone": ("learner.lora.rank=8", "learner.lora.sync=adapter"),
    "adapters merged": ("learner.lora.rank=8", "learner.lora.sync=merge"),
    "a 4-bit base": ("learner.lora.rank=8", "learner.lora.quantize=nf4"),
    "muon": ("learner.optimizer=muon", "learner.muon_lr=1e-2", "learner.ema=0.9"),
    "offloaded ZeRO-3": (
        "learner.zero_stage=3", "learner.param_offload=true", "learner.optimizer_offload=true",
    ),
}  # fmt: skip
LIMIT = 0.05  # nats a token, bf16's rounding and other kernels
MOVED = 4 * LIMIT
"""Nats a token, at least, between the policy at the start and at the end."""


def check(device: str) -> list[Row]:
    """Some rows for each run."""
    rows = []
    for name, settings in RUNS.items():
        if device == "cpu" and "nf4" in settings[-1]:
            rows.append(skipped(name, "4-bit weights need a GPU host's bitsandbytes"))
            continue
        with TemporaryDirectory() as folder:
            rows += _run(name, Path(folder) / "run", settings)
    return rows


def _run(name: str, run_dir: Path, settings: tuple[str, ...]) -> list[Row]:
    command = [sys.executable, "-m", "launch.cli", "train", str(CONFIG), f"run_dir={run_dir}"]
    done = subprocess.run(
        [*command, *SHORT, *settings], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["nothing"]
        return [holds(f"{name}: run", said[-1][:200], is_so=False, wanted="two steps")]
    lines = (run_dir / "metrics.jsonl").read_text("utf-8").splitlines()
    steps = [row for row in map(json.loads, lines) if row["step"] > 0]
    return [
        at_least(f"{name}: moved", _moved(run_dir), MOVED, "nats"),
        at_most(f"{name}: canary", _largest(steps, "canary_gap"), LIMIT, "nats"),
        at_most(f"{name}: sampled", _largest(steps, "rollout_logprob_gap"), LIMIT, "nats"),
    ]


def _largest(steps: list[dict[str, Any]], key: str) -> float:
    """The largest of both steps; a number that is not there is infinite."""
    found = [row.get(key) for row in steps]
    return max((float("inf") if one is None else float(one) for one in found), default=float("inf"))


def _moved(run_dir: Path) -> float:
    """Mean difference of logprobs of a fixed text before the run and after it."""
    import torch
    from transformers import AutoModelForCausalLM

    ids = torch.arange(8, 72)[None]
    found = []
    for name in ("start_model", "model"):
        model = AutoModelForCausalLM.from_pretrained(run_dir / name, dtype=torch.float32)
        with torch.no_grad():
            logprobs = model(ids).logits[:, :-1].log_softmax(-1)
        found.append(logprobs.gather(-1, ids[:, 1:, None]))
    return float((found[0] - found[1]).abs().mean())
