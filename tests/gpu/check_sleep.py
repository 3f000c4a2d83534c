"""vLLM's sleep of level 2: memory is given back, and after new weights the same tokens come.

The order is the one that a colocated run needs: sleep, wake the weights, load them, wake the KV
cache. Loading between is not optional: level 2 forgets the weights.
"""

import gc
import tempfile
from pathlib import Path

from tests.gpu.machine import used_gib
from tests.gpu.models import make_model
from tests.gpu.row import Row, at_least, holds, skipped

SHARE = 0.4
"""Of the GPU's memory, for weights and KV cache."""
GIVEN_BACK = 0.8
"""Share of that memory that a sleeping engine has to give back."""


def check(device: str) -> list[Row]:
    """One engine in this process."""
    if device == "cpu":
        return [skipped("sleep and wake", "vLLM's cumem allocator is for GPUs")]
    with tempfile.TemporaryDirectory(prefix="plumb-sleep-") as folder:
        return _slept(make_model(device, Path(folder)))


def _slept(model: Path) -> list[Row]:
    import torch
    from vllm import LLM, SamplingParams

    empty = used_gib()
    llm = LLM(
        model=str(model),
        dtype="bfloat16",
        max_model_len=512,
        gpu_memory_utilization=SHARE,
        enable_sleep_mode=True,
        enable_prefix_caching=False,
        seed=0,
    )
    greedy = SamplingParams(temperature=0.0, max_tokens=64)
    prompts = [{"prompt_token_ids": list(range(7 + i, 40 + i))} for i in range(8)]

    def tokens() -> list[list[int]]:
        return [list(one.outputs[0].token_ids) for one in llm.generate(prompts, greedy)]

    before, awake = tokens(), used_gib()
    llm.sleep(level=2)
    gc.collect()
    torch.cuda.empty_cache()
    asleep = used_gib()
    llm.wake_up(tags=["weights"])
    llm.collective_rpc("reload_weights")
    llm.wake_up(tags=["kv_cache"])
    after = tokens()
    share = (awake - asleep) / max(awake - empty, 1e-9)
    same = sum(one == other for one, other in zip(before, after, strict=True))
    return [
        at_least("memory given back asleep", share, GIVEN_BACK),
        holds(
            "answers after waking",
            f"{same} of {len(before)} the same",
            same == len(before),
            "all the same",
        ),
    ]
