"""The GPUs of this machine, asked without initialising CUDA in this process."""

import os
import shutil
import subprocess


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


def peak_flops(name: str) -> float | None:
    """Dense bf16 FLOPs a second of a GPU, by the table of plans; None where it is not there."""
    from rl.errors import ConfigError
    from rl.plan.hardware import gpu_of

    try:
        return gpu_of(name).flops
    except ConfigError:
        return None


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
