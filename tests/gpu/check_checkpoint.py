"""Checkpoints: what a step waits for, beside the write that it does not wait for."""

import tempfile
from pathlib import Path
from typing import Literal

from tests.bench.checkpoint import costs
from tests.gpu.row import Row, at_most, info

MILLIONS = {"cuda": 500.0, "cpu": 2.0}


def check(device: Literal["cpu", "cuda"]) -> list[Row]:
    """Three checkpoints; the first copy also pins its room."""
    with tempfile.TemporaryDirectory() as place:
        found = list(costs(device, MILLIONS[device], 3, Path(place)))
    first, *later = found
    rows = [
        info("checkpoint, its files", f"{first.nbytes / 1e9:.3g} GB"),
        info("the first copy to host memory", f"{first.copy:.3g} s"),
        info("a later copy", f"{min(one.copy for one in later):.3g} s"),
        info("its write", f"{min(one.write for one in later):.3g} s"),
    ]
    share = min(one.copy / one.write for one in later)
    if device == "cuda":
        return [*rows, at_most("stall of a step, of the write's time", share, 0.1)]
    return [*rows, info("stall of a step, of the write's time", f"{share:.3g}")]
