"""A batch's cut is a partition of its sampled tokens; a rank knows what it needs of the others."""

import pickle
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewards import Verdict
from rl.groups import Group
from rl.learn.shares import Share, cut
from rl.tokens import Episode, Segment, TokenBatch, Trajectory
from tests.rl.learner_groups import make_groups, sampled

BATCHES = st.builds(
    make_groups,
    st.integers(0, 10_000),
    st.lists(st.integers(1, 4), min_size=1, max_size=6),
    rows=st.integers(1, 3),
)


def trained(groups: list[Group], *, mask_truncated: bool) -> list[tuple[Group, int, Episode]]:
    """What the learner is to learn from, by the definition."""
    return [
        (group, i, episode)
        for group in groups
        for i, episode in enumerate(group.episodes)
        if group.verdicts[i].is_gradable
        and not (mask_truncated and episode.end == "length")
        and episode.sampled
    ]


def row_tokens(tokens: TokenBatch, row: int) -> tuple[object, ...]:
    """Everything about a row's tokens."""
    part = slice(int(tokens.starts[row]), int(tokens.starts[row + 1]))
    columns = (tokens.ids, tokens.logprobs, tokens.mask, tokens.versions)
    return tuple(column[part].tobytes() for column in columns)


def trajectory_tokens(trajectory: Trajectory) -> tuple[object, ...]:
    columns = (trajectory.ids, trajectory.logprobs, trajectory.mask, trajectory.versions)
    return tuple(column.tobytes() for column in columns)


def shares_of(groups: list[Group], **how: Any) -> list[Share]:
    settings = {"ranks": 2, "mini_batch_size": 4, "micro_batch_tokens": 40, "seed": ""}
    return cut(groups, **(settings | how))


