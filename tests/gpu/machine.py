"""The GPUs of this machine, asked without initialising CUDA in this process."""

import os
import shutil
import subprocess


def gpus() -> int:
    """How many this process may use."""
    visible = _visible()
    return len(_asked("name")) if visible is None else len(visible)


def gpu_name() -> str:
    """The first one's; empty where there is none."""
    return (_asked("name") or [""])[0]


def used_gib() -> float:
    """Memory of the first one that is in use, by anybody, GiB."""
    return float((_asked("memory.used") or ["0"])[0].split()[0]) / 1024


def peak_flops(name: str) -> float | None:
    """Dense bf16 FLOPs a second of a GPU, by the table of plans; None where it is not there."""
    from rl.errors import ConfigError
    from rl.plan.hardware import gpu_of

    try:
        return gpu_of(name).flops
    except ConfigError:
        return None


def _visible() -> list[str] | None:
    """The GPUs that CUDA shows this process, where that is not all of them."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if shown is None else [one.strip() for one in shown.split(",") if one.strip()]


def _asked(what: str) -> list[str]:
    """A line a GPU of what nvidia-smi says."""
    if shutil.which("nvidia-smi") is None:
        return []
    # By index or UUID; of a part of a GPU (MIG) it says nothing.
    chosen = [f"--id={','.join(visible)}"] if (visible := _visible()) else []
    said = subprocess.run(
        ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader", *chosen],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return said.stdout.strip().splitlines() if said.returncode == 0 else []
