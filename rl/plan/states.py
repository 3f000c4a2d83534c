"""Bytes of weights, gradients and optimizer on one rank, as DeepSpeed lays them out.

    stage   weights    gradients                          master weights, moments
    0       all        all                                all (bf16 only: master), all
    1       all        all                                1 / ranks
    2       all        1 / ranks, and a bucket            1 / ranks
    3       1 / ranks  1 / ranks, and a bucket            1 / ranks

From stage 1 on there are master weights in float32 of float32 models too.
"""

from dataclasses import dataclass

from rl.plan.activations import F32
from rl.plan.shape import Shape

BUCKET = 500_000_000
"""DeepSpeed's default size of a bucket of gradients, numbers."""
LIVE = 1_000_000_000
"""DeepSpeed's default of how many gathered weights stay at ZeRO 3, numbers."""


@dataclass(frozen=True, slots=True)
class States:
    """What a learner rank holds, whatever it computes.

    Attributes:
        shape: of the model.
        width: bytes of a weight (2 or 4).
        ranks: that share.
        stage: of ZeRO.
        trained: numbers that are trained.
        frozen: numbers that are not (the base under adapters).
        frozen_width: bytes of each of those (nf4: about a half).
        sum_width: bytes of a gradient that is added up, from stage 1 on.
        moments: numbers that the optimizer keeps for each (AdamW 2, Muon 1).
        offloads_optimizer: whether master weights and moments are in the host's memory.
        offloads_weights: whether weights are.
        bucket: numbers in a bucket of gradients.
        is_fused: whether the optimizer makes no copies (GPUs).
    """

    shape: Shape
    width: int
    ranks: int
    stage: int
    trained: float
    frozen: float = 0.0
    frozen_width: float = 0.0
    sum_width: int = F32
    moments: int = 2
    offloads_optimizer: bool = False
    offloads_weights: bool = False
    bucket: int = BUCKET
    is_fused: bool = True

    @property
    def weights(self) -> float:
        """Of the model; at ZeRO 3 its part, without what is gathered."""
        if self.offloads_weights:
            return 0.0
        whole = self.trained * self.width + self.frozen * self.frozen_width
        return whole / self.ranks if self.stage == 3 else whole

    @property
    def optimizer(self) -> float:
        """Master weights and moments."""
        return 0.0 if self.offloads_optimizer else self._optimizer

    @property
    def gradients(self) -> float:
        """What is added up over micro-batches."""
        share = self.ranks if self.stage >= 2 else 1
        width = self.sum_width if self.stage >= 1 else self.width
        if self.offloads_optimizer and self.stage >= 2:
            return 0.0
        return self.trained * width / share

    @property
    def fresh(self) -> float:
        """Gradients of one micro-batch before they are added up, and the bucket they travel in."""
        if self.stage == 0:
            return 0.0
        bucket = float(self.bucket * self.width)
        largest = self.shape.embedding if self.frozen == 0 else 0
        if self.stage == 1:
            return bucket + (self.trained * self.width if self.width < F32 else 0)
        return bucket + largest * self.width

    @property
    def gathered(self) -> float:
        """Weights that are gathered at ZeRO 3."""
        if self.stage < 3:
            return 0.0
        whole = self.trained * self.width + self.frozen * self.frozen_width
        return min(whole, LIVE * self.width + self.shape.layer_parameters * self.width)

    @property
    def stepping(self) -> float:
        """What a step needs beside gradients: their flat copy, and the optimizer's own."""
        if self.offloads_optimizer:
            return 0.0  # it is made in the host's memory, where the gradients are
        share = self.ranks if self.stage >= 1 else 1
        flat = self.trained * F32 / share if self.stage in (1, 2) else 0.0
        return flat + (0.0 if self.is_fused else 2 * self.trained * F32 / share)

    @property
    def host(self) -> float:
        """In the host's memory, by this rank; at ZeRO 1 and 2 also new weights on their way up."""
        moved = 0.0
        if self.offloads_optimizer:
            up = self.width if self.stage < 3 else 0
            moved = self._optimizer + self.trained * (F32 + up) / self.ranks
        whole = self.trained * self.width + self.frozen * self.frozen_width
        return moved + (whole / self.ranks if self.offloads_weights else 0.0)

    @property
    def saved(self) -> float:
        """What the first rank writes of it into a checkpoint; at ZeRO 3 no weights but masters."""
        return self._optimizer + (self.trained * self.width if self.stage < 3 else 0.0)

    @property
    def _optimizer(self) -> float:
        share = self.ranks if self.stage >= 1 else 1
        has_master = self.stage >= 1 or self.width < F32
        numbers = self.moments + (1 if has_master else 0)
        return self.trained * F32 * numbers / share
