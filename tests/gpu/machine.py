"""The GPUs of this machine, asked without initialising CUDA in this process."""

import os
import shutil
import subprocess
from typing import Final


def gpus() -> int:
    """How many this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([one for one in visible.split(",") if one.strip()])
    return len(_asked("name"))


def gpu_name() -> str:
    """The first one's; empty where there is none."""
    return (_asked("name") or [""])[0]


def used_gib() -> float:
    """Memory of the first GPU that is in use, by anybody, GiB."""
    return float((_asked("memory.used") or ["0"])[0].split()[0]) / 1024


PEAK_TFLOPS: Final = {
    "H100": 989, "H200": 989, "B200": 2250, "A100": 312, "L40S": 362, "RTX 4090": 165,
}  # fmt: skip
"""bf16, dense, by the maker's data sheet."""


def peak_flops(name: str) -> float | None:
    """FLOPs a second of a GPU by its name; None where it is not in the table."""
    return next((1e12 * peak for one, peak in PEAK_TFLOPS.items() if one in name), None)


def _asked(what: str) -> list[str]:
    """A line a GPU of what nvidia-smi says."""
    if shutil.which("nvidia-smi") is None:
        return []
    said = subprocess.run(
        ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return said.stdout.strip().splitlines() if said.returncode == 0 else []
