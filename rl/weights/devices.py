"""How learner and engines name a device to each other."""

import torch


def device_name(device: torch.device) -> str:
    """A GPU by what it is called on every process that sees it, whatever its number there."""
    if device.type != "cuda":
        return device.type
    return f"GPU {torch.cuda.get_device_properties(device).uuid}"
