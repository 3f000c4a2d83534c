"""Low-rank adapters on a network whose own weights are frozen (peft).

Guarantees: adapters begin as nothing, so that the policy starts as its base; every rank draws the
same; a target that names no layer, or one that engines and the head know otherwise, is refused by
name.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rl.config import LoraConfig
from rl.errors import ModelError
from rl.weights.sources import ADAPTER

ALL = "all-linear"


def quantization(lora: LoraConfig, dtype: torch.dtype) -> Any:
    """What transformers loads a frozen base with; None where it keeps its type, `dtype`."""
    if lora.quantize == "none":
        return None
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise ModelError(
            "learner.lora.quantize=nf4 needs bitsandbytes, which is installed on GPU hosts: set it "
            "to none here"
        ) from error
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


class Rounding:
    """A frozen base as the learner has it in 4 bits: to be merged with what was trained on it.

    Args:
        network: its network, perhaps without weights.
        lora: how it is quantised.
        dtype: of the weights before.
    """

    def __init__(self, network: Any, lora: LoraConfig, dtype: torch.dtype) -> None:
        self._settings = quantization(lora, dtype)
        self._dtype = dtype
        self._names: set[str] = set()
        if self._settings is not None:
            from transformers.quantizers.base import get_keys_to_not_convert
            from transformers.quantizers.quantizers_utils import should_convert_module

            kept = get_keys_to_not_convert(network)
            self._names = {
                f"{name}.weight"
                for name, module in network.named_modules()
                if type(module) is nn.Linear and should_convert_module(name, kept)
            }

    def __call__(self, name: str, weight: Tensor) -> Tensor:
        """A weight, by its name in the network, in float32."""
        if name not in self._names:
            return weight.float()
        from bitsandbytes.functional import dequantize_4bit, quantize_4bit

        settings = self._settings
        packed, state = quantize_4bit(
            weight.to(self._dtype).contiguous(),
            compress_statistics=settings.bnb_4bit_use_double_quant,
            quant_type=settings.bnb_4bit_quant_type,
            quant_storage=settings.bnb_4bit_quant_storage,
        )
        whole: Tensor = dequantize_4bit(packed, state)
        return whole.float()


def with_adapters(network: Any, lora: LoraConfig, *, seed: int) -> Any:
    """The network, frozen, with an adapter on each target.

    Args:
        network: a transformers model.
        lora: which adapters.
        seed: what they are drawn from.

    Raises:
        ModelError: A target is no linear layer of the model's blocks, or means experts.
    """
    from peft import get_peft_model

    for layer in network.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            # bitsandbytes on a CPU: the first evaluation would round a layer's scales once more.
            layer.support_avx512bf16_for_cpu = False
    settings = peft_settings(lora, _targets(network, lora.targets))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = get_peft_model(network, settings, adapter_name=ADAPTER)
    _check_layers(policy)
    return policy


def peft_settings(lora: LoraConfig, targets: Sequence[str], *, base: str | None = None) -> Any:
    """What peft calls `LoraConfig`.

    Args:
        lora: rank, alpha and dropout.
        targets: names of layers.
        base: the model they are for, where that is not to be taken from the network.
    """
    from peft import LoraConfig as PeftConfig

    return PeftConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a whole number to peft, but any works
        lora_dropout=lora.dropout,
        target_modules=list(targets),
        bias="none",
        base_model_name_or_path=base,
    )


def description(lora: LoraConfig) -> Mapping[str, Any]:
    """The adapter for vLLM, in the words of peft's `adapter_config.json`."""
    return {"r": lora.rank, "lora_alpha": lora.alpha, "target_modules": list(lora.targets)}


def without_adapters(module: Any) -> AbstractContextManager[Any]:
    """Context in which the policy is its base: the reference model of a run with adapters."""
    context: AbstractContextManager[Any] = module.disable_adapter()
    return context


@contextmanager
def unquantized(network: Any) -> Iterator[None]:
    """In the block a network with a base of 4 bits is saved as the whole model it stands for."""
    settings: Any = getattr(network.config, "quantization_config", None)
    if settings is None:
        yield
        return
    quantizer = network.hf_quantizer
    del network.config.quantization_config
    network.hf_quantizer = None
    try:
        yield
    finally:
        network.config.quantization_config, network.hf_quantizer = settings, quantizer


def save_adapters(settings: Any, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Write adapters as peft does.

    Args:
        settings: peft's, of the adapters.
        tensors: every factor, whole, by its name in peft's files.
        folder: where to; `PeftModel.from_pretrained` reads it.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(dict(tensors), folder / "adapter_model.safetensors", metadata={"format": "pt"})
    mode, settings.inference_mode = settings.inference_mode, True
    try:
        settings.save_pretrained(str(folder))
    finally:
        settings.inference_mode = mode


def _targets(network: Any, wanted: list[str]) -> list[str]:
    """The names of the layers that get an adapter."""
    ends = {network.get_output_embeddings(), network.get_input_embeddings()}
    layers: dict[str, bool] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) or module in ends:
            leaf = name.rpartition(".")[2]
            layers[leaf] = layers.get(leaf, True) and module not in ends
    good = sorted(name for name, fits in layers.items() if fits)
    for target in wanted:
        if target not in (ALL, *good):
            raise ModelError(
                f"learner.lora.targets: {target!r} is no linear layer of the blocks of "
                f"{type(network).__name__}; those are {', '.join(good)}"
            )
    return good if ALL in wanted else list(wanted)


def _check_layers(policy: Any) -> None:
    """peft takes some names for the experts of a mixture, which are one parameter of many."""
    from peft.tuners.lora.layer import ParamWrapper

    for name, layer in policy.named_modules():
        if isinstance(layer, ParamWrapper):
            raise ModelError(
                f"learner.lora.targets means the experts in {name} too, which get no adapters: "
                "name layers of the attention, such as q_proj"
            )
