"""The adapters of a checkpoint as peft's files, without the model they are for.

Guarantee: the folder appears whole or not at all; factors are those of the optimizer, in float32
unless another type is asked for.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rl.errors import ModelError
from rl.learn.lora import peft_settings, save_adapters
from rl.models.files import ORIGIN
from rl.models.trained import Trained
from rl.storage import publish, write_atomically, writing


def check_adapters(model: Trained) -> None:
    """Raises ModelError where a checkpoint has no adapters."""
    if not model.lora.on:
        raise ModelError(
            f"{model.label} was trained without adapters (learner.lora.rank is 0): leave --adapter "
            "out"
        )


def write_adapters(
    target: Path, model: Trained, *, dtype: torch.dtype, origin: Mapping[str, Any]
) -> None:
    """Write what `PeftModel.from_pretrained` reads, and the tokenizer.

    Args:
        target: the folder, which may not be there.
        model: the policy of a checkpoint.
        dtype: of the factors in the file.
        origin: what it was made of, as JSON values.

    Raises:
        ModelError: It has no adapters.
        StorageError: They cannot be written; nothing is left of them then.
    """
    from transformers import AutoTokenizer

    check_adapters(model)
    factors = {name: one.to(dtype).contiguous() for name, one in model.factors.items()}
    targets = sorted({name.partition(".lora_")[0].rpartition(".")[2] for name in factors})
    settings = peft_settings(model.lora, targets, base=model.base_name)
    temporary = target.with_name(f".{target.name}.tmp")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            save_adapters(settings, factors, temporary)
            trust = bool(model.settings["model"].get("trust_remote_code", False))
            tokenizer = AutoTokenizer.from_pretrained(model.base, trust_remote_code=trust)
            tokenizer.save_pretrained(temporary)
            write_atomically(temporary / ORIGIN, json.dumps(origin, indent=1) + "\n")
            publish(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
