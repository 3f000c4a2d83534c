"""The model's tokenizer, loaded without the garbage collector's walks."""

from typing import Any

from rl.config import RunConfig
from rl.errors import ModelError
from rl.gc_pause import loading
from rl.hub import see_hub


def load_tokenizer(config: RunConfig) -> Any:
    """The tokenizer of `model.path`.

    Raises:
        ModelError: There is none, or it cannot be loaded.
    """
    see_hub(config.model.path)
    with loading():
        from transformers import AutoTokenizer

    path, trust = config.model.path, config.model.trust_remote_code
    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=trust)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"the tokenizer of the model {path!r} cannot be loaded: {reason}"
        ) from error
