"""What measured answers and their grades depend on."""

import hashlib
from pathlib import Path
from typing import Any, Final

from data.errors import SourceError
from rl.config import RunConfig

_SLICES: Final = 64


_SLICE: Final = 65_536  # bytes


def identity_of(config: RunConfig) -> dict[str, Any]:
    """What an answer and its grade depend on."""
    rollout, data, path = config.rollout, config.data, config.model.path
    reward = config.reward.model_dump(mode="json")
    return {
        "model": {"name": model_name(path), "sha256": model_digest(path)},
        "sampling": sampling_of(config),
        "rendering": {
            "stop": rollout.stop,
            "stop_token_ids": rollout.stop_token_ids,
            "template_arguments": rollout.template_arguments,
            "template_file": str(rollout.template_file or ""),
            "max_prompt_tokens": rollout.max_prompt_tokens,
            "dtype": config.model.dtype,
        },
        "reward": {name: reward[name] for name in ("verifier", "options", "routes", "terms")},
        "episode": _episode(config),
        "wording": {"system": data.system, "template": data.template, "task": data.task},
        "seed": config.seed,
    }


def _episode(config: RunConfig) -> dict[str, Any]:
    """What of an episode's settings an answer depends on; without an environment nearly nothing."""
    episode = config.episode.model_dump(mode="json", exclude={"retries", "calls_at_once"})
    if config.env is None:
        known = {name: episode[name] for name in ("turns", "tokens", "history")}
        return {"environment": None, **known}
    return {**episode, "environment": config.env.model_dump(mode="json")}


def model_digest(path: str) -> str:
    """Tell a model's files from others by their names, sizes and parts of their bytes.

    Of each file so many slices are read that a training step, which changes every weight, cannot
    go unnoticed; a hub's model is known by its name.
    """
    folder = Path(path)
    if not folder.is_dir():
        return ""
    found = hashlib.sha256()
    try:
        for file in sorted(p for p in folder.iterdir() if p.is_file()):
            size = file.stat().st_size
            found.update(f"{file.name} {size}\n".encode())
            with file.open("rb") as opened:
                for slice_ in range(_SLICES):
                    opened.seek(slice_ * max(_SLICE, size // _SLICES))
                    found.update(opened.read(_SLICE))
    except OSError as error:
        raise SourceError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return found.hexdigest()


def model_name(path: str) -> str:
    """A hub id as it is; of a folder its name, and of those that runs write the run's too."""
    folder = Path(path)
    if not folder.is_dir():
        return path
    resolved = folder.resolve()
    own = resolved.name in ("model", "start_model", "huggingface")
    return f"{resolved.parent.name}/{resolved.name}" if own else resolved.name


def sampling_of(config: RunConfig) -> dict[str, Any]:
    """By vLLM's names."""
    rollout = config.rollout
    return {
        "temperature": rollout.temperature,
        "top_p": rollout.top_p,
        "top_k": rollout.top_k,
        "max_tokens": rollout.max_response_tokens,
    }
