"""What travels of a learner's network, under the names and in the shapes of a checkpoint.

That is what engines load and what exports hold. Where transformers joins tensors of a checkpoint
into one parameter (the experts of a mixture), they are taken apart again. Where a layer has a
low-rank adapter, base + scaling * B A, in float32, stands in the base's place; base and adapter
stay as they are. Adapters alone go by the names of peft's files. What is no parameter and stands in
checkpoints all the same, such as the biases that route a mixture's tokens, travels in its own type.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rl.errors import ModelError

ADAPTER = "default"  # peft's name of the one adapter
PEFT_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class Low:
    """A layer's adapter: what it adds to the layer's weight is scaling * b @ a."""

    a: nn.Parameter
    b: nn.Parameter
    scaling: float


@dataclass(frozen=True, slots=True)
class Source:
    """A parameter of the learner and the tensors that it is in a checkpoint."""

    name: str
    parameter: Tensor
    tensors: Mapping[str, torch.Size]
    low: Low | None = None
    dtype: torch.dtype | None = None
    """In which it travels; None: in that of all others."""

    @property
    def joined(self) -> bool:
        """Whether a checkpoint has it otherwise than the learner."""
        return list(self.tensors) != [self.name]

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """In the block every shard of it is whole; collective under ZeRO-3."""
        low = () if self.low is None else (self.low.a, self.low.b)
        with ExitStack() as stack:
            for parameter in (self.parameter, *low):
                stack.enter_context(gathered(parameter))
            yield

    def taken_apart(self, module: nn.Module) -> Mapping[str, Tensor]:
        """The checkpoint's tensors, in the order of `tensors`; within `gathered`."""
        whole = plain(self.parameter)
        if self.low is not None:
            a, b = self.low.a.detach().float(), self.low.b.detach().float()
            whole = torch.addmm(whole.float(), b, a, alpha=self.low.scaling)
        if not self.joined:
            return {self.name: whole}
        return _checkpoint_form(module, {self.name: whole})


def network_of(module: nn.Module) -> nn.Module:
    """The network itself, without what peft wraps it in."""
    wrapped: Any = module
    found: nn.Module = wrapped.get_base_model() if _is_peft(module) else module
    return found


def model_sources(module: nn.Module) -> list[Source]:
    """Every parameter of the network in its own order, adapters added to their layers.

    Raises:
        ModelError: A checkpoint of the model holds a tensor made of several parameters.
    """
    network = network_of(module)
    lows = {id(layer.get_base_layer().weight): low for _, layer, low in adapted_layers(network)}
    held: dict[str, Tensor] = dict(_base_parameters(network))
    own_types = {name: buffer.dtype for name, buffer in saved_buffers(network)}
    held |= dict(saved_buffers(network))
    shapes = {name: full_shape(tensor) for name, tensor in held.items()}
    found = []
    for name, shape in shapes.items():
        tensors = _checkpoint_form(network, {name: torch.empty(shape, device="meta")})
        sizes = {own: tensor.shape for own, tensor in tensors.items()}
        one = held[name]
        found.append(Source(name, one, sizes, lows.get(id(one)), own_types.get(name)))
    together = _checkpoint_form(
        network, {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    )
    alone = {name: shape for source in found for name, shape in source.tensors.items()}
    if alone != {name: tensor.shape for name, tensor in together.items()}:
        raise ModelError(
            f"the weights of {type(network).__name__} cannot be sent to an engine one by one: its "
            "checkpoints hold tensors that are made of several parameters of the learner"
        )
    return found


def adapter_sources(module: nn.Module) -> list[Source]:
    """The factors of every adapter, as peft's files name them."""
    found = []
    for name, _, low in adapted_layers(network_of(module)):
        for factor, parameter in (("lora_A", low.a), ("lora_B", low.b)):
            own = f"{PEFT_PREFIX}{name}.{factor}.weight"
            found.append(Source(own, parameter, {own: full_shape(parameter)}))
    return found


def adapted_layers(network: nn.Module) -> Iterator[tuple[str, Any, Low]]:
    """Name, peft's layer and factors of every layer that has an adapter."""
    if not any("lora_" in name for name, _ in network.named_parameters()):
        return
    from peft.tuners.lora import LoraLayer

    for name, layer in network.named_modules():
        if isinstance(layer, LoraLayer) and ADAPTER in layer.lora_A:
            found: Any = layer
            a, b = found.lora_A[ADAPTER], found.lora_B[ADAPTER]
            yield name, layer, Low(a.weight, b.weight, float(found.scaling[ADAPTER]))


def saved_buffers(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The numbers in a network's checkpoints that are no parameters; ZeRO shards none of them."""
    for prefix, module in network.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point() and name not in module._non_persistent_buffers_set:
                yield f"{prefix}.{name}".removeprefix(".").replace(".base_layer.", "."), buffer


def plain(parameter: Tensor) -> Tensor:
    """The numbers of a parameter that is whole, also of one that bitsandbytes keeps in 4 bits."""
    state: Any = getattr(parameter, "quant_state", None)
    if state is None:
        return parameter.detach()
    from bitsandbytes.functional import dequantize_4bit

    whole: Tensor = dequantize_4bit(parameter.detach(), state)
    return whole


def full_shape(parameter: Tensor) -> torch.Size:
    """The whole parameter's shape; ZeRO-3 keeps it in `ds_shape`, bitsandbytes in its state."""
    state: Any = getattr(parameter, "quant_state", None)
    if state is not None:
        return torch.Size(state.shape)
    return torch.Size(getattr(parameter, "ds_shape", parameter.shape))


def gathered(parameter: Tensor) -> Any:
    """Context in which a ZeRO-3 shard is whole; does nothing for a parameter that is whole anyway.

    One at a time: of several, DeepSpeed awaits only the last, which is enough on a CUDA stream, but
    gloo finishes them in any order.
    """
    import deepspeed

    return deepspeed.zero.GatheredParameters([parameter], enabled=hasattr(parameter, "ds_id"))


def _base_parameters(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Parameters of the network as it was before it got adapters."""
    for name, parameter in network.named_parameters():
        if ".lora_" not in name:
            yield name.replace(".base_layer.", "."), parameter


def _is_peft(module: Any) -> bool:
    return hasattr(module, "peft_config") and hasattr(module, "get_base_model")


def _checkpoint_form(network: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Parameters as `save_pretrained` would write them."""
    from transformers import PreTrainedModel
    from transformers.core_model_loading import revert_weight_conversion

    if not isinstance(network, PreTrainedModel):
        return state
    found: Mapping[str, Tensor] = revert_weight_conversion(network, dict(state))
    return found
