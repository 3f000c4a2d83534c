"""Keeps secrets out of what a job takes along: its files, its settings, its environment.

What Ray is given of a job can be read by all who reach its dashboard. Guarantees: neither the value
of a variable of this process that is called like a secret, nor text in the form of a well-known
kind of key, is sent; the message names the place and the variable, never the value.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rl.errors import ConfigError
from rl.secret_words import KINDS, as_bytes, secret_values

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
