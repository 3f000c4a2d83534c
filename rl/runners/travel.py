"""A user's environment on other nodes: its file travels with the settings.

Guarantee: what is loaded there is what lies here, whether or not the other node has the file, or
another version of it. Folders of an agent do not travel: they have to be there.
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

from rewards.plugin_file import absolute_spec, is_file_spec
from rl.config import RunConfig


class EnvFile(NamedTuple):
    """The file that `env` names."""

    path: Path
    text: bytes


def packed(config: RunConfig, runners: int) -> tuple[RunConfig, EnvFile | None]:
    """The settings of each of so many runners, and the environment's file, if it is one.

    What may go on at a time is parted among them.
    """
    episode = config.episode
    share = -(-episode.calls_at_once // runners)
    changed: dict[str, object] = {
        "episode": episode.model_copy(update={"calls_at_once": share, "runners": 0})
    }
    agent, env, file = config.agent, config.env, None
    if agent is not None:
        shown: dict[str, object] = {"at_once": -(-agent.at_once // runners)}
        folders = {"folder": agent.folder, "rootfs": agent.rootfs}
        shown |= {name: path.absolute() for name, path in folders.items() if path is not None}
        shown |= {"readable": [path.absolute() for path in agent.readable]}
        changed["agent"] = agent.model_copy(update=shown)
    if env is not None and is_file_spec(env.spec):
        spec = absolute_spec(env.spec)
        changed["env"] = env.model_copy(update={"spec": spec})
        path = Path(spec.rpartition(":")[0])
        file = EnvFile(path, path.read_bytes()) if path.is_file() else None
    return config.model_copy(update=changed), file


def unpacked(config: RunConfig, file: EnvFile | None) -> RunConfig:
    """The settings with the environment's file where this node has it."""
    if file is None or config.env is None or _is_here(file):
        return config
    folder = Path(tempfile.mkdtemp(prefix="plumb-env-"))
    path = folder / file.path.name
    path.write_bytes(file.text)
    spec = f"{path}:{config.env.spec.rpartition(':')[2]}"
    return config.model_copy(update={"env": config.env.model_copy(update={"spec": spec})})


def _is_here(file: EnvFile) -> bool:
    try:
        return file.path.read_bytes() == file.text
    except OSError:
        return False
