"""Bytes that a pass keeps for its way back, and that the way back needs beside them.

What autograd saves in a layer of transformers' decoders, a token, with n bytes a number (w):

    norm of n numbers        4 n (its float32 input) + w n (normalised) + w n (what follows reads)
    queries, keys            4 + w each where they are normalised a head; w each after rotation
    values, attention        w each; keys and values once a query head where the kernel repeats them
    feed-forward             gate, its activation, up, their product: w each
    an expert's visit        the same, with the token's copy before and its part of the sum after
    an adapter               its rank: w; norms are frozen then, and keep nothing normalised

`rl/learn/head.py` keeps no logits but those of a chunk. The formulas are checked by
tests/rl/test_plan_memory.py against what torch allocates.
"""

from dataclasses import dataclass

from rl.plan.shape import Shape

F32 = 4


@dataclass(frozen=True, slots=True)
class Pass:
    """A micro-batch on one rank.

    Attributes:
        shape: of the model.
        width: bytes of a number (2 or 4).
        tokens: positions that the rank holds, padding included.
        trained: tokens that reach the head.
        head_rows: tokens whose logits exist at one time.
        checkpointing: whether layers are computed again on the way back.
        repeats_keys: whether keys and values are repeated for each query head.
        padded: positions in attention a token, where it needs copies of its own; 0: it does not.
        adapters: numbers that a token leaves in a layer's adapters, their rank each; 0: all weights
            are trained.
    """

    shape: Shape
    width: int
    tokens: int
    trained: int
    head_rows: int
    checkpointing: bool
    repeats_keys: bool = False
    padded: float = 0.0
    adapters: int = 0

    @property
    def kept(self) -> float:
        """Bytes that layers keep until the head has its gradient, of all layers."""
        shape, width = self.shape, self.width
        outside = self.tokens * (F32 + width + self._normalised) * shape.hidden
        if self.checkpointing:
            return outside + shape.layers * self.tokens * shape.hidden * width
        dense = shape.layers - shape.sparse_layers
        return outside + self.tokens * (
            dense * self._layer(sparse=False) + shape.sparse_layers * self._layer(sparse=True)
        )

    @property
    def head_forward(self) -> float:
        """Most bytes in the head on the way there."""
        chunk = min(self.head_rows, self.trained) * self.shape.vocabulary
        # Logits and their logs of one chunk are there while those of the next are made.
        alone = 2 * F32 if self.trained <= self.head_rows else 3 * F32
        cast = self.width if self.width < F32 and self.trained > self.head_rows else 0
        return chunk * (alone + cast) + self._chosen

    @property
    def head_backward(self) -> float:
        """Most bytes in the head on the way back."""
        chunk = min(self.head_rows, self.trained) * self.shape.vocabulary
        several = self.trained > self.head_rows
        logits = F32 * (2 if several else 1) + (2 * self.width if self.width < F32 else 0)
        product = self.width if self.width < F32 else 0
        of_weight = 0 if self.adapters else self.shape.embedding * (F32 + product)
        return chunk * logits + of_weight + 2 * self._chosen

    @property
    def head_gradient(self) -> float:
        """What is left of the head's way back: the gradient of its weight, and of its input."""
        return (0 if self.adapters else self.shape.embedding * self.width) + self._chosen

    @property
    def layer_backward(self) -> float:
        """Most bytes on the way back through one layer, beside what was kept."""
        shape, width = self.shape, self.width
        sparse = bool(shape.sparse_layers)
        inner = shape.active_experts * shape.expert_intermediate if sparse else shape.intermediate
        visits = shape.active_experts if sparse else 1
        flowing = self.tokens * width * (2 * inner + (1 + visits) * shape.hidden)
        again = self.tokens * self._layer(sparse=sparse) if self.checkpointing else 0.0
        return flowing + again

    @property
    def _chosen(self) -> float:
        """Hidden states of the tokens that reach the head."""
        return float(self.trained * self.shape.hidden * self.width)

    def _layer(self, *, sparse: bool) -> float:
        """Bytes that a token leaves in one layer."""
        shape, width = self.shape, self.width
        norms = 2 * (F32 + width + self._normalised) * shape.hidden
        of_heads = F32 + self._normalised
        normalised = of_heads * (shape.queries + shape.keys) if shape.qk_norm else 0
        keys = shape.queries if self.repeats_keys else shape.keys
        wide = (2 * shape.queries + 2 * keys) * width + F32 * shape.heads
        attention = wide * max(self.padded, 1.0) + (shape.queries * width if self.padded else 0)
        inner = self._experts() if sparse else self._dense()
        return norms + normalised + attention + inner + self.adapters * width

    @property
    def _normalised(self) -> int:
        """Bytes of a normalised number, which only the gradient of a norm's weight needs."""
        return 0 if self.adapters else self.width

    def _dense(self) -> float:
        return 4 * self.shape.intermediate * self.width

    def _experts(self) -> float:
        shape, width = self.shape, self.width
        visit = 2 * shape.hidden + 4 * shape.expert_intermediate
        routing = 2 * F32 * shape.experts
        return (
            shape.active_experts * visit * width + routing + (4 * shape.shared_intermediate * width)
        )
