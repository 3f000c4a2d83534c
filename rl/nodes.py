"""The nodes of the Ray cluster that is connected to."""

import asyncio
import time
from typing import Any, Final

import ray
from ray._private.state import available_resources_per_node

from rl.knock import answers
from rl.placement import Node

LOOK: Final = 0.5
"""Seconds between two looks at nodes that do not answer."""


def look() -> list[Node]:
    """Every node that is alive, this one first; on their own nodes, GPUs that are free."""
    mine = ray.get_runtime_context().get_node_id()
    free = available_resources_per_node()
    alive = sorted(_alive(), key=lambda node: node["NodeID"] != mine)
    shown = _shown(alive)
    return [
        Node(
            node["NodeID"],
            node["Resources"].get("GPU", 0.0),
            free.get(node["NodeID"], {}).get("GPU", 0.0),
            frozenset({node["NodeManagerAddress"], node["NodeManagerHostname"]}),
            shown[node["NodeID"]],
        )
        for node in alive
    ]


def here(node: str) -> str:
    """The resource of which a node has one, and that nobody else asks for."""
    (found,) = (one for one in _alive() if one["NodeID"] == node)
    return f"node:{found['NodeManagerAddress']}"


async def settle(seconds: float) -> None:
    """Wait until every node that Ray holds to be alive answers.

    Ray takes about 20 s to notice that a node is gone, and starts actors there until then.

    Args:
        seconds: most that this may take; a host may be there that is only slow.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        doors = [(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in _alive()]
        if all(await asyncio.gather(*(answers(*door) for door in doors))):
            return
        await asyncio.sleep(LOOK)


def _alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _shown(nodes: list[dict[str, Any]]) -> dict[str, str]:
    """What nodes are called: their address, and a part of their id where that is not enough."""
    addresses = [node["NodeManagerAddress"] for node in nodes]
    return {
        node["NodeID"]: address
        if addresses.count(address) == 1
        else f"{address}/{node['NodeID']:.6}"
        for node, address in zip(nodes, addresses, strict=True)
    }
