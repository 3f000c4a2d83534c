"""What a pool has measured so far: outcomes, kinds of ungradable reasons, and slow calls.

Guarantee: memory stays bounded however long a run is.
"""

import heapq
import statistics
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from rewards.grading.running import Call
from rewards.types import Outcome, Verdict

RECENT = 4_096  # calls over which times are taken
SLOWEST = 3  # calls named
KIND_LIMIT = 80  # characters of a reason's kind
KINDS = 200  # kinds counted by name; the rest is "other"


class Tally:
    """Counts verdicts and remembers the slowest calls."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self._outcomes: Counter[Outcome] = Counter()
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._slowest: list[Call] = []

    def note_call(self, call: Call) -> None:
        """Count one call of a verifier."""
        self.note_seconds(call.seconds)
        if len(self._slowest) < SLOWEST or call.seconds > self._slowest[-1].seconds:
            self.note_slow([call])

    def note_seconds(self, seconds: float) -> None:
        """Count a time."""
        self._seconds.append(seconds)

    def note_slow(self, calls: Iterable[Call]) -> None:
        """Keep the slowest of `calls` and of those kept before."""
        every = [*self._slowest, *calls]
        self._slowest = heapq.nlargest(SLOWEST, every, key=lambda one: one.seconds)

    def note_verdict(self, verdict: Verdict) -> None:
        """Count one verdict on a sample."""
        self._outcomes[verdict.outcome] += 1
        if not verdict.is_gradable:
            kind = verdict.kind[:KIND_LIMIT]
            known = kind in self.kinds or len(self.kinds) < KINDS
            self.kinds[kind if known else "other"] += 1

    def take_slowest(self) -> list[Call]:
        """The slowest calls since this was last asked, the slowest first."""
        taken, self._slowest = self._slowest, []
        return taken

    def metrics(self) -> dict[str, Any]:
        """Counts since the start, recent times in seconds, and the slowest calls by name."""
        return {
            "graded": float(self._outcomes.total()),
            **{str(outcome): float(self._outcomes[outcome]) for outcome in Outcome},
            "seconds_p50": statistics.median(self._seconds) if self._seconds else 0.0,
            "seconds_max": max(self._seconds, default=0.0),
            "slowest": [list(call) for call in self._slowest],
        }
