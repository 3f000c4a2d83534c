"""The nodes of the Ray cluster that is connected to."""

from typing import Any

import ray
from ray._private.state import available_resources_per_node

from rl.placement import Node


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
