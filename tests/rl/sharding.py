"""ZeRO-3 for tiny models: by default DeepSpeed keeps weights whole that are as small as theirs."""

from typing import Any


def shard_everything(_: Any = None) -> None:
    """From now on, in this process, every weight is sharded, and gathered no longer than needed."""
    from rl.learn.flash_attn_fallback import install

    install()
    from openrlhf.utils.deepspeed import deepspeed

    of_openrlhf = deepspeed.get_train_ds_config

    def settings(*args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = of_openrlhf(*args, **kwargs)
        found["zero_optimization"] |= {
            "stage3_param_persistence_threshold": 0,
            "stage3_max_live_parameters": 1,
            "stage3_max_reuse_distance": 0,
            "stage3_prefetch_bucket_size": 0,
        }
        return found

    deepspeed.get_train_ds_config = settings
