"""Keeps secrets out of what a job takes along: its files, its settings, its environment.

What Ray is given of a job can be read by all who reach its dashboard. Guarantees: neither the value
of a variable of this process that is called like a secret, nor text in the form of a well-known
kind of key, is sent; the message names the place and the variable, never the value.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rl.errors import ConfigError

NAMES: Final = re.compile(
    r"(?i)(^|_)(api_?key|key|token|secret|passw(or)?d|credentials?)(_|$)"
    r"|(^|_)(api_?keys?|keys|tokens|secrets|pass|pat|passphrase|\w*passw(or)?d)$|_pwd$"
)
"""Variables that are called so hold secrets."""
KINDS: Final[Mapping[str, "re.Pattern[bytes]"]] = {
    "an API key": re.compile(rb"\bsk-[A-Za-z0-9_-]{20,200}"),
    "a Hugging Face token": re.compile(rb"\bhf_[A-Za-z0-9]{30,100}"),
    "a GitHub token": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,100}|github_pat_\w{40,100})"),
    "an AWS access key": re.compile(rb"\bAKIA[0-9A-Z]{16}\b"),
    "a private key": re.compile(rb"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"),
}
SHORTEST: Final = 8  # a shorter value may stand anywhere by chance
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
        pieces = _pieces(one) if isinstance(one, Path) else [_bytes(one)]
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


def secret_values(environment: Mapping[str, str]) -> dict[str, bytes]:
    """Values of variables that are called like secrets."""
    return {
        name: _bytes(value.strip())
        for name, value in environment.items()
        if NAMES.search(name) and len(value.strip()) >= SHORTEST and not _is_path(value)
    }


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a variable may hold bytes that are no text


def _is_path(value: str) -> bool:
    """Whether a variable says where a secret lies, and is none itself."""
    return value.startswith("/") and Path(value).exists()


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
