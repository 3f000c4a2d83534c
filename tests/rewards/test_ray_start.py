"""A local Ray that does not start in time: it is started again, and the first one is gone."""

from typing import Any

import pytest
import ray
from ray._private.node import Node
from ray.exceptions import RaySystemError

from rewards.grading.ray_start import STARTS, start_ray
from tests.processes import descendants

SLOW = Exception("The current node timed out during startup. This could happen because")


@pytest.mark.parametrize(
    ("address", "error", "tries"),
    [
        (None, SLOW, STARTS),
        (None, RaySystemError("Failed to connect to GCS."), STARTS),
        (None, OSError("no space left"), 1),
        ("10.0.0.1:6379", SLOW, STARTS),
        # Of a cluster that is not there; asking again would not start one.
        ("10.0.0.1:6379", RaySystemError("Failed to connect to GCS."), 1),
    ],
)
def test_what_is_tried_again(
    address: str | None, error: Exception, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[object] = []

    def init(**given: object) -> None:
        starts.append(given["address"])
        raise error

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(type(error)):
        start_ray(address)
    assert starts == [address or "local"] * tries


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_left_of_a_start_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    start_raylet = Node.start_raylet
    servers: list[int] = []

    def slow(node: Any, *given: Any, **named: Any) -> None:
        """As where the head is there, and its node does not come."""
        servers.append(len(heads()))
        if len(servers) == 1:
            raise SLOW
        start_raylet(node, *given, **named)

    monkeypatch.setattr(Node, "start_raylet", slow)
    try:
        start_ray(None)
        assert servers == [1, 1]
        assert len(heads()) == 1
    finally:
        ray.shutdown()


def heads() -> list[int]:
    return [one.pid for one in descendants() if any("gcs_server" in p for p in one.cmdline()[:1])]
