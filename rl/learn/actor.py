"""OpenRLHF's Actor with a chunked head: rows of tokens in, logprobs and entropies of some out.

Guarantees: a pass has no logits but those of a chunk; values do not depend on how rows are laid out
or over how many ranks they are spread, up to rounding; under ZeRO-3 and sequence parallelism a pass
is collective, and every rank makes it, whatever it asks for.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rl.errors import ModelError
from rl.learn.attention import arguments
from rl.learn.head import ChunkedHead, Scores, Wanted
from rl.learn.openrlhf_parts import Actor
from rl.learn.packing import LaidOut, Rows, lay_out_packed, lay_out_padded
from rl.learn.slices import Slices


class PolicyActor(Actor):
    """A network whose head is a `ChunkedHead`.

    Args:
        network: the Hugging Face model.
        temperature: of the policy; logits are divided by it.
        packing: whether rows are laid end to end.
        slices: this rank's device, and the ranks that share a pack.
        ring: whether they attend by OpenRLHF's ring attention, which has to be told of every pack.
    """

    def __init__(
        self,
        network: Any,
        *,
        temperature: float,
        packing: bool,
        slices: Slices | None = None,
        ring: bool = False,
    ) -> None:
        super().__init__(network, temperature=temperature)
        self.packing_samples = packing
        self._slices = slices or Slices()
        self._ring = ring
        self._attention: str = network.config._attn_implementation
        # In a list: it is a part of the network, and should not be one of the actor beside it.
        self._head = [head_of(network)]

    def forward(self, rows: Rows, *, entropy_gradient: bool = False) -> Scores:
        """Logprobs and entropies of the trained tokens of `rows`, in their order.

        Args:
            rows: what is read.
            entropy_gradient: whether entropies have one.
        """
        laid = self._lay_out(rows)
        wanted = Wanted(laid.places, laid.labels, self.temperature, entropy_gradient)
        how = {}
        if self.packing_samples and not self._ring:
            how = arguments(self._attention, laid.lengths, laid.ids.device)
        with self._head[0].asked(wanted):
            output = self.model(
                laid.ids,
                attention_mask=laid.attention_mask,
                position_ids=laid.positions,
                use_cache=False,
                **how,
            )
        logprobs, entropy = output["logits"]["scores"]
        if not entropy_gradient:
            entropy = entropy.detach()
        gather = self._slices.gather
        return Scores(gather(logprobs, laid.counts), gather(entropy, laid.counts))

    def _lay_out(self, rows: Rows) -> LaidOut:
        slices, device = self._slices, self._slices.device
        if not self.packing_samples:
            return lay_out_padded(rows, device=device)
        laid = lay_out_packed(rows, share=slices.rank, ranks=slices.ranks, device=device)
        if self._ring:
            from openrlhf.models.ring_attn_utils import update_ring_attn_params

            ends = torch.from_numpy(laid.lengths).cumsum(0, dtype=torch.int32)
            update_ring_attn_params(torch.nn.functional.pad(ends, (1, 0)).to(device))
        return laid


def head_of(network: Any) -> ChunkedHead:
    """The chunked head of a network that may have been wrapped since.

    Raises:
        ModelError: Something was put around it.
    """
    head = network.get_output_embeddings()
    if type(head) is not ChunkedHead:
        raise ModelError(
            f"the output layer is a {type(head).__name__}, and the learner needs it by itself: "
            "leave it out of learner.lora.targets"
        )
    return head


@torch.no_grad()
def prompt_logprobs(actor: PolicyActor, ids: Sequence[int]) -> NDArray[np.float32]:
    """Logprob of each token but the first at temperature 1, nats; every rank has to call it.

    Args:
        actor: it is left in evaluation mode.
        ids: the prompt.
    """
    tokens = np.array([int(token) for token in ids], np.int64)
    rows = Rows(tokens, np.array([len(tokens)], np.int64), np.arange(len(tokens)) > 0)
    actor.eval()
    # Engines score a prompt at temperature 1, whatever they sample at.
    temperature, actor.temperature = actor.temperature, 1.0
    try:
        found: NDArray[np.float32] = actor(rows).logprobs.float().cpu().numpy()
    finally:
        actor.temperature = temperature
    return found
