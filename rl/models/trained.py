"""The policy in a checkpoint as a model: its float32 weights, under the names that files have.

Needs none of what trained it: no GPU, no rank, no DeepSpeed engine. Guarantee: a file that is not
what was written is noticed before a tensor of it is used. Adapters are added to their base in
float32, and to a base of 4 bits as the learner rounds it.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from rl.checkpoint_reading import BROKEN, damaged, read_manifest
from rl.config import LoraConfig
from rl.errors import CheckpointError, ModelError
from rl.learn.ema_files import SavedMeans
from rl.learn.lora import Rounding
from rl.learn.shards import Shards
from rl.manifest import check_digests, check_sizes
from rl.models.files import DTYPES, ModelFolder, Shapes
from rl.weights.sources import ADAPTER, PEFT_PREFIX, saved_buffers

TINY = "builtin:tiny"


class Trained:
    """The policy of a checkpoint.

    Args:
        folder: a checkpoint's, such as `runs/a/checkpoints/step_000020`.
        mean: read the running mean of the weights that are trained in their place.

    Raises:
        CheckpointError: It is damaged, or holds no mean.
        ModelError: The model that it was trained from is not to be had.
    """

    def __init__(self, folder: Path, *, mean: bool = False) -> None:
        self.folder = folder
        try:
            manifest = read_manifest(folder)
            check_sizes(folder, manifest)
            check_digests(folder, manifest, manifest)
            self.settings: Mapping[str, Any] = yaml.safe_load(
                (folder / "config.yaml").read_text("utf-8")
            )
            self._shards = Shards(folder / "learner" / "state")
            learner = self.settings.get("learner", {})
            self.lora = LoraConfig.model_validate(learner.get("lora") or {})
            path = str(self.settings["model"]["path"])
        except BROKEN as error:
            raise damaged(folder, str(error)) from error
        self._mean = SavedMeans(folder / "learner") if mean else None
        if self._mean is not None and not self._mean:
            raise CheckpointError(
                f"{folder} holds no mean of the weights: its run was without learner.ema; export "
                "the policy itself"
            )
        self.base = _base(path, folder.resolve().parents[1])
        local = path == TINY or Path(path).is_dir()
        self.base_name = str(self.base.resolve()) if local else path
        self.dtype = DTYPES[self._shards.layout.dtype]

    @property
    def label(self) -> str:
        """Its folder."""
        return str(self.folder)

    @property
    def run_dir(self) -> Path:
        """The run that it is of."""
        return self.folder.resolve().parents[1]

    @cached_property
    def shapes(self) -> Shapes:
        """The tensors of the model's files."""
        if self.lora.on:
            return self._below.shapes
        return {name: shape for name, (_, shape) in self._owners.items()}

    @cached_property
    def exact(self) -> frozenset[str]:
        """What is no weight, and of another type than weights."""
        if self.lora.on:
            return self._below.exact
        buffers = dict(saved_buffers(self._module))
        return frozenset(name for name, (owner, _) in self._owners.items() if owner in buffers)

    def tensor(self, name: str) -> Tensor:
        """A tensor in float32."""
        if self.lora.on:
            return self._merged(name)
        parameter, _ = self._owners[name]
        if self._last[0] != parameter:
            self._last = parameter, _in_files(self._module, parameter, self._whole(parameter))
        return self._last[1][name]

    _last: tuple[str, Mapping[str, Tensor]] = ("", {})

    @property
    def factors(self) -> Mapping[str, Tensor]:
        """Of every adapter, by its name in peft's files, in float32; empty where there are none."""
        names = [name for name in self._shards.shapes if ".lora_" in name]
        return {name.replace(f".{ADAPTER}.", "."): self._trained(name) for name in names}

    def _trained(self, name: str) -> Tensor:
        """What is trained, by its name in the learner."""
        return self._shards.tensor(name) if self._mean is None else self._mean[name]

    def _whole(self, name: str) -> Tensor:
        if name in self._shards.shapes:
            return self._trained(name)
        frozen = self._shards.frozen()
        if name not in frozen:
            raise CheckpointError(f"{self.folder} lacks the parameter {name} of its model")
        return frozen[name].float()

    def _merged(self, name: str) -> Tensor:
        """A weight of the base, and the product of its adapter, if it has one."""
        weight = self._rounding(name, self._below.tensor(name))
        found = self._factors.get(name.removesuffix(".weight"))
        if found is None:
            return weight
        scale = self.lora.alpha / self.lora.rank
        return weight + scale * (self._trained(found["B"]) @ self._trained(found["A"]))

    @cached_property
    def _rounding(self) -> Rounding:
        """What a base of 4 bits is."""
        network = self._module if self.lora.quantize != "none" else None
        return Rounding(network, self.lora, self.dtype)

    @cached_property
    def _factors(self) -> Mapping[str, dict[str, str]]:
        """By layer: the names of its adapter's factors in the checkpoint."""
        found: dict[str, dict[str, str]] = {}
        for name in self._shards.shapes:
            layer, mark, rest = name.partition(".lora_")
            if mark:
                layer = layer.removeprefix(PEFT_PREFIX)
                found.setdefault(layer, {})[rest[0]] = name
        if missing := sorted(found.keys() - {n.removesuffix(".weight") for n in self.shapes}):
            raise ModelError(f"{self.base} lacks the layer {missing[0]}, which has an adapter")
        return found

    @cached_property
    def _below(self) -> ModelFolder:
        """The model under adapters."""
        return ModelFolder(self.base)

    @cached_property
    def _module(self) -> Any:
        """The network without weights, which knows how files name them."""
        from transformers import AutoConfig, AutoModelForCausalLM

        trust = bool(self.settings["model"].get("trust_remote_code", False))
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(
                AutoConfig.from_pretrained(self.base, trust_remote_code=trust),
                trust_remote_code=trust,
            )

    @cached_property
    def _owners(self) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        """Each tensor of the files: the parameter that it is of, and its shape."""
        found = {}
        held = {**dict(self._module.named_parameters()), **dict(saved_buffers(self._module))}
        for parameter, weight in held.items():
            for name, tensor in _in_files(self._module, parameter, weight.detach()).items():
                found[name] = parameter, tuple(tensor.shape)
        return found


def _in_files(module: Any, name: str, weight: Tensor) -> Mapping[str, Tensor]:
    """A parameter as files have it: where transformers joins tensors, they are taken apart."""
    from transformers.core_model_loading import revert_weight_conversion

    found: Mapping[str, Tensor] = revert_weight_conversion(module, {name: weight})
    return found


def _base(path: str, run_dir: Path) -> Path:
    """The folder of the model that a run began with."""
    if path == TINY:
        return run_dir / "start_model"
    if Path(path).is_dir():
        return Path(path)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(path))
    except (OSError, ValueError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"the model {path!r}, from which the checkpoint was trained, is not to be had "
            f"({reason}): its configuration and tokenizer are needed"
        ) from error
