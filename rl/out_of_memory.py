"""Memory that ran out while a learner rank was at work: a line that says what would do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rl.errors import LearnerError

_SAID: Final = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",  # also of page-locked memory of the host
    "CUBLAS_STATUS_ALLOC_FAILED",
)


@contextmanager
def telling_memory(rank: int, method: str) -> Iterator[None]:
    """Turn torch's error of a block that found no memory into a line.

    Args:
        rank: whose memory it is.
        method: what it was doing.

    Raises:
        LearnerError: It has no memory left.
    """
    try:
        yield
    except RuntimeError as error:
        if not _is_of_memory(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise LearnerError(
            f"learner rank {rank} has no memory left for `{method}` ({reason:.200}): lower "
            "learner.micro_batch_tokens or learner.head_chunk, set "
            "learner.gradient_checkpointing=true or learner.optimizer_offload=true, or raise "
            "learner.zero_stage and learner.ranks; where it is the host's, set "
            "train.checkpoint_async=false; plumb train CONFIG --plan says what is needed"
        ) from error


def _is_of_memory(error: RuntimeError) -> bool:
    """Whether torch raised it for want of memory, on a GPU or of its host."""
    return type(error).__name__ == "OutOfMemoryError" or any(one in str(error) for one in _SAID)
