"""Texts that were pickled and compressed, read without unpickling.

A pickle is a program: what is read here may only put one text on the stack and stop, and nothing of
it is run. Guarantees: anything else is refused; no more than `MOST_BYTES` is ever decompressed.
"""

import base64
import binascii
import pickletools
import zlib
from typing import Final

MOST_BYTES: Final = 64 << 20
"""Of a decompressed pickle."""
_TEXTS: Final = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})
_AROUND: Final = frozenset({"PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"})
_MOST_OPERATIONS: Final = 16


class NoTextError(Exception):
    """It is no pickled text; the message says what it is."""


def packed_text(packed: str) -> str:
    """The text of `base64(zlib(pickle(text)))`.

    Raises:
        NoTextError: It is something else, or too large.
    """
    try:
        compressed = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoTextError(f"it is no base64: {error}") from error
    unpacker = zlib.decompressobj()
    try:
        pickled = unpacker.decompress(compressed, MOST_BYTES + 1)
    except zlib.error as error:
        raise NoTextError(f"it is not compressed: {error}") from error
    if len(pickled) > MOST_BYTES:
        raise NoTextError(f"it is larger than {MOST_BYTES >> 20} MiB")
    if not unpacker.eof:
        raise NoTextError("it is cut off")
    return pickled_text(pickled)


def pickled_text(pickled: bytes) -> str:
    """The text that a pickle holds, and nothing else.

    Raises:
        NoTextError: It holds something else.
    """
    found: list[str] = []
    count, end, name = 0, -1, ""
    try:
        for operation, argument, place in pickletools.genops(pickled):
            count, end, name = count + 1, place or 0, operation.name
            if name in _TEXTS and isinstance(argument, str):
                found.append(argument)
            elif name != "STOP" and name not in _AROUND:
                raise NoTextError(f"it is a pickle with the operation {name}, and no text")
            if len(found) > 1 or count > _MOST_OPERATIONS:
                raise NoTextError("it is a pickle of more than one text")
    except NoTextError:
        raise
    except Exception as error:  # a damaged pickle fails in many ways
        raise NoTextError(f"it is no pickle: {type(error).__name__}: {error}") from error
    if name != "STOP" or end != len(pickled) - 1 or not found:
        raise NoTextError("it is no pickle of one text")
    return found[0]
