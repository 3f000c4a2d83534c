"""What an engine has of the machines that it is on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seat:
    """An engine's part of its GPUs, if it has any."""

    gpu: float = 0.0
    """How much of each of its GPUs; 0 on CPU hosts."""
    sleeps: bool = False
    """Whether it gives its memory up while the policy learns."""
    over_nodes: bool = False
    """Whether its workers are on several nodes."""
