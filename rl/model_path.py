"""What `model.path` names, looked at before anything is started, and where a model is loaded."""

import socket
from pathlib import Path

from rl.config import RunConfig
from rl.errors import ModelError


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
    elif not _may_be_on_hub(path):
        raise ModelError(f"the model folder {path} does not exist; check model.path")


def with_model(config: RunConfig, path: str) -> RunConfig:
    """The settings with another `model.path`; that of a folder as other processes understand it."""
    located = str(Path(path).absolute()) if Path(path).is_dir() else path
    model = config.model.model_copy(update={"path": located})
    return config.model_copy(update={"model": model})


def check_seen_here(path: str) -> None:
    """Refuse a folder, by its absolute path, that this host does not see.

    Raises:
        ModelError: Names the host.
    """
    if Path(path).is_absolute() and not Path(path).is_dir():
        raise ModelError(
            f"host {socket.gethostname()} does not see the model folder {path}: put it on a file "
            "system that all hosts share"
        )


def _may_be_on_hub(path: str) -> bool:
    """Whether it is a name as the Hugging Face hub gives them."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # not in __all__

    try:
        validate_repo_id(path)
    except HFValidationError:
        return False
    return True
