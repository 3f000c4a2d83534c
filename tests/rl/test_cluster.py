"""What happens when Ray does not start at once."""

import pytest
import ray
from ray.exceptions import RaySystemError

from rewards.grading.ray_start import STARTS
from rl.cluster import connect
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
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True}])
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return starts


SLOW = Exception("The current node timed out during startup. This could happen because")


@pytest.mark.parametrize("error", [SLOW, RaySystemError("Failed to connect to GCS.")])
def test_a_start_that_takes_too_long_is_tried_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = fail(monkeypatch, STARTS - 1, error)
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
