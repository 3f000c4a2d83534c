"""Memory of one learner rank and of one engine's GPU, by component.

A rank's largest moment is in the head, on the way there or back; in the layer after it; at the end
of the way back, with new gradients and the old; or in the optimizer's step. All are looked at, and
what is reported is what is there at the largest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rl.plan.activations import F32, Pass
from rl.plan.shape import Shape
from rl.plan.states import States

STEP = "the optimizer's step"
LOGIT_COPIES = 4
"""Float32 copies of logits that vLLM's sampler holds at its largest moment."""


@dataclass(frozen=True, slots=True)
class RankMemory:
    """Bytes of one learner rank at its largest moment.

    Attributes:
        weights: of the policy, and what ZeRO 3 has gathered of them.
        gradients: added up, and of one micro-batch.
        optimizer: master weights and moments.
        reference: the reference model's weights.
        activations: that layers keep, and that flow back.
        head: logits of a chunk, and the gradient of the head's weight.
        sending: buckets in which the first rank sends weights to engines.
        moment: which it is.
        host: bytes in the host's memory instead, `saving` among them.
        saving: the copy of what is being written into a checkpoint.
        resting: of the total, what is there between two steps.
    """

    weights: float
    gradients: float
    optimizer: float
    reference: float
    activations: float
    head: float
    sending: float
    moment: str
    host: float
    saving: float
    resting: float

    @property
    def total(self) -> float:
        """All of it, bytes."""
        return sum(self.parts.values())

    @property
    def parts(self) -> Mapping[str, float]:
        """The components by name, bytes."""
        names = (
            "weights",
            "gradients",
            "optimizer",
            "reference",
            "activations",
            "head",
            "sending",
        )
        return {name: getattr(self, name) for name in names}


def rank_memory(
    states: States,
    micro: Pass,
    *,
    passes: int,
    bucket: float,
    whole: bool = True,
    reference: bool = False,
    ema: bool = False,
    copies: bool = False,
) -> RankMemory:
    """What a learner rank holds at its largest moment.

    Args:
        states: weights, gradients and optimizer.
        micro: its largest micro-batch.
        passes: micro-batches an optimizer step; from the second on gradients are there already.
        bucket: bytes of `sync.bucket_mb`.
        whole: whether engines are sent the whole model, not what is trained of it.
        reference: whether there is a reference model, sharded as the policy is at ZeRO 3.
        ema: whether a mean of the weights is kept, in the host's memory.
        copies: whether a checkpoint is written of a copy there (`train.checkpoint_async`).
    """
    before = states.gradients if passes > 1 or states.stage == 3 else 0.0
    of_head = micro.head_gradient
    buckets = float(states.bucket * states.width) if states.stage else 0.0
    moments = {
        "the head, there": (before, micro.kept, micro.head_forward),
        "the head, back": (before, micro.kept, micro.head_backward),
        "a layer, back": (before + buckets, micro.kept + micro.layer_backward, of_head),
        "the end of the way back": (before + states.fresh, 0.0, 0.0),
        STEP: (states.gradients + states.stepping, 0.0, 0.0),
    }
    moment = max(moments, key=lambda name: sum(moments[name]))
    gradients, activations, head = moments[moment]
    gathered = 0.0 if moment == STEP else states.gathered
    other = _reference(states) if reference else 0.0
    mean = states.trained * F32 / _mean_shares(states) if ema else 0.0
    saving = states.saved + mean if copies else 0.0
    return RankMemory(
        weights=states.weights + gathered,
        gradients=gradients,
        optimizer=states.optimizer,
        reference=other,
        activations=activations,
        head=head,
        sending=_sending(states, bucket, whole=whole),
        moment=moment,
        host=states.host + mean + saving,
        saving=saving,
        resting=states.weights + states.optimizer + other,
    )


def _sending(states: States, bucket: float, *, whole: bool) -> float:
    """Two neighbouring buckets; a larger parameter has one of its own."""
    if not whole:
        return min(states.trained * states.width, 2 * bucket)
    largest = max(bucket, float(states.shape.embedding * states.width))
    return min(float(states.shape.parameters * states.width), largest + bucket)


def _reference(states: States) -> float:
    whole = states.shape.parameters * states.width
    return whole / states.ranks if states.stage == 3 else whole


def _mean_shares(states: States) -> int:
    return states.ranks if states.stage == 3 else 1


@dataclass(frozen=True, slots=True)
class EngineMemory:
    """Bytes of one GPU of an engine.

    Attributes:
        given: what the engine may take.
        weights: its part of the model.
        working: activations of a full batch, and logits to sample from.
        overhead: CUDA, graphs and communication.
        cache: what is left for the KV cache; below 0 where it does not fit.
        token: KV cache of one token on this GPU.
        tokens: that the engine's cache holds.
    """

    given: float
    weights: float
    working: float
    overhead: float
    cache: float
    token: float
    tokens: float

    def holds(self, context: float) -> float:
        """Answers of so many tokens, prompts included, that are in the cache at one time."""
        return self.tokens / context

    @property
    def parts(self) -> Mapping[str, float]:
        """The components by name, bytes."""
        return {
            "weights": self.weights,
            "activations and logits": self.working,
            "overhead": self.overhead,
            "KV cache": max(self.cache, 0.0),
        }


def engine_memory(
    shape: Shape,
    *,
    width: int,
    given: float,
    overhead: float,
    tensor: int,
    pipeline: int,
    batch_tokens: int,
    sequences: int,
) -> EngineMemory:
    """What an engine's GPU holds.

    Args:
        shape: of the model.
        width: bytes of a number.
        given: bytes that the engine may take of the GPU.
        overhead: bytes of CUDA, graphs and communication among them.
        tensor: GPUs over which a layer is spread.
        pipeline: GPUs over which layers are.
        batch_tokens: most tokens of a step.
        sequences: most answers that are decoded at once.
    """
    weights = shape.parameters * width / tensor / pipeline
    inner = max(shape.intermediate, shape.active_experts * shape.expert_intermediate)
    flowing = batch_tokens * width * (3 * shape.hidden + (2 * inner + shape.queries) / tensor)
    logits = min(sequences, batch_tokens) * shape.vocabulary * F32 * LOGIT_COPIES
    working = flowing + logits
    cache = given - weights - working - overhead
    # Key heads are spread as far as there are some, and repeated beyond.
    token = shape.kv_bytes(width) / min(tensor, shape.kv_heads) / pipeline
    return EngineMemory(
        given, weights, working, overhead, cache, token, tokens=max(cache, 0.0) / token
    )
