"""What a secret looks like: variables that are called like one, and well-known kinds of keys.

Guarantee: a text that a `Scrubber` has gone over holds neither the value of such a variable nor a
key of such a kind, nor the password of an address.
"""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

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
    "a private key": re.compile(
        rb"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
        rb"(?:(?:\s|\\[rn]){0,4}[A-Za-z-]{1,30}: [A-Za-z0-9,-]{1,100}){0,4}"  # of encrypted ones
        rb"[A-Za-z0-9+/=\s\\]{0,20000}"  # backslashes: as JSON has line breaks
        rb"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
    ),
}
SHORTEST: Final = 8  # a shorter value may stand anywhere by chance
HIDDEN: Final = "(secret)"
_IN_ADDRESS: Final = re.compile(r"(?<=://)[^\s/@:]{0,200}:[^\s/@]{1,200}(?=@)")
_KEY: Final = re.compile(r"(?i)(^|_)(api_?key|token|secret|passw(or)?d|passphrase)$")
"""Settings that are called so would hold a secret; `api_key_env` names a variable."""


def has_password(text: str) -> bool:
    """Whether an address in it names a user and a password."""
    return _IN_ADDRESS.search(text) is not None


def secret_values(environment: Mapping[str, str]) -> dict[str, bytes]:
    """Values of variables that are called like secrets."""
    return {
        name: as_bytes(value.strip())
        for name, value in environment.items()
        if NAMES.search(name) and len(value.strip()) >= SHORTEST and not _is_path(value)
    }


def as_bytes(text: str) -> bytes:
    """A text that may hold bytes that are none, as variables do."""
    return text.encode("utf-8", "surrogateescape")


def _is_path(value: str) -> bool:
    """Whether a variable says where a secret lies, and is none itself."""
    if not value.startswith("/"):
        return False
    try:
        return Path(value).exists()
    except PermissionError:  # it lies in somebody else's folder
        return True
    except OSError:  # no path is so long
        return False


class Scrubber:
    """Takes secrets out of what is shown elsewhere.

    Args:
        environment: whose variables are looked for.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        values = secret_values(environment).values()
        plain = {value.decode("utf-8", "surrogateescape") for value in values}
        quoted = {html.escape(one) for one in plain} | {json.dumps(one)[1:-1] for one in plain}
        self._values = sorted(plain | quoted, key=len, reverse=True)

    def text(self, text: str) -> str:
        """A text without secrets."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        text = _IN_ADDRESS.sub(HIDDEN, text)
        raw = text.encode("utf-8", "surrogatepass")
        for pattern in KINDS.values():
            raw = pattern.sub(HIDDEN.encode(), raw)
        return raw.decode("utf-8", "surrogatepass")

    def tree(self, value: Any, key: str = "") -> Any:
        """Nested values without secrets; a text under a key that is called like one is one."""
        if isinstance(value, str):
            return HIDDEN if value and _KEY.search(key) else self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.tree(one, str(name)) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(one, key) for one in value]
        return value
