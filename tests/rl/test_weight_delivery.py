"""Buckets to engines that die, hang or refuse half-way, over real process groups and actors."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import ray
import torch

from rl.rendezvous import open_store
from rl.weights import delivery
from rl.weights.collective import BrokenBroadcastError, WeightGroup
from rl.weights.delivery import Delivery
from rl.weights.layout import Entry, bucket_bytes
from rl.weights.messages import Engine, Sent
from tests.ray_start import start_ray

ENTRIES = [Entry("p", "float32", (200,), 0), Entry("q", "float32", (7, 9), 1024)]
BUCKETS = 4


class Receiver:
    """What an engine's actor is to a delivery; it fails at its `at`-th bucket as `how` says."""

    def __init__(self, how: str = "", at: int = 2) -> None:
        self._how = how
        self._at = at
        self._seen = 0
        self._group: WeightGroup | None = None
        self._sums: list[float] = []

    def join(self, link: Mapping[str, Any], rank: int) -> None:
        self._group = WeightGroup(rank=rank, **link)

    def sums(self) -> list[float]:
        """Of the buckets of the last complete update."""
        return self._sums

    def call(self, method: str, *arguments: Any) -> None:
        if method == "plumb_start_update":
            self._sums = []
        if method != "update_weights":
            return
        self._seen += 1
        if self._seen == self._at:
            self._fail()
        if self._group is None:
            return
        data = torch.zeros(bucket_bytes(ENTRIES), dtype=torch.uint8)
        self._group.finish(self._group.broadcast(data))
        self._sums.append(float(data.sum()))

    def _fail(self) -> None:
        if self._how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._how == "hangs":
            time.sleep(3600)
        if self._how == "refuses":
            raise ValueError("no parameter is called p")


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    start_ray(num_cpus=1)
    # Ray's workers cannot import a test.
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield open_store("127.0.0.1", 0)
    ray.shutdown()


@pytest.fixture
def engines() -> Iterator[Callable[..., list[Engine]]]:
    made: list[Engine] = []

    def make(*hows: str) -> list[Engine]:
        actor = ray.remote(Receiver).options(num_cpus=0)
        made.extend(Engine(f"engine {i}", actor.remote(how)) for i, how in enumerate(hows))
        ray.get([engine.actor.sums.remote() for engine in made])
        return list(made)

    yield make
    for engine in made:
        ray.kill(engine.actor)


def group_of(store: Any, engines: Sequence[Engine], name: str) -> WeightGroup:
    link = {
        "host": "127.0.0.1",
        "port": store.port,
        "group": name,
        "world_size": 1 + len(engines),
        "backend": "gloo",
        "meeting": 60.0,
        "seconds": 60.0,
    }
    joining = [engine.actor.join.remote(link, 1 + i) for i, engine in enumerate(engines)]
    group = WeightGroup(rank=0, **link)
    ray.get(joining)
    return group


def deliver(engines: Sequence[Engine], group: WeightGroup | None, seconds: float = 60.0) -> Sent:
    """Two buffers in turn, each overwritten as soon as the delivery lets go of it."""
    sending = Delivery(engines, group=group, seconds=seconds, verify=False)
    buffers = [torch.zeros(bucket_bytes(ENTRIES), dtype=torch.uint8) for _ in range(2)]
    for number in range(BUCKETS):
        buffers[number % 2].fill_(number + 1)
        sending.post(ENTRIES, 0, buffers[number % 2])
    return sending.finish()


def expected() -> list[float]:
    return [float(bucket_bytes(ENTRIES) * (number + 1)) for number in range(BUCKETS)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "died", "reason"),
    [
        ("", None, ""),
        ("dies", True, "its process died"),
        ("hangs", True, "did not answer within"),
        ("refuses", False, "no parameter is called p"),
    ],
)
def test_a_broadcast_that_one_breaks_names_it_and_the_others_get_the_next(
    store: Any,
    engines: Callable[..., list[Engine]],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    died: bool | None,
    reason: str,
) -> None:
    monkeypatch.setattr(delivery, "GRACE", 15.0)
    targets = engines("", how, "")
    group = group_of(store, targets, f"first {how}")
    began = time.monotonic()
    sent = deliver(targets, group, seconds=12.0 if how == "hangs" else 60.0)
    assert time.monotonic() - began < 50.0, "a broken broadcast is known long before its deadline"
    if died is None:
        assert sent.complete and not sent.lost
        assert sent.nbytes == BUCKETS * bucket_bytes(ENTRIES)
        assert [ray.get(engine.actor.sums.remote()) for engine in targets] == [expected()] * 3
        return
    assert not sent.complete
    assert list(sent.lost) == ["engine 1"]
    assert sent.lost["engine 1"].died is died
    assert reason in sent.lost["engine 1"].reason
    survivors = [targets[0], targets[2]]
    again = deliver(survivors, group_of(store, survivors, f"second {how}"))
    assert again.complete and not again.lost
    assert [ray.get(engine.actor.sums.remote()) for engine in survivors] == [expected()] * 2


@pytest.mark.slow
@pytest.mark.parametrize(("how", "died"), [("dies", True), ("hangs", True), ("refuses", False)])
def test_over_a_mapped_buffer_the_others_are_not_disturbed(
    store: Any, engines: Callable[..., list[Engine]], how: str, died: bool
) -> None:
    sent = deliver(engines("", how), None, seconds=12.0 if how == "hangs" else 60.0)
    assert sent.complete
    assert {name: loss.died for name, loss in sent.lost.items()} == {"engine 1": died}


@pytest.mark.slow
def test_a_member_that_never_comes_is_an_error_in_time(store: Any) -> None:
    began = time.monotonic()
    with pytest.raises(BrokenBroadcastError):
        WeightGroup(
            "127.0.0.1", store.port,
            group="alone", rank=0, world_size=2, backend="gloo", meeting=1.0, seconds=600.0,
        )  # fmt: skip
    assert time.monotonic() - began < 60.0
