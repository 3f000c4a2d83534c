"""OpenRLHF's DeepSpeed strategy on hosts without a GPU: gloo, no CUDA calls, torch's AdamW."""

from datetime import timedelta
from typing import Any

import deepspeed
import torch.distributed as dist
import transformers
from deepspeed.accelerator import set_accelerator
from deepspeed.accelerator.cpu_accelerator import CPU_Accelerator
from torch.distributed.device_mesh import init_device_mesh

from rl.learn.openrlhf_parts import DeepspeedStrategy
from rl.learn.optimizing import adjust


class GlooAccelerator(CPU_Accelerator):
    """DeepSpeed's CPU accelerator without the extension that it would compile first."""

    def create_op_builder(self, class_name: str) -> Any:
        """Builder of an extension; none for the shared-memory one, which gloo does not use."""
        return (
            None if class_name == "ShareMemCommBuilder" else super().create_op_builder(class_name)
        )


class CpuDeepspeedStrategy(DeepspeedStrategy):
    """Differs from its parent only where the parent names CUDA."""

    def setup_distributed(self, timeout: timedelta = timedelta(minutes=60)) -> None:
        """Use the gloo process group that the learner has formed."""
        transformers.set_seed(self.seed)
        set_accelerator(GlooAccelerator())
        deepspeed.init_distributed(dist_backend="gloo", timeout=timeout)
        self.world_size = dist.get_world_size()
        self.ds_device_mesh = init_device_mesh(
            "cpu", (self.world_size, 1, 1), mesh_dim_names=("dp", "sp", "tp")
        )
        self.setup_ring_attn(self.ds_device_mesh)
        self.accumulated_gradient = 1

    def get_ds_train_config(
        self, optim_dict: dict[str, Any] | None = None, *, max_norm: float | None = None
    ) -> dict[str, Any]:
        """The parent's configuration; DeepSpeed's own CPU Adam would have to be compiled first."""
        config: dict[str, Any] = super().get_ds_train_config(optim_dict, max_norm=max_norm)
        if "optimizer" in config:
            config["optimizer"]["params"]["torch_adam"] = True
        return adjust(config, self.args.learner, pin=False)
