"""What is evaluated: a model's folder or hub id, what a run has trained, or an endpoint.

Guarantee: a run is evaluated with the settings that it was trained with: its verifiers, wording,
environment and chat template's arguments.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from launch.datasets.identity import model_name
from rl.config import RunConfig
from rl.config_file import load_config
from rl.errors import ConfigError, ModelError
from rl.model_path import check_model_path

CONFIG = "config.yaml"
"""In a run's folder: its settings, resolved."""
_OF_RUNS = ("model", "model_ema", "start_model")
"""Folders of models in a run's folder, beside `models/step_...`."""


@dataclass(frozen=True, slots=True)
class Target:
    """What answers.

    Attributes:
        name: for people and for the folder of the results.
        path: the model's folder or hub id; empty: an endpoint.
        urls: the endpoint's; empty: there is none.
        run_dir: the run that trained the model; None: not known.
    """

    name: str
    path: str = ""
    urls: tuple[str, ...] = ()
    run_dir: Path | None = None


def target_of(text: str) -> Target:
    """What the command line names.

    Raises:
        ConfigError, ModelError: it is nothing that answers; says why.
    """
    if text.startswith(("http://", "https://")):
        urls = tuple(one for one in text.split(",") if one)
        return Target(urls[0].partition("://")[2].rstrip("/"), urls=urls)
    folder = Path(text)
    if (folder / CONFIG).is_file() and not (folder / "config.json").is_file():
        path = _model_of(folder)
        return Target(model_name(str(path)), str(path), run_dir=folder)
    check_model_path(text)
    return Target(model_name(text), text, run_dir=_run_of(folder))


def base_config(target: Target, config: Path | None, overrides: list[str]) -> RunConfig:
    """The settings that an evaluation begins with: of `--config`, else of the run, else none.

    Raises:
        ConfigError: they cannot be used.
    """
    path = config
    if path is None and target.run_dir is not None:
        path = target.run_dir / CONFIG
    loaded = load_config(path, overrides)
    if target.path:
        model = loaded.model.model_copy(update={"path": target.path})
        loaded = loaded.model_copy(update={"model": model})
    return loaded


def context_of(path: str) -> int | None:
    """The model's longest context, tokens; None where only its hub knows."""
    file = Path(path) / "config.json"
    if not path or not file.is_file():
        return None
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read: {error}") from error
    tokens = (found.get("text_config") or found).get("max_position_embeddings")
    return tokens if isinstance(tokens, int) else None


def _run_of(folder: Path) -> Path | None:
    """The run that a model's folder is of: what it began with, or what it has trained."""
    if not folder.is_dir():
        return None
    here = folder.resolve()
    run_dir = here.parents[1] if here.parent.name == "models" else here.parent
    is_of_run = here.parent.name == "models" or here.name in _OF_RUNS
    return run_dir if is_of_run and (run_dir / CONFIG).is_file() else None


def _model_of(run_dir: Path) -> Path:
    """The newest model that a run has written in Hugging Face format."""
    found = [run_dir / "model", *sorted((run_dir / "models").glob("step_*"), reverse=True)]
    for folder in found:
        if (folder / "config.json").is_file():
            return folder
    has_some = any((run_dir / "checkpoints").glob("step_*"))
    remedy = f"plumb export {run_dir} {run_dir / 'model'}" if has_some else "train it to its end"
    raise ConfigError(f"{run_dir} is a run without a model in Hugging Face format: {remedy}")
