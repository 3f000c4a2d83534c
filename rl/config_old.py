"""Settings of earlier versions: what became of each, so that an old configuration still loads."""

from typing import Any, Final

GONE: Final = {
    "sampler.max_staleness": "sampler.max_lag bounds it now, 0 unless it is set: groups that are "
    "left over are sampled again instead of being trained on late",
    "rollout.deadline": "slow answers are waited for, as dropping them would favour short ones; an "
    "engine that gives no token for rollout.silence seconds is started again",
}
"""Settings that are no more, and a line for each on what stands in their place."""


MOVED: Final = {"episode.environment": "env"}
"""Settings that have another path now; the value stays."""


def forget_old(tree: dict[str, Any]) -> list[str]:
    """Take settings of earlier versions out of `tree`, or give them their path of today.

    A line for each that was there and is gone; one that has moved is as good as at its new place.
    """
    lines = []
    for path, became in GONE.items():
        if _taken(tree, path) is not _MISSING:
            lines.append(f"{path} is no setting any more: {became}")
    for path, now in MOVED.items():
        value = _taken(tree, path)
        if value is not _MISSING and value is not None:
            tree.setdefault(now, value)
    return lines


_MISSING: Final = object()


def _taken(tree: dict[str, Any], path: str) -> Any:
    """The value at `path`, which is taken out."""
    *parents, leaf = path.split(".")
    node: Any = tree
    for part in parents:
        node = node.get(part) if isinstance(node, dict) else None
    return node.pop(leaf, _MISSING) if isinstance(node, dict) else _MISSING
