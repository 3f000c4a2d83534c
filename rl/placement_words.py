"""What is asked of a cluster and what it has, in words for errors and for the screen."""

from collections.abc import Sequence

from rl.placement_fit import Shape

SHOWN = 8  # nodes that a line names


def asked(shape: Shape) -> str:
    """What is asked for."""
    of_engines = shape.engines * shape.workers
    engines = f"{_some(shape.engines, 'engine')} of {_some(shape.workers, 'GPU')}"
    if not shape.ranks:
        return engines
    return (
        f"{engines} and "
        f"{_some(shape.ranks, 'learner rank')} of 1 GPU, {of_engines + shape.ranks} apart or "
        f"{max(of_engines, shape.ranks)} colocated"
    )


def held(nodes: Sequence[tuple[str, float, float]]) -> str:
    """What nodes have; each as its name, its free and all of its GPUs."""
    shown = [_one(name, free, gpus) for name, free, gpus in nodes[:SHOWN]]
    if rest := nodes[SHOWN:]:
        sums = sum(node[1] for node in rest), sum(node[2] for node in rest)
        shown.append(_one(_some(len(rest), "more node"), *sums))
    return ", ".join(shown) or "no nodes"


def remedy(shape: Shape, layout: str, largest: float) -> str:
    """What would help where there is no placement; `largest` is the largest node's GPUs."""
    hints = []
    if layout != "apart" and shape.engines * shape.workers > shape.ranks:
        hints.append("to colocate, raise learner.ranks to the GPUs of all engines")
    if layout == "apart":
        hints.append("set placement.layout=auto to let engines and learner have GPUs in turns")
    if shape.workers > largest > 0 and not shape.divisible:
        hints.append("lower rollout.data_parallel, which keeps an engine on one node")
    if shape.engines_per_node is not None or shape.ranks_per_node is not None:
        hints.append("raise placement.engines_per_node or placement.ranks_per_node")
    hints.append("lower rollout.engines, rollout.tensor_parallel or learner.ranks, or add nodes")
    return "; or ".join(hints)


def _some(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _one(name: str, free: float, gpus: float) -> str:
    return f"{free:.4g} of {_some(int(gpus), 'GPU')} on {name}"
