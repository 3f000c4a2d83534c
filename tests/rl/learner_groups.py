"""Made-up groups for tests of the learner: several turns, rows, versions and endings."""

import random
from collections.abc import Sequence

import numpy as np

from data.schema import Prompt
from rewards import Verdict
from rl.groups import Group
from rl.tokens import Episode, Segment, Span, Trajectory

VERSION = 3
"""The policy version that trains on them."""


def read(draw: random.Random, most: int, vocabulary: tuple[int, int]) -> Segment:
    """Something that the policy only reads."""
    count = draw.randrange(1, most)
    return Segment(np.array([draw.randrange(*vocabulary) for _ in range(count)], np.int32))


def sampled(draw: random.Random, most: int, vocabulary: tuple[int, int]) -> Segment:
    """A turn of the policy, begun up to two versions ago, perhaps finished by a later one."""
    count = draw.randrange(1, most)
    older = draw.randrange(count + 1)
    first = VERSION - draw.randrange(1, 3)
    spans = [Span(older, first), Span(count - older, draw.randrange(first, VERSION + 1))]
    return Segment(
        np.array([draw.randrange(*vocabulary) for _ in range(count)], np.int32),
        np.array([-draw.uniform(2.5, 3.7) for _ in range(count)], np.float32),
        tuple(span for span in spans if span.tokens),
        draw.choice([0.0, 0.0, 0.25]),
    )


def trajectory(
    draw: random.Random, *, turns: int, most: int = 8, vocabulary: tuple[int, int] = (0, 23)
) -> Trajectory:
    """A prompt and turns with observations between them; the last thing may be an observation."""
    found = []
    for _ in range(turns):
        found += [read(draw, most, vocabulary), sampled(draw, most, vocabulary)]
    if draw.random() < 0.2:
        found.append(read(draw, most, vocabulary))
    return Trajectory(tuple(found))


def make_groups(
    seed: int, sizes: Sequence[int] = (4, 3, 2, 4), *, rows: int = 2, turns: int = 3, **how: object
) -> list[Group]:
    """Groups of these sizes; of their episodes some are cut at a limit and some ungradable.

    Args:
        seed: of everything.
        sizes: episodes of each group.
        rows: most trajectories of an episode.
        turns: most turns of a trajectory.
        **how: for `trajectory`.
    """
    draw = random.Random(seed)
    found = []
    for position, size in enumerate(sizes):
        episodes = [
            Episode(
                tuple(
                    trajectory(draw, turns=draw.randrange(1, turns + 1), **how)  # type: ignore[arg-type]
                    for _ in range(draw.randrange(1, rows + 1))
                ),
                (),
                draw.choice(["stop", "stop", "turns", "length"]),
            )
            for _ in range(size)
        ]
        verdicts = [
            Verdict.ungradable("judge: away")
            if draw.random() < 0.1
            else Verdict.correct(reward=draw.choice([0.0, 1.0, 1.5]))
            for _ in episodes
        ]
        start = min(episode.start or 0 for episode in episodes)
        # Indices have holes: what was rejected in between is not here.
        prompt = Prompt(f"p{position}", ({"role": "user", "content": "?"},), None, "math")
        found.append(Group(3 * position + 5, prompt, start, tuple(episodes), tuple(verdicts)))
    return found
