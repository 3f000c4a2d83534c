"""How a training batch is cut: mini-batches, shares of the ranks, and micro-batches.

Guarantees: every sample is in exactly one mini-batch of an epoch and on exactly one rank; a
micro-batch holds at most the token budget, padding included, unless a single sample exceeds it; the
cut depends on the arguments alone.
"""

import heapq
import random
from collections.abc import Sequence
from itertools import pairwise


def mini_batches(samples: int, size: int, *, seed: str) -> list[list[int]]:
    """Cut a shuffle of `range(samples)` into the fewest mini-batches of at most `size`.

    Their sizes differ by one at most: every optimizer step averages over about as many samples.
    """
    order = list(range(samples))
    random.Random(seed).shuffle(order)
    count = -(-samples // size)
    ends = [samples * cut // count for cut in range(count + 1)] if count else []
    return [order[start:end] for start, end in pairwise(ends)]


def spread(samples: Sequence[int], lengths: Sequence[int], ranks: int) -> list[list[int]]:
    """A mini-batch's samples by rank: longest first, each to the least loaded rank."""
    loads = [(0, rank) for rank in range(ranks)]
    parts: list[list[int]] = [[] for _ in range(ranks)]
    for sample in sorted(samples, key=lambda sample: (-lengths[sample], sample)):
        load, rank = loads[0]
        parts[rank].append(sample)
        heapq.heapreplace(loads, (load + lengths[sample], rank))
    return parts


def micro_batches(samples: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Cut samples into micro-batches of at most `budget` padded tokens, like lengths together."""
    batches: list[list[int]] = []
    for sample in sorted(samples, key=lambda sample: (-lengths[sample], sample)):
        last = batches[-1] if batches else []
        if last and lengths[last[0]] * (len(last) + 1) <= budget:
            last.append(sample)
        else:
            batches.append([sample])
    return batches