@settings(max_examples=50, deadline=None)
@given(
    BATCHES, st.integers(1, 4), st.integers(1, 9), st.integers(1, 80), st.booleans(), st.booleans()
)
def test_every_row_is_on_one_rank_and_in_one_mini_batch(
    groups: list[Group], ranks: int, size: int, budget: int, masking: bool, packed: bool
) -> None:
    shares = shares_of(
        groups,
        ranks=ranks,
        mini_batch_size=size,
        micro_batch_tokens=budget,
        packed=packed,
        mask_truncated=masking,
    )
    wanted = trained(groups, mask_truncated=masking)
    assert len(shares) == ranks
    # Every row once, with its tokens as they were.
    got = Counter(row_tokens(s.tokens, row) for s in shares for row in range(s.tokens.rows))
    assert got == Counter(trajectory_tokens(t) for _, _, e in wanted for t in e.trajectories)
    counts = {len(share.mini_batches) for share in shares}
    assert counts == {-(-len(wanted) // size)}
    for number in range(counts.pop()):
        parts = [share.mini_batches[number] for share in shares]
        # The same passes on every rank, and totals of the whole mini-batch.
        assert len({(p.tokens, p.episodes, len(p.passes)) for p in parts}) == 1
        rows = [[row for rows in part.passes for row in rows] for part in parts]
        masks = [
            int(share.tokens.mask[share.tokens.starts[row] : share.tokens.starts[row + 1]].sum())
            for share, own in zip(shares, rows, strict=True)
            for row in own
        ]
        assert sum(masks) == parts[0].tokens
        episodes = {
            int(s.episodes[row]) for s, own in zip(shares, rows, strict=True) for row in own
        }
        assert len(episodes) == parts[0].episodes
        assert len(wanted) // -(-len(wanted) // size) <= len(episodes) <= size
    for share in shares:
        planned = [row for part in share.mini_batches for rows in part.passes for row in rows]
        assert sorted(planned) == list(range(share.tokens.rows))
        lengths = np.diff(share.tokens.starts)
        for part in share.mini_batches:
            for rows in part.passes:
                sizes = [int(lengths[row]) for row in rows]
                held = sum(sizes) if packed else len(sizes) * max(sizes, default=0)
                assert held <= budget or len(rows) == 1
    own = [set(share.episodes.tolist()) for share in shares]
    assert sum(map(len, own)) == len(set().union(*own)) == len(wanted)


@settings(max_examples=30, deadline=None)
@given(BATCHES, st.integers(1, 4), st.booleans())
def test_every_rank_knows_the_rewards_of_the_whole_batch(
    groups: list[Group], ranks: int, masking: bool
) -> None:
    """An episode counts once, however many rows it has, and also where it is masked."""
    shares = shares_of(groups, ranks=ranks, mask_truncated=masking)
    wanted = [(g.index, i, g.verdicts[i].reward) for g in groups for i in g.gradable]
    starts = [
        t.start for _, _, e in trained(groups, mask_truncated=masking) for t in e.trajectories
    ]
    for share in shares:
        assert [tuple(pair) for pair in share.members.tolist()] == [w[:2] for w in wanted]
        assert share.rewards.tolist() == [reward for _, _, reward in wanted]
        assert share.groups.tolist() == [index for index, _, _ in wanted]
        assert share.oldest == min((start for start in starts if start is not None), default=0)
        for row in range(share.tokens.rows):
            member = share.episodes[row]
            assert share.tokens.groups[row] == share.groups[member]
            assert share.tokens.rewards[row] == share.rewards[member]
        totals = np.zeros(len(share.rewards))
        np.add.at(totals, share.episodes, share.tokens.weights)
        np.testing.assert_allclose(totals[np.unique(share.episodes)], 1, rtol=1e-5)


def test_rows_of_an_episode_are_neighbours_in_their_order() -> None:
    groups = make_groups(3, [4] * 5, rows=3)
    for share in shares_of(groups):
        row = 0
        while row < share.tokens.rows:
            index, place = share.members[share.episodes[row]].tolist()
            episode = next(g for g in groups if g.index == index).episodes[place]
            for trajectory in episode.trajectories:
                assert row_tokens(share.tokens, row) == trajectory_tokens(trajectory)
                row += 1


def test_a_cut_depends_on_its_arguments_alone_and_each_step_has_its_own() -> None:
    groups = make_groups(1, [4] * 6)

    def plan(seed: str) -> bytes:
        return pickle.dumps(shares_of(groups, seed=seed))

    assert plan("0/1") == plan("0/1")
    assert len({plan(f"0/{step}") for step in range(5)}) == 5


def test_ranks_get_about_the_same_number_of_tokens() -> None:
    shares = shares_of(make_groups(2, [8] * 16), ranks=4, mini_batch_size=64)
    loads = [len(share.tokens.ids) for share in shares]
    assert max(loads) - min(loads) < 60 < sum(loads) / 40


def test_what_nobody_is_trained_on_makes_no_mini_batch() -> None:
    """Nothing was sampled, nothing could be graded, or all of it is masked."""
    (group,) = make_groups(0, [3])
    silent = Episode((Trajectory((Segment(np.ones(4, np.int32)),)),), (), "budget")
    cut_short = Episode(group.episodes[0].trajectories, (), "length")
    verdicts = (Verdict.correct(), Verdict.incorrect(), Verdict.ungradable("judge: away"))
    episodes = (silent, cut_short, group.episodes[1])
    for share in shares_of([Group(1, group.prompt, 0, episodes, verdicts)], mask_truncated=True):
        assert (share.mini_batches, share.tokens.rows, len(share.rewards)) == ((), 0, 2)
    assert [share.rewards.size for share in shares_of([])] == [0, 0]


@pytest.mark.parametrize("ranks", [1, 4])
def test_a_share_takes_13_bytes_a_token_and_holds_no_other_rank(ranks: int) -> None:
    draw = random.Random(0)
    groups = []
    for group in make_groups(4, [16] * 4):
        prompt = Segment(np.ones(9, np.int32))
        episodes = tuple(
            Episode((Trajectory((prompt, sampled(draw, 3000, (0, 99)))),), (), "stop")
            for _ in group.episodes
        )
        groups.append(Group(group.index, group.prompt, group.start, episodes, group.verdicts))
    shares = shares_of(groups, ranks=ranks, mini_batch_size=32, micro_batch_tokens=9000)
    whole = sum(len(share.tokens.ids) for share in shares)
    for share in shares:
        tokens = len(share.tokens.ids)
        assert tokens <= 1.2 * whole / ranks
        assert len(pickle.dumps(share, protocol=5)) <= 13 * tokens + 100 * len(share.rewards) + 4000
