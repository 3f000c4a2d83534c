"""The policy in files that transformers and peft read: a whole model, or adapters alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoTokenizer

from rl.config import ModelConfig
from rl.learn.lora import save_adapters, unquantized
from rl.weights.packing import Bucket, Packing
from rl.weights.sender import WeightSender
from rl.weights.sources import ADAPTER, adapter_sources, network_of


class Exporter:
    """Writes the policy; every rank makes one, since gathering weights is collective.

    Args:
        model: whose policy it is.
        module: the policy inside the DeepSpeed engine.
        sender: lays whole models out in buckets.
        adapters: whether adapters are written, not the model with them.
        lead: whether this rank writes.
    """

    def __init__(
        self,
        model: ModelConfig,
        module: Any,
        sender: WeightSender,
        *,
        adapters: bool,
        lead: bool,
    ) -> None:
        self._model = model
        self._module = module
        self._sender = sender
        self._adapters = adapters
        self._lead = lead

    def write(self, folder: Path) -> None:
        """Write weights, configuration and tokenizer."""
        if self._adapters:
            tensors = _tensors(self._adapter_buckets())
            if self._lead:
                save_adapters(self._module.peft_config[ADAPTER], tensors, folder)
        else:
            tensors = _tensors(self._sender.buckets())
            if self._lead:
                # Buckets have a checkpoint's names already.
                network: Any = network_of(self._module)
                with unquantized(network):
                    network.save_pretrained(folder, state_dict=tensors, save_original_format=False)
        if self._lead:
            path, trust = self._model.path, self._model.trust_remote_code
            AutoTokenizer.from_pretrained(path, trust_remote_code=trust).save_pretrained(folder)

    def _adapter_buckets(self) -> Iterator[Bucket]:
        return Packing(
            self._module,
            adapter_sources(self._module),
            dtype=torch.float32,
            device=torch.device("cpu"),
            size=2**28,
            lead=self._lead,
        ).buckets()


def _tensors(buckets: Iterable[Bucket]) -> dict[str, Tensor]:
    """Everything in buckets, in host memory; nothing on ranks that do not write."""
    state: dict[str, Tensor] = {}
    for bucket in buckets:
        data = bucket.data
        if data is not None:
            state |= {entry.name: entry.view(data).clone().cpu() for entry in bucket.entries}
    return state
