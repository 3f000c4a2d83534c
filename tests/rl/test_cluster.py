"""What happens when Ray does not start at once."""

import pytest
import ray

from rl.cluster import STARTS, await_places, connect
from rl.config import RunConfig
from rl.errors import ClusterError


def fail(monkeypatch: pytest.MonkeyPatch, times: int, error: Exception) -> list[int]:
    """Let the first starts of Ray fail; returns a list that grows by one with each start."""
    starts: list[int] = []

    def init(**_: object) -> None:
        starts.append(len(starts))
        if len(starts) <= times:
            raise error

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return starts


SLOW = Exception("The current node timed out during startup. This could happen because")


def test_a_start_that_takes_too_long_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = fail(monkeypatch, STARTS - 1, SLOW)
    with connect(RunConfig()):
        assert len(starts) == STARTS


@pytest.mark.parametrize(("error", "tries"), [(SLOW, STARTS), (OSError("no space left"), 1)])
def test_a_cluster_that_does_not_start_is_told_in_one_line(
    error: Exception, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = fail(monkeypatch, STARTS, error)
    told = rf"^a local Ray cluster cannot be used: {error}.*; free memory and disk space, or"
    with pytest.raises(ClusterError, match=told) as caught, connect(RunConfig()):
        pass
    assert "\n" not in str(caught.value)
    assert len(starts) == tries


@ray.remote
class Actor:
    """Takes its place, and does nothing there."""


@pytest.mark.slow
async def test_a_busy_cluster_says_what_is_asked_for_and_what_is_free() -> None:
    ray.init(
        address="local", num_cpus=2, num_gpus=2, include_dashboard=False, logging_level="ERROR"
    )
    try:
        engines = [Actor.options(num_gpus=1, num_cpus=0).remote()]
        ranks = [Actor.options(num_gpus=1, num_cpus=0).remote()]
        gpus = {"engines": 1.0, "learner ranks": 1.0}
        await await_places({"engines": engines, "learner ranks": ranks}, gpus, 120)
        late = [Actor.options(num_gpus=1, num_cpus=0).remote()]
        told = (
            r"no place for all learner ranks within cluster\.start_deadline=2 s: the run asks for "
            r"1 engines of 1 GPU, 1 learner ranks of 1 GPU; free are 0 GPU and 2 CPU"
        )
        with pytest.raises(ClusterError, match=told):
            await await_places({"engines": engines, "learner ranks": late}, gpus, 2)
    finally:
        ray.shutdown()
