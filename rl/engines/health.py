"""When an engine is lost though its actor answers, and how often one may be lost.

Guarantees: an engine that makes tokens, is paused, or has nothing to do is never silent; the bound
on restarts counts the losses of the hour before, of each engine by itself.
"""

from collections import deque

HOUR = 3600.0


class Silence:
    """Watches one engine's tokens.

    Args:
        seconds: without a token, while it has requests, after which it is silent.
        now: the time, seconds of a monotonic clock.
    """

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._tokens = 0
        self._since = now

    def note(self, *, live: int, tokens: int, paused: bool, now: float) -> None:
        """What the engine says of itself."""
        if live == 0 or paused or tokens != self._tokens:
            self._since = now
        self._tokens = tokens

    def quiet(self, now: float) -> float:
        """Seconds for which it has been silent."""
        return now - self._since

    def broken(self, now: float) -> bool:
        """Whether it has been silent for too long."""
        return self.quiet(now) > self._seconds


class Restarts:
    """How often one engine may still be started again.

    Args:
        an_hour: the bound; the next loss within an hour is one too many.
    """

    def __init__(self, an_hour: int) -> None:
        self._an_hour = an_hour
        self._losses: deque[float] = deque()

    def lost(self, now: float) -> bool:
        """Count a loss; whether the engine may be started again."""
        while self._losses and now - self._losses[0] >= HOUR:
            self._losses.popleft()
        self._losses.append(now)
        return len(self._losses) <= self._an_hour


class Idle:
    """How long a place for an engine had nothing to do; a place without an engine is idle."""

    def __init__(self, now: float) -> None:
        self._since: float | None = now
        self._seconds = 0.0

    def note(self, load: int, now: float) -> None:
        """It has so many requests from now on."""
        if self._since is not None:
            self._seconds += now - self._since
        self._since = now if load == 0 else None

    def take(self, now: float) -> float:
        """Idle seconds since this was last asked."""
        if self._since is not None:
            self._seconds += now - self._since
            self._since = now
        seconds, self._seconds = self._seconds, 0.0
        return seconds
