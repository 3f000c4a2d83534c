"""Trajectories as the arrays of an npz, and back: exact inverses."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl.tokens import Segment, Span, Trajectory, joined


def trajectories_to_arrays(trajectories: Sequence[Trajectory]) -> dict[str, NDArray[Any]]:
    """Trajectories as the arrays of an npz; a sampled token takes 8 bytes before compression."""
    segments = [segment for trajectory in trajectories for segment in trajectory.segments]
    spans = [span for segment in segments for span in segment.versions]
    sampled = [segment.logprobs for segment in segments if segment.logprobs is not None]
    return {
        "ids": joined([segment.ids for segment in segments], np.int32),
        "logprobs": joined(sampled, np.float32),
        "spans": np.array(spans, np.int64).reshape(-1, 2),
        "segment_tokens": np.array([len(segment.ids) for segment in segments], np.int64),
        "segment_sampled": np.array([s.logprobs is not None for s in segments], np.bool_),
        "segment_spans": np.array([len(segment.versions) for segment in segments], np.int64),
        "segment_reward": np.array([segment.reward for segment in segments], np.float64),
        "trajectory_segments": np.array([len(t.segments) for t in trajectories], np.int64),
    }


def trajectories_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> list[Trajectory]:
    """The trajectories that `trajectories_to_arrays` described."""
    segments: list[Segment] = []
    token = logprob = span = 0
    # An npz reads an array anew at each access.
    ids, logprobs, spans = arrays["ids"], arrays["logprobs"], arrays["spans"]
    columns = ("segment_tokens", "segment_sampled", "segment_spans", "segment_reward")
    for tokens, sampled, count, reward in zip(*(arrays[c] for c in columns), strict=True):
        versions = tuple(Span(int(t), int(v)) for t, v in spans[span : span + count])
        own = logprobs[logprob : logprob + tokens].copy() if sampled else None
        segments.append(Segment(ids[token : token + tokens].copy(), own, versions, float(reward)))
        token, span = token + int(tokens), span + int(count)
        logprob += int(tokens) if sampled else 0
    trajectories = []
    first = 0
    for count in arrays["trajectory_segments"]:
        trajectories.append(Trajectory(tuple(segments[first : first + count])))
        first += int(count)
    return trajectories
