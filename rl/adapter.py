"""The policy's adapter in engines: what they are started with for it, how a request names it."""

from typing import Any

from rl.config import LoraConfig

ADAPTER_ID = 1
ADAPTER_NAME = "policy"
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM has room for


def adapter_arguments(lora: LoraConfig) -> dict[str, Any]:
    """Those of vLLM's `AsyncEngineArgs`."""
    return {
        "enable_lora": True,
        "max_loras": 1,
        "max_lora_rank": next(rank for rank in RANKS if rank >= lora.rank),
        # Layers that are named get room for one, all that can have one otherwise.
        "lora_target_modules": None if "all-linear" in lora.targets else list(lora.targets),
    }


def adapter_request() -> Any:
    """vLLM's `LoRARequest`; the adapter is loaded already, nothing is read from a path."""
    from vllm.lora.request import LoRARequest

    return LoRARequest(ADAPTER_NAME, ADAPTER_ID, "-")
