"""What a pool and its worker say to each other.

A request is a head, which verifier and how many bytes, and the pickle of a `Sample`. Replies are
lines of JSON, so that the trainer never unpickles what a process wrote that has handled a model's
text. A worker announces itself with one line, `{"ready": true}` or `{"error": "..."}`; then it
answers each request in order. When it began the current one stands in memory that both share: it is
there after a kill, and it is right even when the trainer's loop was late to look.
"""

import json
import math
import mmap
import pickle
import struct
import time
from typing import BinaryIO, NamedTuple

from rewards.errors import RewardError
from rewards.types import Outcome, Sample, Verdict

REASON_LIMIT = 2_000  # characters of a reason that travel
REPLY_LIMIT = 1 << 20  # bytes of a reply line that are read
_HEAD = struct.Struct("!IQ")
_CLOCK = struct.Struct("d")


class Graded(NamedTuple):
    """A verdict and the seconds that the verifier took for it."""

    verdict: Verdict
    seconds: float


def ready_line() -> bytes:
    """What a worker says when it can grade."""
    return b'{"ready": true}\n'


def failed_line(error: BaseException) -> bytes:
    """What a worker says when its verifier does not load."""
    kind = "" if isinstance(error, RewardError) else f"{type(error).__name__}: "
    return json.dumps({"error": f"{kind}{error}"[:REASON_LIMIT]}).encode() + b"\n"


def start_error(line: bytes) -> str | None:
    """Why the worker that announced itself with `line` cannot grade; None when it can."""
    if line == ready_line():
        return None
    if not line:
        return "it died while it loaded the verifier; a larger memory_mb may help"
    try:
        return str(json.loads(line)["error"])
    except (ValueError, TypeError, KeyError):
        return f"it announced itself with {line[:80]!r}"


def encode_request(sample: Sample, verifier: int = 0) -> bytes:
    """`sample` as a frame for the worker's verifier of that number.

    Raises whatever pickling the sample's columns raises.
    """
    body = pickle.dumps(sample, protocol=pickle.HIGHEST_PROTOCOL)
    return _HEAD.pack(verifier, len(body)) + body


def read_request(stream: BinaryIO) -> tuple[int, bytes] | None:
    """The number of a verifier and a pickled sample, or None at the end of the stream."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    verifier, length = _HEAD.unpack(head)
    body = stream.read(length)
    return (verifier, body) if len(body) == length else None


def encode_reply(graded: Graded) -> bytes:
    """A verdict as a line."""
    verdict, seconds = graded
    reward = verdict.reward if verdict.is_gradable else None
    reason = verdict.reason[:REASON_LIMIT]
    line = json.dumps([verdict.outcome, reward, reason, dict(verdict.metrics), seconds])
    return line.encode() + b"\n"


def decode_reply(line: bytes) -> Graded:
    """The verdict in a line.

    Raises:
        ValueError: The line is not one that `encode_reply` writes.
    """
    try:
        outcome, reward, reason, metrics, seconds = json.loads(line)
        worth = math.nan if reward is None else reward
        return Graded(Verdict(Outcome(outcome), worth, reason, metrics), float(seconds))
    except (TypeError, RewardError) as error:
        raise ValueError(f"not a reply: {line[:80]!r}") from error


class Stamp:
    """When the worker began its current sample (monotonic clock), or that it is idle."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, mmap.PAGESIZE)

    def start(self) -> float:
        """Note that a sample begins now."""
        now = time.monotonic()
        _CLOCK.pack_into(self._memory, 0, now)
        return now

    def clear(self) -> None:
        """Note that no sample is being graded."""
        _CLOCK.pack_into(self._memory, 0, 0.0)

    @property
    def since(self) -> float | None:
        """When the current sample began; None when there is none."""
        (value,) = _CLOCK.unpack_from(self._memory, 0)
        return float(value) or None

    def close(self) -> None:
        """Unmap the shared memory."""
        self._memory.close()
