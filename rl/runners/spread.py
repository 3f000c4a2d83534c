"""Makes the Ray actors of episode runners: spread over the nodes that have no GPU, else over all.

They hold no CPUs of Ray's: what they run waits for the policy most of the time, and graders and
learner ranks are placed first.
"""

import os
from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rl.config import RunConfig
from rl.environments.boxes import TOKEN_VARIABLE
from rl.nodes import look
from rl.placement import Node
from rl.runners.actor import EpisodeRunner
from rl.runners.travel import packed


def maker(config: RunConfig) -> Callable[[int], Any]:
    """What makes the actor of a runner, given its index."""
    own, file = packed(config, config.episode.runners)
    passed = {name: os.environ[name] for name in (TOKEN_VARIABLE,) if name in os.environ}

    def make(index: int) -> Any:
        node = chosen(look(), index)
        there = NodeAffinitySchedulingStrategy(node.name, soft=False)
        options = {"num_cpus": 0, "scheduling_strategy": there}
        options["runtime_env"] = {"env_vars": passed}
        return ray.remote(EpisodeRunner).options(**options).remote(own, file)

    return make


def chosen(nodes: list[Node], index: int) -> Node:
    """The node of a runner: in turn, of those without a GPU where there are any."""
    fit = [node for node in nodes if not node.gpus] or nodes
    return fit[index % len(fit)]
