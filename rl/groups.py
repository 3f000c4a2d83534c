"""A prompt with its graded episodes, and the groups of a batch: what moves through the loop.

Guarantees: groups are whole and immutable, and `save_groups`/`load_groups` are exact inverses, so
that a checkpoint can hold groups that wait for their batch: tokens as npz, the rest as JSON.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.schema import Prompt
from rewards import Outcome, Verdict
from rl.token_arrays import trajectories_from_arrays, trajectories_to_arrays
from rl.tokens import Episode
from rl.turn_records import turns_from_state, turns_to_state


@dataclass(frozen=True, slots=True)
class Group:
    """A prompt with its graded episodes: the unit of filtering, waiting and training."""

    index: int
    """Position in the order of dispatch, from 0; never reused within a run."""
    prompt: Prompt
    start: int
    """The version of the oldest sampled token; that at dispatch where nothing was sampled."""
    episodes: tuple[Episode, ...]
    verdicts: tuple[Verdict, ...]
    """One an episode."""

    @property
    def gradable(self) -> list[int]:
        """Positions of the episodes whose verdict measured something."""
        return [i for i, verdict in enumerate(self.verdicts) if verdict.is_gradable]

    @property
    def sampled(self) -> int:
        """Tokens that the policy wrote."""
        return sum(episode.sampled for episode in self.episodes)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step trains on, and what became of all groups since the batch before."""

    version: int
    """The policy version that trains on it; a token's lag is this minus its own version."""
    groups: tuple[Group, ...]
    """In dispatch order; empty when prompts have run out."""
    endings: Counter[str] = field(default_factory=Counter)
    """How groups ended since the batch before, by kind."""
    ready: int = 0
    """Groups that wait for a later batch."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time since the batch before by phase: `generate` while anything generates, else
    `grade`."""

    @property
    def lags(self) -> list[int]:
        """Of each group, by its oldest token."""
        return [self.version - group.start for group in self.groups]


def save_groups(path: Path, groups: Sequence[Group]) -> None:
    """Write groups as one npz: tokens as arrays, the rest as JSON text beside them."""
    trajectories = [t for group in groups for e in group.episodes for t in e.trajectories]
    text = json.dumps([_group_to_state(group) for group in groups])
    with path.open("wb") as file:
        np.savez(
            file,
            groups=np.frombuffer(text.encode(), np.uint8),
            **trajectories_to_arrays(trajectories),  # type: ignore[arg-type]
        )


def load_groups(path: Path) -> list[Group]:
    """The groups that `save_groups` wrote; never unpickles."""
    with np.load(path, allow_pickle=False) as arrays:
        states = json.loads(arrays["groups"].tobytes().decode())
        trajectories = iter(trajectories_from_arrays(arrays))
    return [_group_from_state(state, trajectories) for state in states]


def prompt_to_state(prompt: Prompt) -> dict[str, Any]:
    """JSON-able form of a prompt."""
    return {
        "id": prompt.id,
        "messages": [dict(message) for message in prompt.messages],
        "reference": prompt.reference,
        "task": prompt.task,
        "metadata": dict(prompt.metadata),
        "tools": [dict(tool) for tool in prompt.tools],
        "source": prompt.source,
        "mode": prompt.mode,
    }


def prompt_from_state(state: Mapping[str, Any]) -> Prompt:
    """The prompt that `prompt_to_state` described."""
    return Prompt(
        id=state["id"],
        messages=tuple(state["messages"]),
        reference=state["reference"],
        task=state["task"],
        metadata=state["metadata"],
        tools=tuple(state.get("tools", ())),
        source=state.get("source", ""),
        mode=state.get("mode", ""),
    )


def _group_to_state(group: Group) -> dict[str, Any]:
    return {
        "index": group.index,
        "prompt": prompt_to_state(group.prompt),
        "start": group.start,
        "episodes": [
            {
                "trajectories": len(episode.trajectories),
                "messages": [dict(message) for message in episode.messages],
                "end": episode.end,
                "response": episode.response,
                "thinking": episode.thinking,
                "metrics": dict(episode.metrics),
                "fault": episode.fault,
                "records": turns_to_state(episode.records),
                "began": episode.began,
                "seconds": episode.seconds,
            }
            for episode in group.episodes
        ],
        "verdicts": [
            [str(v.outcome), v.reward if v.is_gradable else None, v.reason, dict(v.metrics)]
            for v in group.verdicts
        ],
    }


def _group_from_state(state: Mapping[str, Any], trajectories: Any) -> Group:
    episodes = [
        Episode(
            trajectories=tuple(next(trajectories) for _ in range(episode["trajectories"])),
            messages=tuple(episode["messages"]),
            end=episode["end"],
            response=episode["response"],
            thinking=episode["thinking"],
            metrics=episode["metrics"],
            fault=episode["fault"],
            records=turns_from_state(episode.get("records", ())),
            began=episode.get("began"),
            seconds=episode.get("seconds"),
        )
        for episode in state["episodes"]
    ]
    verdicts = [
        Verdict(Outcome(outcome), math.nan if reward is None else reward, reason, metrics)
        for outcome, reward, reason, metrics in state["verdicts"]
    ]
    return Group(
        state["index"],
        prompt_from_state(state["prompt"]),
        state["start"],
        tuple(episodes),
        tuple(verdicts),
    )
