"""Cuts of a batch are partitions, keep to the budget, spread the load and never change."""

import itertools
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from rl.learn.batching import LAID_OUT, micro_batches, mini_batches, spread

lengths_lists = st.lists(st.integers(1, 200), min_size=1, max_size=60)


@given(st.integers(0, 300), st.integers(1, 50), st.text(max_size=5))
def test_every_sample_is_in_one_mini_batch(samples: int, size: int, seed: str) -> None:
    cuts = mini_batches(samples, size, seed=seed)
    assert sorted(i for cut in cuts for i in cut) == list(range(samples))
    sizes = {len(cut) for cut in cuts}
    assert not cuts or (max(sizes) <= size and max(sizes) - min(sizes) <= 1)
    assert len(cuts) == -(-samples // size)
    assert cuts == mini_batches(samples, size, seed=seed)


def test_another_step_has_another_shuffle() -> None:
    cuts = {str(mini_batches(64, 8, seed=f"0/{step}")) for step in range(10)}
    assert len(cuts) == 10


def test_the_shuffle_is_the_same_in_every_process() -> None:
    code = "from rl.learn.batching import mini_batches; print(mini_batches(40, 7, seed='3/11'))"
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == str(mini_batches(40, 7, seed="3/11"))


@given(lengths_lists, st.integers(1, 6), st.data())
def test_ranks_share_a_mini_batch_evenly(
    lengths: list[int], ranks: int, data: st.DataObject
) -> None:
    cut = data.draw(st.lists(st.sampled_from(range(len(lengths))), unique=True))
    parts = spread(cut, lengths, ranks)
    assert sorted(i for part in parts for i in part) == sorted(cut)
    loads = [sum(lengths[i] for i in part) for part in parts]
    for part, load in zip(parts, loads, strict=True):
        # Whoever got a sample was the least loaded then, and nobody has become less loaded since.
        assert not part or load - min(lengths[i] for i in part) <= min(loads)
    assert parts == spread(list(reversed(cut)), lengths, ranks)


@given(lengths_lists, st.integers(1, 600), st.data())
def test_padded_micro_batches_keep_to_the_budget(
    lengths: list[int], budget: int, data: st.DataObject
) -> None:
    samples = data.draw(st.lists(st.sampled_from(range(len(lengths))), unique=True))
    parts = micro_batches(samples, lengths, budget, packed=False)
    assert sorted(i for part in parts for i in part) == sorted(samples)
    for part in parts:
        assert part
        padded = max(lengths[i] for i in part) * len(part)
        assert padded <= budget or len(part) == 1
    assert parts == micro_batches(list(reversed(samples)), lengths, budget, packed=False)
    for part, following in itertools.pairwise(parts):
        assert min(lengths[i] for i in part) >= max(lengths[i] for i in following)
        # No cut is made before it has to be.
        assert max(lengths[i] for i in part) * (len(part) + 1) > budget


def test_like_lengths_together_waste_little() -> None:
    lengths = [10, 500] * 32
    parts = micro_batches(range(64), lengths, 4000, packed=False)
    padded = sum(max(lengths[i] for i in part) * len(part) for part in parts)
    assert padded < 1.15 * sum(lengths)


@given(lengths_lists, st.integers(1, 600), st.data())
def test_packed_micro_batches_are_cut_by_real_tokens(
    lengths: list[int], budget: int, data: st.DataObject
) -> None:
    samples = data.draw(st.lists(st.sampled_from(range(len(lengths))), unique=True))
    parts = micro_batches(samples, lengths, budget, packed=True)
    assert sorted(i for part in parts for i in part) == sorted(samples)
    loads = [sum(lengths[i] for i in part) for part in parts]
    for part, load in zip(parts, loads, strict=True):
        assert part
        longest = max(lengths[i] for i in part)
        assert len(part) == 1 or (load <= budget and longest * len(part) <= LAID_OUT * budget)
    assert parts == micro_batches(list(reversed(samples)), lengths, budget, packed=True)
    for i, part in enumerate(parts):
        # Nothing would have had room in a micro-batch before its own, but for its layout.
        for sample in part:
            for other, load in zip(parts[:i], loads, strict=False):
                laid_out = max(lengths[j] for j in other) * (len(other) + 1)
                assert load + lengths[sample] > budget or laid_out > LAID_OUT * budget


def test_packs_of_unlike_lengths_are_full() -> None:
    """Where padding alone would fill passes."""
    lengths = [900, 100, 50, 450, 300, 200] * 16
    packed = micro_batches(range(96), lengths, 1000, packed=True)
    assert len(packed) <= 1.1 * sum(lengths) / 1000
    padded = micro_batches(range(96), lengths, 1000, packed=False)
    assert len(padded) > len(packed)
