"""Keeps secrets out of what a job takes along, and out of the settings that a run writes down.

What Ray is given of a job can be read by all who reach its dashboard, and a run's settings by all
who reach its folder or its tracker. Guarantees: neither the value of a variable of this process
that is called like a secret, nor text in the form of a well-known kind of key, is sent or written;
the message names the place and the variable, never the value.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rl.config import RunConfig
from rl.config_file import dump_config
from rl.errors import ConfigError
from rl.secret_words import KINDS, NAMES, SHORTEST, as_bytes, secret_values

_REMEDY: Final = (
    "take it out, name an environment variable in its place, and set that on the cluster's nodes"
)
_PIECE: Final = 1 << 20
_OVERLAP: Final = 4096  # bytes that neighbouring pieces of a file share


def refuse_secrets(named: Iterable[tuple[str, Path | str]]) -> None:
    """Look through files and texts, each with what it is called in a message.

    Raises:
        ConfigError: one holds a secret, or a file cannot be read.
    """
    values = secret_values(os.environ)
    for place, one in named:
        pieces = _pieces(one) if isinstance(one, Path) else [as_bytes(one)]
        for piece in pieces:
            found = _secret_in(piece, values)
            if found:
                raise ConfigError(f"{place} holds {found}: {_REMEDY}")


def refuse_secrets_of(config: RunConfig) -> None:
    """Look through a run's settings, which config.yaml and trackers show.

    Raises:
        ConfigError: they hold a secret, or give a program a variable that is called like one.
    """
    settings = config.model_dump(mode="json")
    refuse_secrets([("the config", text) for text in [dump_config(config), *texts_in(settings)]])
    for place, name, value in _variables_of(config):
        if is_secret(name, value):
            raise ConfigError(
                f"{place}.{name}: is called like a secret, and the run's folder and trackers would "
                f"show it: set it where the run starts, and name it in {_passing(place)}"
            )


def is_secret(name: str, value: str) -> bool:
    """Whether a variable is called like a secret, and is no number such as MAX_TOKENS."""
    return bool(NAMES.search(name)) and not (value.isdecimal() and len(value) < SHORTEST)


def _variables_of(config: RunConfig) -> Iterator[tuple[str, str, str]]:
    """Environment variables that the settings give programs: where, name and value."""
    if config.agent is not None:
        yield from (("agent.variables", *one) for one in config.agent.variables.items())
    given = config.env.options.get("environment") if config.env is not None else None
    if isinstance(given, Mapping):
        yield from (("env.options.environment", str(n), str(v)) for n, v in given.items())


def _passing(place: str) -> str:
    """The setting beside it that names variables in place of giving them."""
    return f"{place.rpartition('.')[0]}.pass_environment"


def texts_in(value: Any) -> Iterator[str]:
    """Every text in nested values, names included, as it is before a format quotes or folds it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield str(name)
            yield from texts_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts_in(one)


def _secret_in(text: bytes, values: Mapping[str, bytes]) -> str:
    for name, value in values.items():
        if value in text:
            return f"the value of {name}"
    for kind, pattern in KINDS.items():
        if pattern.search(text):
            return f"what looks like {kind}"
    return ""


def _pieces(path: Path) -> Iterable[bytes]:
    tail = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield tail + piece
                tail = piece[-_OVERLAP:]
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
