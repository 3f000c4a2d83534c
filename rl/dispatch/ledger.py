"""Which dispatched groups are open, which are ready, and which of them form the next batch.

A plain state machine: no clock, no task, no engine. Batch k is trained by policy version k, which
makes version k + 1; a group's start is the version of its oldest token, its lag is k - start.

Guarantees:

- An index that was dispatched is open until it is settled or withdrawn, then ready (or gone, if it
  teaches nothing) until it is in a batch or is returned as surplus; it is never in two places.
- No group leaves in a batch with a lag above `max_lag`. A slow group is waited for, never dropped.
- A batch is the `size` ready groups lowest in dispatch order, once no open group has to be in it.
  With max_lag 0 that says that nothing is open: batches depend on outcomes alone. With order
  "dispatch" they do so at every max_lag.
- No call takes longer than its result is long, but for moving pointers in a sorted list.
"""

import heapq
from bisect import insort
from collections import Counter
from typing import Generic, Literal, NamedTuple, TypeVar

G = TypeVar("G")
Order = Literal["ready", "dispatch"]


class Ready(NamedTuple, Generic[G]):
    """A group that waits for its batch, under its index."""

    number: int
    start: int
    group: G


class Ledger(Generic[G]):
    """Where every group stands.

    Args:
        size: groups a batch.
        max_lag: policy versions that a group may be older than the one that trains on it.
        order: `ready`: a batch may overtake open groups that a later one can still have;
            `dispatch`: it overtakes nothing.
        ahead: batches of work in progress beyond the next one; none: `max_lag`, but at most 2.
    """

    def __init__(
        self, size: int, max_lag: int, order: Order = "ready", ahead: float | None = None
    ) -> None:
        self.size = size
        self.max_lag = max_lag
        self.order = order
        self.ahead = min(max_lag, 2) if ahead is None else ahead
        if self.ahead > max_lag:
            raise ValueError(f"ahead is {self.ahead:g} and max_lag {max_lag}: surplus would age")
        self.taken = 0
        self._open: dict[int, int] = {}
        self._open_at: dict[int, dict[int, None]] = {}  # by start; an ordered set of indices
        self._lowest: list[int] = []  # a heap of open indices; closed ones leave it late
        self._ready: list[Ready[G]] = []  # by index
        self._ready_at: Counter[int] = Counter()  # by start

    @property
    def open(self) -> int:
        """Groups in flight."""
        return len(self._open)

    @property
    def ready(self) -> int:
        """Groups that wait for their batch."""
        return len(self._ready)

    @property
    def opened(self) -> list[int]:
        """Indices of the groups in flight."""
        return sorted(self._open)

    @property
    def waiting(self) -> list[Ready[G]]:
        """The groups that wait for their batch, in dispatch order."""
        return list(self._ready)

    def capacity(self, version: int, further: float = 0.0) -> int:
        """Accepted groups that may come out of what is open so that none exceeds max_lag.

        Args:
            version: the newest policy version.
            further: batches ahead beyond `ahead`, as far as `max_lag` has them.
        """
        ahead = min(self.ahead + further, self.max_lag)
        return int((version + ahead + 1 - self.taken) * self.size) - len(self._ready)

    def dispatch(self, index: int, version: int) -> None:
        """A group is in flight; its tokens are of `version` or later."""
        if index in self._open:
            raise ValueError(f"group {index} is in flight already")
        self._open[index] = version
        self._open_at.setdefault(version, {})[index] = None
        heapq.heappush(self._lowest, index)

    def settle(self, index: int, group: G | None, start: int | None = None) -> None:
        """A group's outcome is known.

        Args:
            index: the group's.
            group: the group, or None if it teaches nothing.
            start: version of its oldest token; none: that at its dispatch.
        """
        dispatched = self._close(index)
        if group is not None:
            self._wait(Ready(index, dispatched if start is None else start, group))

    def withdraw(self, index: int) -> None:
        """A group was cut short and is nowhere now."""
        self._close(index)

    @property
    def known(self) -> bool:
        """Whether the next batch is full, and nothing open can be in it."""
        return len(self._ready) >= self.size and not self._has_blocker()

    def take(self) -> list[Ready[G]] | None:
        """The next batch, or None while it is not known."""
        return self.take_rest() if self.known else None

    def take_rest(self) -> list[Ready[G]]:
        """The next batch as it stands, short or empty: for when nothing more will come."""
        batch, self._ready = self._ready[: self.size], self._ready[self.size :]
        for item in batch:
            self._forget(item)
        self.taken += 1
        return batch

    def expire(self) -> list[Ready[G]]:
        """Ready groups that the next batch would train with too large a lag; they leave."""
        oldest = self.taken - self.max_lag
        if not self._ready_at or min(self._ready_at) >= oldest:
            return []
        stale = [item for item in self._ready if item.start < oldest]
        self._ready = [item for item in self._ready if item.start >= oldest]
        for item in stale:
            self._forget(item)
        return stale

    def blockers(self) -> list[int]:
        """Open groups that the next batch waits for although enough are ready, lowest first."""
        if len(self._ready) < self.size:
            return []
        due = [i for start in self._due() for i in list(self._open_at[start])]
        if self._is_strict:
            last = self._ready[self.size - 1].number
            due += [index for index in list(self._open) if index < last]
        return sorted(set(due))

    def restore(self, taken: int, ready: list[Ready[G]]) -> None:
        """Stand where another ledger stood; what it had open is to be dispatched again."""
        if self._open or self._ready:
            raise ValueError("a ledger in use cannot be restored")
        self.taken = taken
        for item in ready:
            self._wait(item)

    @property
    def _is_strict(self) -> bool:
        # The first batches overtake nothing either, or a run would begin with short answers alone.
        return self.order == "dispatch" or self.taken < self.max_lag

    def _has_blocker(self) -> bool:
        if self._due():
            return True
        while self._lowest and self._lowest[0] not in self._open:
            heapq.heappop(self._lowest)
        if not self._is_strict or not self._lowest:
            return False
        return self._lowest[0] < self._ready[self.size - 1].number

    def _due(self) -> list[int]:
        """Starts of open groups that the next batch is the last for; few versions are open."""
        return [start for start in self._open_at if start <= self.taken - self.max_lag]

    def _close(self, index: int) -> int:
        start = self._open.pop(index)
        together = self._open_at[start]
        del together[index]
        if not together:
            del self._open_at[start]
        return start

    def _wait(self, item: Ready[G]) -> None:
        insort(self._ready, item)  # indices differ, so that groups are never compared
        self._ready_at[item.start] += 1

    def _forget(self, item: Ready[G]) -> None:
        self._ready_at[item.start] -= 1
        if not self._ready_at[item.start]:
            del self._ready_at[item.start]
