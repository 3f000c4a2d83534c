"""OpenRLHF's DeepSpeed strategy on GPU hosts, with torch's AdamW.

DeepSpeed's own has to be compiled first, with the CUDA toolkit of torch's version on every host.
"""

from typing import Any

from rl.learn.openrlhf_parts import DeepspeedStrategy
from rl.learn.optimizing import adjust


class CudaDeepspeedStrategy(DeepspeedStrategy):
    """Differs from its parent in the optimizer alone."""

    def get_ds_train_config(
        self, optim_dict: dict[str, Any] | None = None, *, max_norm: float | None = None
    ) -> dict[str, Any]:
        """The parent's configuration, with an optimizer that is there."""
        config: dict[str, Any] = super().get_ds_train_config(optim_dict, max_norm=max_norm)
        if "optimizer" in config:
            config["optimizer"]["params"] |= {"torch_adam": True, "fused": True}
        return adjust(config, self.args.learner, pin=True)
