"""The chunked head beside whole logits: memory, and time of the head and of an update."""

import torch

from tests.bench.head import DRY, GPU, HEAD_LIMIT, MEMORY_LIMIT, UPDATE_LIMIT, measure
from tests.gpu.row import Row, at_most, info


def check(device: str) -> list[Row]:
    """On a CPU sizes are tiny, and ratios are only told."""
    size = DRY if device == "cpu" else GPU
    with torch.compiler.set_stance("force_eager"):
        found = measure(size, torch.device(device))
    rows = [info(f"peak memory of an update of {size.tokens} tokens", _gib(found.chunked_bytes))]
    named = [
        ("its peak memory over that of whole logits", found.memory, MEMORY_LIMIT),
        ("time of the head over whole logits'", found.head, HEAD_LIMIT),
        (f"time of an update, {found.share:.0%} the head", found.update, UPDATE_LIMIT),
    ]
    for name, ratio, limit in named:
        rows.append(info(name, f"{ratio:.3f}") if size is DRY else at_most(name, ratio, limit))
    return rows


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"
