"""Tokens: spans, packing and npz as exact inverses, and what a token costs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.schema import Prompt
from rewards import Verdict
from rl.groups import Group, load_groups, save_groups
from rl.token_arrays import trajectories_from_arrays, trajectories_to_arrays
from rl.tokens import (
    NOT_SAMPLED,
    Episode,
    Segment,
    Span,
    Trajectory,
    pack,
)

INT32 = st.integers(0, 2**31 - 1)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """A read or a sampled segment; one of the latter covers one to three versions."""
    if draw(st.booleans()):
        ids = draw(st.lists(INT32, max_size=6))
        return Segment(np.array(ids, np.int32))
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    first = draw(st.integers(0, 5))
    tokens = sum(counts)
    logprobs = draw(st.lists(st.floats(-20, 0, width=32), min_size=tokens, max_size=tokens))
    return Segment(
        np.array(draw(st.lists(INT32, min_size=tokens, max_size=tokens)), np.int32),
        np.array(logprobs, np.float32),
        tuple(Span(count, first + i) for i, count in enumerate(counts)),
        draw(st.sampled_from([0.0, 0.5, -1.0])),
    )


TRAJECTORIES = st.lists(
    st.lists(segments(), min_size=1, max_size=4).map(lambda some: Trajectory(tuple(some))),
    max_size=4,
)


def same(one: Trajectory, other: Trajectory) -> bool:
    return len(one.segments) == len(other.segments) and all(
        np.array_equal(a.ids, b.ids)
        and a.versions == b.versions
        and a.reward == b.reward
        and (a.logprobs is None) == (b.logprobs is None)
        and (a.logprobs is None or np.array_equal(a.logprobs, b.logprobs))
        for a, b in zip(one.segments, other.segments, strict=True)
    )


@given(TRAJECTORIES)
def test_a_token_is_trained_on_if_and_only_if_it_was_sampled(some: list[Trajectory]) -> None:
    for trajectory in some:
        assert trajectory.mask.sum() == trajectory.sampled
        assert np.array_equal(trajectory.mask, trajectory.versions != NOT_SAMPLED)
        assert not trajectory.logprobs[~trajectory.mask].any()
        assert len(trajectory.ids) == len(trajectory.mask) == trajectory.tokens
        sampled = trajectory.versions[trajectory.mask]
        assert trajectory.start == (sampled.min() if len(sampled) else None)


@given(TRAJECTORIES)
def test_packing_keeps_every_token_and_where_each_turn_ends(some: list[Trajectory]) -> None:
    batch = pack([(i, 1.0, 0.5, trajectory) for i, trajectory in enumerate(some)])
    assert batch.rows == len(some)
    for i, trajectory in enumerate(some):
        row = slice(int(batch.starts[i]), int(batch.starts[i + 1]))
        for name in ("ids", "logprobs", "mask", "versions"):
            assert np.array_equal(getattr(batch, name)[row], getattr(trajectory, name))
    segments = [segment for t in some for segment in t.segments]
    ends = np.cumsum([len(segment.ids) for segment in segments], dtype=np.int64)
    is_turn = [segment.logprobs is not None for segment in segments]
    assert (batch.turn_ends + 1).tolist() == ends[is_turn].tolist() if some else not len(ends)
    per_token = sum(getattr(batch, n).itemsize for n in ("ids", "logprobs", "mask", "versions"))
    assert per_token == 13


@given(TRAJECTORIES)
def test_arrays_are_an_exact_inverse(some: list[Trajectory]) -> None:
    found = trajectories_from_arrays(trajectories_to_arrays(some))
    assert len(found) == len(some)
    assert all(map(same, found, some))


@settings(max_examples=30)
@given(TRAJECTORIES, st.text(max_size=5))
def test_groups_come_back_from_a_file(
    tmp_path_factory: pytest.TempPathFactory, some: list[Trajectory], text: str
) -> None:
    episode = Episode(
        tuple(some), ({"role": "user", "content": text},), "stop", text, "open", {"calls": 2.0}
    )
    lost = Episode((), (), "budget", fault="infrastructure: away")
    prompt = Prompt("p", ({"role": "user", "content": text},), [1, "2"], "math", {"k": [1]})
    verdicts = (Verdict.correct(reward=0.5), Verdict.ungradable("infrastructure: away"))
    group = Group(7, prompt, 3, (episode, lost), verdicts)
    path: Path = tmp_path_factory.mktemp("groups") / "ready.npz"
    save_groups(path, [group, group])
    back = load_groups(path)
    assert len(back) == 2
    for one in back:
        assert (one.index, one.start, one.prompt) == (7, 3, prompt)
        assert all(map(same, one.episodes[0].trajectories, some))
        assert one.episodes[0].messages == episode.messages
        assert one.episodes[0].thinking == "open"
        assert one.episodes[1] == lost
        assert [v.outcome for v in one.verdicts] == [v.outcome for v in verdicts]
        assert one.gradable == [0]


def test_a_sampled_token_takes_eight_bytes_and_a_read_one_four() -> None:
    ids = np.zeros(1000, np.int32)
    sampled = Segment(ids, np.zeros(1000, np.float32), (Span(1000, 0),))
    assert sampled.logprobs is not None
    assert sampled.ids.nbytes + sampled.logprobs.nbytes == 8000
    assert Segment(ids).ids.nbytes == 4000


@pytest.mark.parametrize(
    ("logprobs", "versions"),
    [
        (np.zeros(2, np.float32), (Span(3, 0),)),
        (np.zeros(3, np.float32), (Span(2, 0),)),
        (np.zeros(3, np.float32), (Span(1, 2), Span(2, 1))),
        (None, (Span(3, 0),)),
        (np.zeros(3, np.float32), ()),
    ],
)
def test_a_segment_whose_parts_disagree_is_refused(
    logprobs: np.ndarray | None, versions: tuple[Span, ...]
) -> None:
    with pytest.raises(ValueError, match=r"logprobs|version"):
        Segment(np.zeros(3, np.int32), logprobs, versions)
