"""Whether the Hugging Face hub can be asked for a model, found out before its library asks.

The library asks for each of a model's files again and again, for minutes in all, before it says
that nobody answers. Guarantees: that a model can be had from nowhere is told within `LONGEST`
seconds, in one line; where the hub is away and the model lies in its cache, this process and those
that it starts take it from there, as with HF_HUB_OFFLINE=1, and no more is asked.
"""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Final

from rl.errors import ModelError

OFFLINE: Final = "HF_HUB_OFFLINE"
LONGEST: Final = 20.0
"""Seconds for the hub to answer, whatever it says."""
_CONFIG: Final = ("config.json",)
_WEIGHTS: Final = tuple(
    name + more
    for name in ("model.safetensors", "pytorch_model.bin", "consolidated.safetensors")
    for more in ("", ".index.json")
)


def see_hub(path: str, *, weights: bool = False) -> None:
    """See that a model is in a folder or the cache, or that its hub answers.

    Args:
        path: the model's folder, or its name.
        weights: whether its weights are wanted too, not only what is known of it.

    Raises:
        ModelError: neither is so.
    """
    if Path(path).is_dir():
        return
    from huggingface_hub import constants

    held = _is_cached(path, _WEIGHTS if weights else _CONFIG)
    if constants.HF_HUB_OFFLINE:
        if not held:
            raise ModelError(
                f"the model {path} is not in {constants.HF_HUB_CACHE}, and {OFFLINE} is set, so "
                f"that it is not fetched: unset it, or give the model's folder"
            )
        return
    why = _silence(constants.ENDPOINT)
    if not why:
        return
    if not held:
        raise ModelError(
            f"the model {path} is not on this machine, and {constants.ENDPOINT} does not answer "
            f"({why}): fetch it where that answers (hf download {path}), and give its folder, or "
            f"lay it into {constants.HF_HUB_CACHE} and set {OFFLINE}=1"
        )
    os.environ[OFFLINE] = "1"
    constants.HF_HUB_OFFLINE = True


def _is_cached(path: str, files: Sequence[str]) -> bool:
    """Whether one of the files is there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return any(isinstance(try_to_load_from_cache(path, name), str) for name in files)
    except HFValidationError:  # no name of the hub: what asks for it says so
        return True


@cache
def _silence(endpoint: str) -> str:
    """Why a server does not answer; empty: it does."""
    found: list[str] = []
    # Looking a name up knows no deadline.
    asking = Thread(target=lambda: found.append(_asked(endpoint)), daemon=True)
    asking.start()
    asking.join(LONGEST)
    return found[0] if found else f"for {LONGEST:g} s"


def _asked(endpoint: str) -> str:
    from huggingface_hub import get_session

    try:
        get_session().head(endpoint, timeout=LONGEST / 2)
    except Exception as error:  # also of the proxies and certificates that are named
        return " ".join(str(error).split())[:200] or type(error).__name__
    return ""
