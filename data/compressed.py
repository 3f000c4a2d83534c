"""Files of data as they are, or compressed: `rows.jsonl.gz` is read as the `rows.jsonl` within.

Guarantees: what is within is decompressed as it is read, never as a whole, and is written nowhere.
A file that is damaged or was cut off ends in an OSError that says so.
"""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes within a file, by its ending.

    Raises:
        OSError: it cannot be opened, or what is compressed in it ends too early or is damaged.
    """
    begin = _OPENERS.get(path.suffix.lower(), _plain)
    try:
        with begin(path) as file:
            yield file
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise OSError(f"what is compressed in it is damaged or cut off ({error})") from error


def kind_of(path: Path) -> str:
    """The ending that says what is within: `.jsonl` of `rows.jsonl.gz`, in small letters."""
    return Path(bare_name(path)).suffix.lower()


def bare_name(path: Path) -> str:
    """A file's name without the ending of its compression."""
    return path.stem if path.suffix.lower() in _OPENERS else path.name


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb", buffering=1 << 20)


def _of_zstandard(path: Path) -> IO[bytes]:
    import pyarrow

    stream: Any = pyarrow.input_stream(str(path), compression="zstd")
    return io.BufferedReader(stream)  # which gives lines


_OPENERS: Final[Mapping[str, Callable[[Path], Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _of_zstandard,
}
COMPRESSIONS: Final = tuple(_OPENERS)
