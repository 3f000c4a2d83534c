"""Engine and learner in turns on one device: a run of two steps, its canary, its memory."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tests.gpu.models import make_model
from tests.gpu.row import Row, at_most, holds, info

GAP = {"cuda": 0.05, "cpu": 1e-3}
"""Nats a token between engine and learner, in bf16 and in float32."""
SECONDS = 900


def check(device: str) -> list[Row]:
    """The whole loop as `plumb train` runs it."""
    with tempfile.TemporaryDirectory(prefix="plumb-colocated-") as place:
        folder = Path(place)
        config = folder / "run.yaml"
        model = make_model(device, folder / "model")
        config.write_text(yaml.safe_dump(_settings(folder, model)))
        command = [sys.executable, "-m", "launch.cli", "train", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode != 0:
            return [holds("a run in turns", done.stderr.strip()[-300:], False, "ends well")]
        text = (folder / "run" / "metrics.jsonl").read_text()
        steps = [json.loads(line) for line in text.splitlines()][1:]
    return _rows(device, steps)


def _rows(device: str, steps: list[dict[str, Any]]) -> list[Row]:
    memory = steps[-1]["memory"]
    gap = max(row["canary_gap"] for row in steps)
    rows = [
        at_most("canary after sleep, update and wake", gap, GAP[device], "nats"),
        *(info(f"memory, {phase}", f"{gib:.2f} GiB") for phase, gib in memory.items()),
        info("sleeping, waking and moving, a step", f"{steps[-1]['turn_seconds']:.2f} s"),
    ]
    if device == "cuda":
        slept = memory["sampling"] - memory["asleep"]
        rows.append(holds("memory that sleep frees", f"{slept:.2f} GiB", slept > 1, "over 1 GiB"))
    return rows


def _settings(folder: Path, model: Path) -> dict[str, Any]:
    return {
        "run_dir": str(folder / "run"),
        "model": {"path": str(model)},
        "data": {"eval_size": 4},
        "sampler": {"prompts_per_step": 4, "samples_per_prompt": 4, "filter": "none"},
        "rollout": {"max_prompt_tokens": 64, "max_response_tokens": 32},
        "learner": {"mini_batch_size": 8, "warmup_steps": 0},
        "placement": {"layout": "colocated", "sleep": True},
        "train": {"steps": 2, "eval_every": 0, "checkpoint_every": 1, "export": False},
    }
