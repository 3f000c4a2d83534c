"""Importing `rewards` is cheap and pulls nothing heavy in."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys, time
start = time.process_time()
import rewards, rewards.math, rewards.grading.ray_pool
from rewards import load_verifier
load_verifier("math")
seconds = time.process_time() - start
heavy = ["torch", "ray", "vllm", "deepspeed", "sympy", "math_verify", "transformers", "numpy"]
print(json.dumps([seconds, [name for name in heavy if name in sys.modules]]))
"""


def test_import_is_light() -> None:
    runs = []
    for _ in range(3):
        out = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60
        )
        seconds, heavy = json.loads(out.stdout)
        assert heavy == []
        runs.append(seconds)
    assert min(runs) < 3  # seconds of the processor; heavy ones take more than 5
