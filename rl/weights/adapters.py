"""The policy's adapter in a vLLM worker: taken from buckets, in place of the one before.

vLLM reads adapters from files; here the same tensors come as weights do, and vLLM's own
`add_adapter` with `load_inplace` puts them into place, cut for the worker's part of the model.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor
from vllm.lora.lora_model import LoRAModel
from vllm.lora.peft_helper import PEFTHelper
from vllm.lora.request import LoRARequest
from vllm.lora.utils import parse_fine_tuned_lora_name

from rl.adapter import ADAPTER_ID, ADAPTER_NAME
from rl.errors import EngineError


class AdapterUpdate:
    """One update's adapter.

    Args:
        runner: vLLM's model runner.
        description: rank, alpha and targets, as peft's `adapter_config.json` has them.
    """

    def __init__(self, runner: Any, description: Mapping[str, Any]) -> None:
        self._manager: Any = getattr(runner, "lora_manager", None)
        if self._manager is None:
            raise EngineError("an adapter was sent to an engine that was started without LoRA")
        self._description = dict(description)
        self._tensors: dict[str, Tensor] = {}

    def take(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Keep a bucket's tensors; the bucket may be overwritten after."""
        self._tensors |= {name: tensor.to("cpu", copy=True) for name, tensor in tensors}

    def install(self) -> None:
        """Let the adapter be what requests of its name are sampled with.

        Raises:
            EngineError: It is for layers to which this vLLM cannot add one.
        """
        manager = self._manager
        helper = PEFTHelper.from_dict(self._description)
        helper.validate_legal(manager.lora_config)
        mapper = getattr(manager._adapter_manager.model, "hf_to_vllm_mapper", None)
        mapper = None if mapper is None else mapper.get_rename_mapper()
        self._check(mapper)
        found = LoRAModel.from_lora_tensors(
            ADAPTER_ID,
            self._tensors,
            helper,
            device="cpu",
            dtype=manager.lora_config.lora_dtype,
            model_vocab_size=manager.vocab_size,
            weights_mapper=mapper,
        )
        load = manager._load_adapter
        manager._load_adapter = lambda request: found
        try:
            manager.add_adapter(LoRARequest(ADAPTER_NAME, ADAPTER_ID, "-", load_inplace=True))
        finally:
            manager._load_adapter = load

    def _check(self, mapper: Any) -> None:
        """vLLM leaves factors of layers that it does not know aside, without a word."""
        inside = self._manager._adapter_manager
        joined = inside.packed_modules_mapping
        known = {
            part
            for module in inside.modules
            for part in joined.get(module.rpartition(".")[2], [module.rpartition(".")[2]])
        }
        for name in self._tensors:
            module, _ = parse_fine_tuned_lora_name(name, mapper)
            if module.rpartition(".")[2] not in known:
                raise EngineError(
                    f"vLLM cannot add an adapter to {module}: set learner.lora.sync=merge, or "
                    f"learner.lora.targets to some of {', '.join(sorted(known))}"
                )
