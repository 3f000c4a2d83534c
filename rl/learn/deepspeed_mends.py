"""What DeepSpeed 0.19.6 does to the gradients of several micro-batches at ZeRO 1 and 2, mended.

Guarantees: gradients are added up in `grad_accum_dtype`, float32 for a model in bf16, also where
the optimizer is in host memory, and are averaged over ranks in the model's type; stage 1 is
DeepSpeed's ZeRO optimizer whatever the types. Without that, stage 2 adds up in the model's type,
and stage 1 with another type for sums either leaves out the average over ranks, or takes an
optimizer that cannot be moved to host memory while engines use the GPU, and that makes Muon plain
gradient descent. Stage 3 needs none of it.
"""

from typing import Any

import torch
from torch import Tensor


def install() -> None:
    """Mend DeepSpeed in this process; a second call does nothing."""
    from deepspeed.runtime.engine import DeepSpeedEngine
    from deepspeed.runtime.zero.stage_1_and_2 import DeepSpeedZeroOptimizer

    if getattr(DeepSpeedZeroOptimizer, "_plumb_mended", False):
        return
    DeepSpeedZeroOptimizer._plumb_mended = True
    DeepSpeedEngine._do_optimizer_sanity_check = _zero_stays(
        DeepSpeedEngine._do_optimizer_sanity_check
    )
    DeepSpeedZeroOptimizer.get_all_grad_tensors = _all_gradients
    DeepSpeedZeroOptimizer.get_gradient_for_reduction = _gradient_for_reduction
    DeepSpeedZeroOptimizer.copy_grads_in_partition = _with_offloading(
        DeepSpeedZeroOptimizer.copy_grads_in_partition
    )


def _zero_stays(choose: Any) -> Any:
    from deepspeed.runtime import engine

    def chosen(self: Any, optimizer: Any) -> Any:
        found = choose(self, optimizer)
        return engine.ZERO_OPTIMIZATION if found == engine.BFLOAT16 else found

    return chosen


def _all_gradients(self: Any, parameters: list[Any], dtype: Any) -> list[Tensor]:
    """The gradients that later ones are added to, in the type of sums."""
    found = []
    for parameter in parameters:
        gradient = self.get_param_gradient_attribute(parameter)
        if gradient is None:
            gradient = parameter.new_zeros(parameter.shape, dtype=dtype)
        found.append(gradient.to(dtype))
    return found


def _gradient_for_reduction(self: Any, parameter: Any) -> Any:
    """What ranks average: the finished sum, which gives way to itself in the model's type."""
    if self.use_grad_accum_attribute and parameter.grad_accum is not None:
        parameter.grad_accum = parameter.grad_accum.to(self.dtype)
    return self.get_param_gradient_attribute(parameter)


def _with_offloading(copy_in_partition: Any) -> Any:
    def copy(self: Any, parameter: Any) -> None:
        if self.cpu_offload:
            _add_on_host(self, parameter)
        else:
            copy_in_partition(self, parameter)

    return copy


def _add_on_host(self: Any, parameter: Any) -> None:
    """Add an averaged gradient to the float32 one that the host's optimizer is given."""
    name = self.get_param_id(parameter)
    group, source, target, count = self.grad_position[name]
    total = self.single_partition_of_fp32_groups[group].grad.view(-1).narrow(0, target, count)
    gradient = self.get_param_gradient_attribute(parameter).view(-1).narrow(0, source, count)
    if name in self._offload_accumulated_param_ids:
        total.add_(gradient.to(total.device, total.dtype))
    else:
        total.copy_(gradient)
        self._offload_accumulated_param_ids.add(name)  # DeepSpeed empties it after each step
    if self.is_gradient_accumulation_boundary():
        norm = torch.linalg.vector_norm(total, dtype=torch.double)
        self.norm_for_param_grads[name] = norm.to(gradient.device)
    self.clear_grad_attribute(parameter)
