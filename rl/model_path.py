"""What `model.path` names, looked at before anything is started."""

import re
from pathlib import Path
from typing import Final

from rl.errors import ModelError

HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
"""A model's name on the Hugging Face hub: `name` or `owner/name`."""


def check_model_path(path: str) -> None:
    """Refuse a folder that is not there or holds no model; a hub's name is asked for later.

    Raises:
        ModelError: Says which.
    """
    folder = Path(path)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"{path} holds no model: it has no config.json; check model.path")
    elif folder.exists():
        raise ModelError(f"{path} is a file, not a model's folder; check model.path")
    elif not HUB_ID.fullmatch(path):
        raise ModelError(f"the model folder {path} does not exist; check model.path")
