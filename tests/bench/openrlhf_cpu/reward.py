"""The reward of OpenRLHF's run: free, and not the same for a whole group."""

import zlib
from typing import Any

import torch


def reward_func(
    queries: list[str], prompts: list[str], labels: list[str], **options: Any
) -> dict[str, Any]:
    """A coin a query, drawn from its text."""
    rewards = torch.tensor([float(zlib.crc32(query.encode()) % 2) for query in queries])
    return {"rewards": rewards, "scores": rewards, "extra_logs": {}}
