"""How a training batch is cut: mini-batches, shares of the ranks, and micro-batches.

Guarantees: every sample is in exactly one mini-batch of an epoch and on exactly one rank; a
micro-batch holds at most the token budget, where it is padded its padding included, unless a single
sample exceeds it; the cut depends on the arguments alone.
"""

import heapq
import random
from collections.abc import Sequence
from itertools import pairwise

LAID_OUT = 8
"""Numbers of a micro-batch's tokens, such as advantages, are laid out as rows of the longest: at
most so many times the budget of them."""


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


def micro_batches(
    samples: Sequence[int], lengths: Sequence[int], budget: int, *, packed: bool
) -> list[list[int]]:
    """Cut samples into micro-batches of at most `budget` tokens.

    Args:
        samples: which.
        lengths: tokens of each sample there is.
        budget: tokens a micro-batch may hold; one longer sample goes alone.
        packed: whether samples are laid end to end, and have room where any is; else like lengths
            go together, and padding counts.
    """
    order = sorted(samples, key=lambda sample: (-lengths[sample], sample))
    return _first_fit(order, lengths, budget) if packed else _next_fit(order, lengths, budget)


def _first_fit(order: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Each sample into the first micro-batch that has room; bin packing by falling length."""
    batches: list[list[int]] = []
    loads: list[int] = []
    for sample in order:
        length = lengths[sample]
        for i, batch in enumerate(batches):
            laid_out = (len(batch) + 1) * lengths[batch[0]]
            if loads[i] + length <= budget and laid_out <= LAID_OUT * budget:
                batch.append(sample)
                loads[i] += length
                break
        else:
            batches.append([sample])
            loads.append(length)
    return batches


def _next_fit(order: Sequence[int], lengths: Sequence[int], budget: int) -> list[list[int]]:
    batches: list[list[int]] = []
    for sample in order:
        last = batches[-1] if batches else []
        if last and lengths[last[0]] * (len(last) + 1) <= budget:
            last.append(sample)
        else:
            batches.append([sample])
    return batches
