"""Where bundles go whose node is gone."""

from collections.abc import Sequence

from rl.config import RunConfig
from rl.errors import BusyClusterError
from rl.placement import Node, allowed
from rl.placement_bundles import Bundle


def move(
    config: RunConfig, bundles: Sequence[Bundle], nodes: Sequence[Node], *, ranks: bool
) -> list[Bundle]:
    """The same bundles on nodes that are there.

    Args:
        config: the run's configuration.
        bundles: of a node that is gone.
        nodes: those that are left.
        ranks: whether they are of learner ranks; else of an engine.

    Raises:
        BusyClusterError: there is no room for one of them.
    """
    names = config.placement.learner_nodes if ranks else config.placement.engine_nodes
    able = [node for node in nodes if allowed(names, node)]
    left = {node.name: node.room for node in able}
    load = dict.fromkeys(left, 0)
    moved: dict[int, Bundle] = {}
    for place in sorted(range(len(bundles)), key=lambda place: -bundles[place].gpus):
        gpus = bundles[place].gpus
        fitting = [name for name, room in left.items() if room >= gpus]
        if not fitting:
            what = "learner ranks" if ranks else "an engine"
            free = ", ".join(f"{left[node.name]:g} on {node.called}" for node in able) or "none"
            raise BusyClusterError(
                f"the node of {what} is gone, and none that is left has {gpus:g} GPUs free for it: "
                f"{free}"
            )
        # GPUs close together; on CPU hosts, where the least is.
        sign = -1 if gpus else 1
        order = {name: (sign * load[name], left[name]) for name in fitting}
        chosen = min(fitting, key=order.__getitem__)
        load[chosen] += 1
        left[chosen] -= gpus
        moved[place] = Bundle(chosen, gpus)
    return [moved[place] for place in range(len(bundles))]
