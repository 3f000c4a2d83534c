"""What GPUs are capable of, from their makers' data sheets, and the share of it that is assumed.

Rates are dense (no sparsity), bf16 with float32 sums. Links are one GPU's, one way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rl.errors import ConfigError

GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Gpu:
    """A kind of GPU, or a CPU host in its place.

    Attributes:
        name: what it is called.
        memory: bytes that a process can have, as torch says them.
        flops: bf16 FLOP a second.
        bandwidth: bytes a second of its memory.
        link: bytes a second to another GPU of the node.
        network: bytes a second to another node, of the node's network by its GPUs.
        host: bytes of the host's memory by its GPUs.
        is_gpu: False for a CPU host.
    """

    name: str
    memory: float
    flops: float
    bandwidth: float
    link: float
    network: float
    host: float
    is_gpu: bool = True


def _gpu(
    name: str, gib: float, tflops: float, bandwidth: float, link: float, network: float, host: float
) -> Gpu:
    """In GiB, TFLOP/s, GB/s, GB/s, Gbit/s and GiB."""
    return Gpu(
        name, gib * GIB, tflops * 1e12, bandwidth * 1e9, link * 1e9, network * 1e9 / 8, host * GIB
    )


GPUS: Final[Mapping[str, Gpu]] = {
    one.name: one
    for one in (
        _gpu("a100-40gb", 39.4, 312, 1555, 300, 200, 120),
        _gpu("a100-80gb", 79.2, 312, 2039, 300, 200, 240),
        _gpu("h100-80gb", 79.1, 989, 3350, 450, 400, 240),
        _gpu("h20-96gb", 95.1, 148, 4000, 450, 400, 240),
        _gpu("h200-141gb", 139.7, 989, 4800, 450, 400, 240),
        _gpu("b200-180gb", 178.3, 2250, 8000, 900, 400, 440),
        _gpu("l40s-48gb", 44.4, 362, 864, 32, 100, 120),
        _gpu("rtx4090-24gb", 23.5, 165, 1008, 32, 25, 60),
    )
}
"""By name. L40S and RTX 4090 have no NVLink: PCIe 4.0 x16."""

UTILISATION: Final = 0.4
"""Share of a GPU's FLOPs that learning reaches (MFU)."""
PREFILL: Final = 0.5
"""Share of a GPU's FLOPs that prefilling reaches."""
DECODE_BANDWIDTH: Final = 0.7
"""Share of a GPU's memory bandwidth that decoding reaches."""
DECODE_STEP: Final = 0.003
"""Seconds of a decoding step beside reading and multiplying: launches, sampling, scheduling."""
LINKS: Final = 0.7
"""Share of links and networks that is reached."""
PCIE: Final = 25e9
"""Bytes a second between a GPU and its host."""
OVERHEAD: Final = 2.0 * GIB
"""Bytes of a GPU beside what a plan counts: CUDA, NCCL, graphs, and what fragments."""


def gpu_of(name: str) -> Gpu:
    """By name, or by what CUDA or Ray call it, such as `NVIDIA H100 80GB HBM3`.

    Raises:
        ConfigError: it is not in the table.
    """
    plain = name.lower().replace(" ", "")
    of_family = [one for one in GPUS.values() if one.name.partition("-")[0] in plain]
    of_size = [one for one in of_family if one.name.partition("-")[2] in plain]
    if of_size or of_family:
        return (of_size or of_family)[-1]
    raise ConfigError(f"the hardware {name!r} is not in the table: give one of {', '.join(GPUS)}")


def cpu_host(cores: int, memory: float) -> Gpu:
    """A CPU host: 60 GFLOP and 5 GB a second a core, roughly."""
    return Gpu("cpu", memory, 60e9 * cores, 5e9 * cores, 5e9, 1.25e9, memory, is_gpu=False)
