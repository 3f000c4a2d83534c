"""Learner ranks without Ray, whose memory is measured under each of some settings.

Usage: python plan_process.py FOLDER CASES

CASES is JSON: a list of [name, ranks, settings]. Each rank is a process of its own, forked from
this one; it writes what torch allocated to FOLDER/name_RANK.json: `held`, all tensors that there
are between two updates, and `peak`, the most during the second update. Held is counted over all
storages; what is allocated and freed in the update is what torch's allocator tells its profiler.
"""

import gc
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from data.schema import Prompt
from rewards import Verdict
from rl.config import RunConfig
from rl.cpu_strategy import CpuDeepspeedStrategy
from rl.groups import Group
from rl.hardware import detect
from rl.learn.rank import LearnerRank
from rl.learn.shares import Share, cut
from rl.tokens import Episode, Segment, Span, Trajectory
from tests.rl.learner_groups import VERSION
from tests.rl.ranks import fork_ranks

PROMPT = 8
"""Tokens of each row that are not trained on."""


class Allocations:
    """What torch allocates and frees in a block, bytes, by its profiler."""

    def __init__(self) -> None:
        self._profile = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
        self.peak = 0
        """The most at one time beyond what there was before."""

    def __enter__(self) -> "Allocations":
        self._profile.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._profile.__exit__(*error)
        roots = self._profile.profiler.kineto_results.experimental_event_tree()
        found = [
            (event.start_time_ns, event.extra_fields.alloc_size)
            for event in _walk(roots)
            if hasattr(event.extra_fields, "alloc_size")
        ]
        sizes = [size for _, size in sorted(found, key=lambda one: one[0])]
        self.peak = int(np.cumsum(sizes).max(initial=0))


def _walk(events: Sequence[Any]) -> Iterator[Any]:
    stack = list(events)
    while stack:
        event = stack.pop()
        yield event
        stack.extend(event.children)


def held() -> int:
    """Bytes of all tensors that there are, each storage once."""
    gc.collect()
    found = {}
    for one in gc.get_objects():
        if type(one) in (torch.Tensor, torch.nn.Parameter) and one.device.type == "cpu":
            storage = one.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())


def groups_of(lengths: Sequence[int]) -> list[Group]:
    """Groups of two rows with these tokens each, every one sampled by the policy but the prompt."""
    draw = random.Random(0)
    episodes = []
    for length in lengths:
        ids = np.array([draw.randrange(7, 90) for _ in range(length)], np.int32)
        count = length - PROMPT
        said = Segment(ids[PROMPT:], np.full(count, -4.0, np.float32), (Span(count, VERSION),))
        episodes.append(Episode((Trajectory((Segment(ids[:PROMPT]), said)),), (), "stop"))
    verdicts = (Verdict.correct(), Verdict.incorrect())
    prompt = Prompt("p", ({"role": "user", "content": "?"},), None, "math")
    pairs = zip(episodes[::2], episodes[1::2], strict=True)
    return [Group(i, prompt, VERSION, pair, verdicts) for i, pair in enumerate(pairs)]


def share_of(config: RunConfig, rank: int, lengths: Sequence[int]) -> Share:
    """What a rank trains on."""
    learner = config.learner
    shares = cut(
        groups_of(lengths),
        ranks=learner.data_ranks,
        mini_batch_size=learner.mini_batch_size,
        micro_batch_tokens=learner.micro_batch_tokens * learner.sequence_parallel,
        packed=learner.packing,
        seed="0",
    )
    return shares[rank // learner.sequence_parallel]


def use_bucket(size: int) -> None:
    """Let DeepSpeed's buckets hold so many numbers, and ZeRO-3 shard small parameters too."""
    made = CpuDeepspeedStrategy.get_ds_train_config

    def with_bucket(self: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        config: dict[str, Any] = made(self, *arguments, **named)
        config["zero_optimization"] |= {
            "reduce_bucket_size": size,
            "stage3_param_persistence_threshold": 0,
        }
        return config

    CpuDeepspeedStrategy.get_ds_train_config = with_bucket  # type: ignore[method-assign]


def measure(
    rank: int, ranks: int, port: int, folder: Path, name: str, settings: Mapping[str, Any]
) -> None:
    """Make two updates and write what the second took."""
    config = RunConfig.model_validate(settings["config"])
    use_bucket(settings["bucket"])
    learner = LearnerRank(config, detect(0), rank)
    learner.start("127.0.0.1", port)
    # A short update makes the optimizer's state, and what else stays.
    learner.train(share_of(config, rank, [2 * PROMPT] * len(settings["lengths"])), 1, VERSION)
    if rank == 0:
        learner.weights("open_buffer", False)  # as engines that map it ask for
    share = share_of(config, rank, settings["lengths"])
    before = held()
    with Allocations() as seen:
        learner.train(share, 2, VERSION)
    target = folder / f"{name}_{rank}.json"
    target.write_text(json.dumps({"held": before, "peak": before + seen.peak}))


def main() -> None:
    folder = Path(sys.argv[1])
    for name, ranks, settings in json.loads(sys.argv[2]):
        fork_ranks(name, ranks, measure, folder, name, settings)


if __name__ == "__main__":
    main()
