"""Settings of earlier versions: what became of each, so that an old configuration still loads."""

from typing import Any, Final

GONE: Final = {
    "sampler.max_staleness": "sampler.max_lag bounds it now, 0 unless it is set: groups that are "
    "left over are sampled again instead of being trained on late",
    "rollout.deadline": "slow answers are waited for, as dropping them would favour short ones; an "
    "engine that gives no token for rollout.silence seconds is started again",
}
"""Settings that are no more, and a line for each on what stands in their place."""


def forget_old(tree: dict[str, Any]) -> list[str]:
    """Take settings of earlier versions out of `tree`; a line for each that was there."""
    lines = []
    for path, became in GONE.items():
        *parents, leaf = path.split(".")
        node: Any = tree
        for part in parents:
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, dict) and leaf in node:
            del node[leaf]
            lines.append(f"{path} is no setting any more: {became}")
    return lines
