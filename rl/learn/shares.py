"""A batch cut for the learner: to each rank its own rows, its plan, and what it must know of all.

Guarantees: every sampled token of a trained episode is trained on by exactly one rank, in exactly
one mini-batch; an episode's rows stay together; mini-batches are the fewest of equal size, balanced
by tokens over the ranks; every rank makes the same number of passes; what a token's loss is divided
by is a number of the whole mini-batch. An episode counts once in its group's baseline, however many
rows it has, and also where it is masked from the loss. The cut depends on the arguments alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rl.groups import Group
from rl.learn.batching import micro_batches, mini_batches, spread
from rl.tokens import Episode, TokenBatch, Trajectory, pack

Rows = tuple[int, ...]
"""Rows of a share's `TokenBatch`."""


@dataclass(frozen=True, slots=True)
class MiniBatch:
    """One optimizer step."""

    tokens: int
    """Trained tokens, on all ranks together."""
    episodes: int
    """Trained episodes, on all ranks together."""
    passes: tuple[Rows, ...]
    """This rank's micro-batches; as many as on any other rank, the last ones empty where another
    rank has more."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one rank gets."""

    tokens: TokenBatch
    """The rows of this rank; those of an episode are neighbours, in their order."""
    episodes: NDArray[np.int32]
    """(S,): the episode of each row, a position in `rewards`."""
    mini_batches: tuple[MiniBatch, ...]
    """In the order in which they are trained."""
    rewards: NDArray[np.float32]
    """(E,): the reward of every gradable episode of the whole batch, for baselines."""
    turn_rewards: NDArray[np.float64]
    """(E, most turns): what each turn of each of them earned by itself, nan where it had no such
    turn; (E, 0) where no turn of the batch earned anything."""
    members: NDArray[np.int32]
    """(E, 2): group index, and position in its group, of each of them."""
    oldest: int
    """The oldest version that sampled a trained token of the whole batch; 0 if there is none."""

    @property
    def groups(self) -> NDArray[np.int32]:
        """(E,): the group index of every episode of the batch."""
        return self.members[:, 0]


def cut(
    groups: Sequence[Group],
    *,
    ranks: int,
    mini_batch_size: int,
    micro_batch_tokens: int,
    seed: str,
    packed: bool = True,
    mask_truncated: bool = False,
) -> list[Share]:
    """Cut a batch into one share a rank.

    Args:
        groups: the batch; its ungradable episodes are left out of everything.
        ranks: how many shares.
        mini_batch_size: most episodes an optimizer step, over all ranks.
        micro_batch_tokens: tokens a forward pass may hold; one longer row goes alone.
        seed: of the shuffle, another one a step.
        packed: whether rows are laid end to end; else padding counts.
        mask_truncated: keep episodes that were cut at a limit of tokens in their group's baseline
            alone.
    """
    members = [(group, i) for group in groups for i in group.gradable]
    rows = [_rows(group.episodes[i], mask_truncated=mask_truncated) for group, i in members]
    trained = [i for i in range(len(members)) if rows[i]]
    tokens = [sum(trajectory.tokens for trajectory in own) for own in rows]
    cuts = [
        [trained[i] for i in part]
        for part in mini_batches(len(trained), mini_batch_size, seed=seed)
    ]
    by_rank = list(zip(*(spread(part, tokens, ranks) for part in cuts), strict=True))
    by_rank = by_rank or [()] * ranks  # no episode is trained
    plans = _align([_passes(parts, rows, micro_batch_tokens, packed) for parts in by_rank])
    totals = [(sum(t.sampled for i in part for t in rows[i]), len(part)) for part in cuts]
    rewards = np.array([group.verdicts[i].reward for group, i in members], np.float32)
    places = np.array([(group.index, i) for group, i in members], np.int32).reshape(-1, 2)
    turns = _turn_rewards([group.episodes[i] for group, i in members])
    starts = [t.start for own in rows for t in own if t.start is not None]
    shares = []
    for parts, plan in zip(by_rank, plans, strict=True):
        own = [i for part in parts for i in part]
        shares.append(
            Share(
                tokens=_pack(own, members, rows),
                episodes=np.array([i for i in own for _ in rows[i]], np.int32),
                mini_batches=tuple(
                    MiniBatch(sampled, episodes, passes)
                    for (sampled, episodes), passes in zip(totals, plan, strict=True)
                ),
                rewards=rewards,
                turn_rewards=turns,
                members=places,
                oldest=min(starts, default=0),
            )
        )
    return shares


def _rows(episode: Episode, *, mask_truncated: bool) -> list[Trajectory]:
    """What is trained of an episode."""
    if mask_truncated and episode.end == "length":
        return []
    return _written(episode)


def _written(episode: Episode) -> list[Trajectory]:
    """The trajectories in which the policy wrote."""
    return [trajectory for trajectory in episode.trajectories if trajectory.sampled]


def _turn_rewards(episodes: Sequence[Episode]) -> NDArray[np.float64]:
    """What turns earned by themselves, as `Share.turn_rewards`."""
    earned = [
        [s.reward for t in _written(episode) for s in t.segments if s.logprobs is not None]
        for episode in episodes
    ]
    most = max(map(len, earned), default=0) if any(map(any, earned)) else 0
    found = np.full((len(episodes), most), np.nan)
    for row, own in zip(found, earned, strict=True):
        row[: len(own)] = own[:most]
    return found


def _pack(
    own: Sequence[int], members: Sequence[tuple[Group, int]], rows: Sequence[list[Trajectory]]
) -> TokenBatch:
    """The rows of some episodes, one after the other."""
    found = []
    for i in own:
        group, position = members[i]
        reward = group.verdicts[position].reward
        counts = [trajectory.sampled for trajectory in rows[i]]
        found += [
            (group.index, reward, count / sum(counts), trajectory)
            for count, trajectory in zip(counts, rows[i], strict=True)
        ]
    return pack(found)


def _passes(
    parts: Sequence[Sequence[int]], rows: Sequence[list[Trajectory]], budget: int, packed: bool
) -> list[list[Rows]]:
    """A rank's micro-batches of each mini-batch."""
    found = []
    first = 0
    for part in parts:
        lengths = [trajectory.tokens for i in part for trajectory in rows[i]]
        cut_up = micro_batches(range(len(lengths)), lengths, budget, packed=packed)
        found.append([tuple(first + row for row in micro) for micro in cut_up])
        first += len(lengths)
    return found


def _align(passes: Sequence[list[list[Rows]]]) -> list[list[tuple[Rows, ...]]]:
    """Give every rank as many passes in a mini-batch as the rank with the most."""
    most = [max(map(len, mini_batch)) for mini_batch in zip(*passes, strict=True)]
    return [
        [
            tuple(plan) + ((),) * (count - len(plan))
            for plan, count in zip(of_rank, most, strict=True)
        ]
        for of_rank in passes
    ]
