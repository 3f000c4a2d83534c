"""Seconds of decoding, learning and weight updates, from FLOPs and bytes over a GPU's rates.

A token costs 2 FLOPs a parameter that it is multiplied by, and 4 a query number and position that
it looks at; the way back costs twice the way there. A decoding step reads all weights once and the
KV cache of every running answer. The shares of the rates that are reached are those of
`rl.plan.hardware`.
"""

from dataclasses import dataclass

from rl.plan.hardware import (
    DECODE_BANDWIDTH,
    DECODE_STEP,
    LINKS,
    PCIE,
    PREFILL,
    UTILISATION,
    Gpu,
)
from rl.plan.shape import Shape
from rl.simulation.engines import Law


def forward_flops(shape: Shape, context: float) -> float:
    """Of a token in the middle of so many, on its way there."""
    matrices = shape.active_parameters
    return 2.0 * matrices + 4.0 * shape.layers * shape.queries * context / 2


def head_flops(shape: Shape) -> float:
    """Of a token in the head, on its way there."""
    return 2.0 * shape.embedding


@dataclass(frozen=True, slots=True)
class Training:
    """What is computed a token that is trained on.

    Attributes:
        checkpointing: whether layers are computed twice.
        passes_before: passes without a way back: old logprobs, a reference model.
        epochs: times that each token is trained on.
        adapters: whether no weight but adapters has a gradient.
    """

    checkpointing: bool
    passes_before: int
    epochs: int
    adapters: bool


def training_flops(shape: Shape, training: Training, context: float, trained: float) -> float:
    """Of a token that the learner passes, of which a share of `trained` reaches the head."""
    head = head_flops(shape) * trained
    layers = forward_flops(shape, context) - head_flops(shape)
    back = 1 if training.adapters else 2
    update = layers * (1 + back + training.checkpointing) + head * (2 + back)
    return training.epochs * update + training.passes_before * (layers + head)


def learning_seconds(flops: float, gpus: int, gpu: Gpu) -> float:
    """Of so many FLOPs spread over GPUs."""
    return flops / (gpus * gpu.flops * UTILISATION)


def decoding(shape: Shape, gpu: Gpu, gpus: int, width: int, context: float, slots: int) -> Law:
    """How fast an engine of so many GPUs decodes answers with this mean context.

    Args:
        shape: of the model; all experts are read, as many answers visit all of them.
        gpu: of which kind its GPUs are.
        gpus: over which each layer is spread.
        width: bytes of a number.
        context: tokens, prompt and half of an answer.
        slots: answers that it decodes at once.
    """
    rate = gpu.bandwidth * DECODE_BANDWIDTH * gpus
    exchanged = 4 * shape.layers * shape.hidden * width / (gpu.link * LINKS) if gpus > 1 else 0.0
    step = DECODE_STEP + shape.parameters * width / rate
    each = shape.kv_bytes(width) * context / rate + exchanged
    each += forward_flops(shape, 2 * context) / (gpu.flops * PREFILL * gpus)
    return Law(1 / step, step / each, slots)


def prefill_seconds(shape: Shape, gpu: Gpu, gpus: int, tokens: float, context: float) -> float:
    """Of so many tokens over all GPUs of all engines."""
    return tokens * forward_flops(shape, context) / (gpus * gpu.flops * PREFILL)


def transfer_seconds(
    weights: float, gpu: Gpu, *, nodes: int, shared: bool, gathered: bool
) -> float:
    """Of all weights on their way to every engine, bytes.

    Args:
        weights: bytes.
        gpu: its links.
        nodes: on which learner and engines are.
        shared: whether engines are on the learner's GPUs.
        gathered: whether ranks have to gather them first (ZeRO 3).
    """
    link = gpu.link if nodes == 1 else min(gpu.link, gpu.network)
    seconds = weights / (gpu.bandwidth / 2) if shared else weights / (link * LINKS)
    return seconds + (weights / (link * LINKS) if gathered else 0.0) + 1.0


def moving_seconds(there: float) -> float:
    """Of bytes on their way to the host's memory and back."""
    return 2 * there / PCIE
