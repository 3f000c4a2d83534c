"""The ledger against its rule, written out the slow way: which groups form a batch, and when."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rl.dispatch.ledger import Ledger, Ready


class Bookkeeping(RuleBasedStateMachine):
    """Groups come and go in any order; what the ledger says is recomputed from lists."""

    @initialize(
        size=st.sampled_from([1, 1, 2, 4]),
        max_lag=st.sampled_from([0, 0, 1, 1, 2, 4]),
        order=st.sampled_from(["ready", "ready", "dispatch"]),
        share=st.floats(0, 1),
    )
    def begin(self, size: int, max_lag: int, order: str, share: float) -> None:
        self.size, self.max_lag, self.order = size, max_lag, order
        self.ahead = share * max_lag
        self.ledger: Ledger[str] = Ledger(size, max_lag, order, self.ahead)
        self.version = self.taken = self.next = 0
        self.open: dict[int, int] = {}
        self.ready: list[tuple[int, int]] = []
        self.again: list[int] = []
        self.ended: list[int] = []
        self.trained: list[int] = []

    @rule(groups=st.integers(1, 6))
    def dispatch(self, groups: int) -> None:
        for _ in range(groups):
            if self.again:
                index = self.again.pop(0)
            else:
                index, self.next = self.next, self.next + 1
            self.ledger.dispatch(index, self.version)
            self.open[index] = self.version

    @precondition(lambda self: self.open)
    @rule(data=st.data(), teaches=st.booleans(), later=st.integers(0, 1))
    def settle(self, data: st.DataObject, teaches: bool, later: int) -> None:
        index = data.draw(st.sampled_from(sorted(self.open)))
        start = min(self.open.pop(index) + later, self.version)
        self.ledger.settle(index, f"group {index}" if teaches else None, start)
        if teaches:
            self.ready.append((index, start))
            self.ready.sort()
        else:
            self.ended.append(index)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        index = data.draw(st.sampled_from(sorted(self.open)))
        del self.open[index]
        self.ledger.withdraw(index)
        self.again = sorted([*self.again, index])

    @rule()
    def take(self) -> None:
        stale = [item for item in self.ready if item[1] < self.taken - self.max_lag]
        self.ready = [item for item in self.ready if item not in stale]
        assert [(item.number, item.start) for item in self.ledger.expire()] == stale
        self.again = sorted([*self.again, *(index for index, _ in stale)])
        expected = self.ready[: self.size] if self.is_known() else None
        batch = self.ledger.take()
        if expected is None:
            assert batch is None
            assert len(self.ready) < self.size or self.ledger.blockers()
            return
        assert batch == [Ready(index, start, f"group {index}") for index, start in expected]
        assert all(self.taken - start <= self.max_lag for _, start in expected)
        self.ready = self.ready[self.size :]
        self.trained += [index for index, _ in expected]
        self.taken += 1

    @precondition(lambda self: self.version < self.taken)
    @rule()
    def publish(self) -> None:
        self.version += 1

    @rule(steps=st.integers(1, 4))
    def go_on(self, steps: int) -> None:
        """Whole steps, so that the first batches, which overtake nothing, are soon behind."""
        for _ in range(steps):
            self.dispatch(self.size)
            for index in sorted(self.open):
                start = self.open.pop(index)
                self.ledger.settle(index, f"group {index}", start)
                self.ready = sorted([*self.ready, (index, start)])
            self.take()
            self.version = self.taken

    @rule()
    def begin_again(self) -> None:
        """A new ledger takes over; what was open is sent again."""
        ready = self.ledger.waiting
        self.ledger = Ledger(self.size, self.max_lag, self.order, self.ahead)
        self.ledger.restore(self.taken, ready)
        self.again = sorted([*self.again, *self.open])
        self.open = {}

    def due(self) -> list[int]:
        """Open groups that the next batch may not overtake."""
        strict = self.order == "dispatch" or self.taken < self.max_lag
        last = self.ready[self.size - 1][0] if len(self.ready) >= self.size else -1
        return [
            index
            for index, start in sorted(self.open.items())
            if start <= self.taken - self.max_lag or (strict and index < last)
        ]

    def is_known(self) -> bool:
        return len(self.ready) >= self.size and not self.due()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assert self.ledger.opened == sorted(self.open)
        assert [(item.number, item.start) for item in self.ledger.waiting] == self.ready
        assert self.ledger.known == self.is_known()
        assert self.ledger.blockers() == (self.due() if len(self.ready) >= self.size else [])
        room = int((self.version + self.ahead + 1 - self.taken) * self.size) - len(self.ready)
        assert self.ledger.capacity(self.version) == room
        everywhere = [*self.open, *(i for i, _ in self.ready), *self.again]
        assert sorted([*everywhere, *self.ended, *self.trained]) == list(range(self.next))
        if self.max_lag == 0 and self.ledger.known:
            assert not self.open, "a synchronous batch is taken with nothing in flight"


Bookkeeping.TestCase.settings = settings(max_examples=80, stateful_step_count=30)
TestBookkeeping = Bookkeeping.TestCase


@given(st.integers(0, 4), st.floats(0.001, 3))
def test_more_work_than_the_lag_allows_is_refused(max_lag: int, above: float) -> None:
    with pytest.raises(ValueError, match="surplus would age"):
        Ledger(1, max_lag, "ready", max_lag + above)


def test_no_group_is_dispatched_twice_and_none_restored_over_another() -> None:
    ledger: Ledger[str] = Ledger(2, 1)
    ledger.dispatch(0, 0)
    with pytest.raises(ValueError, match="in flight already"):
        ledger.dispatch(0, 0)
    with pytest.raises(ValueError, match="in use"):
        ledger.restore(3, [])


def test_the_work_ahead_is_that_of_two_batches_unless_the_lag_is_less() -> None:
    assert [Ledger(1, lag).ahead for lag in (0, 1, 2, 4, 8)] == [0, 1, 2, 2, 2]
