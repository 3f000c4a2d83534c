"""One fixed prompt that tells whether engines hold the learner's weights.

Weights that never arrived, or that an engine loaded into the wrong form, raise no error: the engine
goes on with some other policy. Its logprobs of a prompt that is always the same, compared with the
learner's, show it within milliseconds. Their gap is the mean |difference| in nats a token: about
1e-6 in float32, some hundredths in bfloat16, and above 1 where weights are damaged.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl.config.learning import CanaryConfig
from rl.guards.table import CanaryError, Finding, judged

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


def gap(engine: NDArray[np.float32], learner: NDArray[np.float32]) -> float:
    """Mean |difference|, nats a token; infinite where a number is missing or not finite."""
    ours, theirs = np.asarray(learner, np.float64), np.asarray(engine, np.float64)
    if ours.shape != theirs.shape or not np.isfinite(ours).all() or not np.isfinite(theirs).all():
        return float("inf")
    return float(np.abs(ours - theirs).mean())


def judge(found: float, engine: str, version: int, limits: CanaryConfig) -> Finding | None:
    """What to tell the user about a gap; None where there is nothing to tell.

    Raises:
        CanaryError: It is above `limits.stop`.
    """
    finding = judged("canary", found, limits, version, subject=engine)
    if finding is not None and finding.level == "stop":
        raise CanaryError(finding)
    return finding
