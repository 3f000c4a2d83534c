"""Settings of where engines and learner ranks are."""

from typing import Literal

from pydantic import Field

from rl.config.section import Section


class PlacementConfig(Section):
    """Where engines and learner ranks are, and whether they have GPUs in turns."""

    layout: Literal["auto", "apart", "colocated"] = "auto"
    """`apart`: engines and learner ranks have GPUs of their own; `colocated`: the engines are on
    the GPUs of the learner's ranks; auto: apart where the cluster has the GPUs, else colocated."""
    sleep: bool | None = None
    """Colocated only. true: in turns, engines sleep while the policy learns and the learner's
    memory is in the host's while they sample; false: side by side, each with half of a GPU's
    memory; null: in turns, but side by side on a cluster's only GPU."""
    engines_per_node: int | None = Field(default=None, ge=1)
    """Most engines on a node; null: as many as fit."""
    ranks_per_node: int | None = Field(default=None, ge=1)
    """Most learner ranks on a node; null: as many as fit."""
    engine_nodes: list[str] = []
    """Nodes that may have engines, by address, host name or Ray's id; empty: all."""
    learner_nodes: list[str] = []
    """Nodes that may have learner ranks; empty: all."""
    wait: float = Field(default=45.0, gt=0)
    """Seconds for which a run waits for GPUs that others hold, before it says so and ends."""
