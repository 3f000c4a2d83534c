"""A learner rank without memory ends the run in one line, not in torch's traceback."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rl.errors import LearnerError
from rl.learn.group import LearnerActor


def rank_that(train: Callable[[], Any]) -> LearnerActor:
    actor = LearnerActor.__new__(LearnerActor)
    actor._rank = 3
    actor.__dict__["_learner"] = SimpleNamespace(train=train)
    return actor


def on_a_gpu() -> None:
    raise torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 9.27 GiB. GPU 0 has a total capacity of 79.11 GiB\n"
        "of which 1 GiB is free."
    )


def on_a_cpu_host() -> None:
    torch.empty(2**60, dtype=torch.uint8)


def without_page_locked_memory() -> None:
    raise torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be")


def in_cublas() -> None:
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


@pytest.mark.parametrize("train", [on_a_gpu, on_a_cpu_host, without_page_locked_memory, in_cublas])
def test_who_has_no_memory_is_named_with_what_would_do(train: Callable[[], None]) -> None:
    with pytest.raises(LearnerError) as caught:
        rank_that(train).call("train")
    message = str(caught.value)
    assert message.startswith("learner rank 3 has no memory left for `train` (")
    assert "learner.micro_batch_tokens" in message and "\n" not in message


def test_other_errors_are_what_they_are() -> None:
    def defect() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        rank_that(defect).call("train")
