"""One fixed prompt that tells whether engines hold the learner's weights.

Weights that never arrived, or that an engine loaded into the wrong form, raise no error: the engine
goes on with some other policy. Its logprobs of a prompt that is always the same, compared with the
learner's, show it within milliseconds. Their gap is the mean |difference| in nats a token: about
1e-6 in float32, some hundredths in bfloat16, and above 1 where weights are damaged.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl.config.learning import CanaryConfig
from rl.errors import EngineError

TEXT = (
    "A canary sat in a cage at the mouth of the mine. When its song stopped at 7:45, all 36 of the "
    "men came up; 2 + 34 = 36, and so nobody was missing."
)
TOKENS = 64  # enough to tell, few enough for a batch of its own to be quick


def canary_ids(tokenizer: Any, limit: int) -> list[int]:
    """The fixed prompt.

    Args:
        tokenizer: the policy's.
        limit: tokens that an engine takes, prompt and answer together.
    """
    encoded: list[int] = list(tokenizer(TEXT, add_special_tokens=False)["input_ids"])
    return encoded[: max(2, min(TOKENS, limit - 1))]


def learner_logprobs(actor: Any, ids: Sequence[int]) -> NDArray[np.float32]:
    """Logprob of each token but the first under the learner's policy, at temperature 1, nats.

    A forward pass is collective under ZeRO-3: every rank has to make it.

    Args:
        actor: OpenRLHF's Actor; it is left in evaluation mode.
        ids: the prompt.
    """
    import torch

    device = next(actor.parameters()).device
    sequences = torch.tensor([list(map(int, ids))], device=device)
    mask = torch.ones_like(sequences)
    actor.eval()
    # Engines score a prompt at temperature 1, whatever they sample at.
    temperature, actor.temperature = actor.temperature, 1.0
    try:
        with torch.no_grad():
            logprobs = actor(sequences, mask[:, 1:], mask)
    finally:
        actor.temperature = temperature
    found: NDArray[np.float32] = logprobs[0].float().cpu().numpy()
    return found


def gap(engine: NDArray[np.float32], learner: NDArray[np.float32]) -> float:
    """Mean |difference|, nats a token; infinite where a number is missing or not finite."""
    ours, theirs = np.asarray(learner, np.float64), np.asarray(engine, np.float64)
    if ours.shape != theirs.shape or not np.isfinite(ours).all() or not np.isfinite(theirs).all():
        return float("inf")
    return float(np.abs(ours - theirs).mean())


def judge(found: float, engine: str, version: int, limits: CanaryConfig) -> str:
    """What to tell the user about a gap; empty where there is nothing to tell.

    Raises:
        EngineError: It is above `limits.stop`.
    """
    if found <= min(limits.warn, limits.stop):
        return ""
    what = (
        f"{engine} and the learner differ by {found:.3g} nats a token on the same prompt at policy "
        f"version {version}"
    )
    if found <= limits.stop:
        return f"{what} (sync.canary.warn={limits.warn:g}): look at rollout_logprob_gap"
    raise EngineError(
        f"{what}, more than sync.canary.stop={limits.stop:g}: the engine does not hold the "
        "learner's weights, and nothing can be learnt from what it samples. Run once with "
        "sync.verify=true and the other sync.transport; if the gap stays, this vLLM cannot take "
        "new weights of this model; if model.dtype explains it, raise sync.canary.stop"
    )
