"""What the policy wrote and read: token ids in numpy, never text that is encoded again.

Guarantees: a trajectory's ids are exactly the context of its last request plus what came back; a
token is trained on if and only if it was sampled, and then it has the engine's logprob and the
version of the policy that sampled it; nothing is removed or encoded a second time. A sampled token
takes 8 bytes, one that was only read 4, and 13 in a `TokenBatch`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rewards.thinking import Opened
from rl.turn_records import TurnRecord

Message = Mapping[str, Any]
Ids = NDArray[np.int32]
Floats = NDArray[np.float32]

Stop = Literal["stop", "length"]
"""Why a turn of the policy ended: by itself, or cut at its limit of tokens."""
End = Literal["stop", "length", "turns", "budget"]
"""Why an episode ended: the policy was done, a turn was cut, or turns or context were used up."""

NOT_SAMPLED = -1
"""The version of a token that the policy only read."""


class Span(NamedTuple):
    """Consecutive sampled tokens of one policy version."""

    tokens: int
    version: int


@dataclass(frozen=True, slots=True)
class Segment:
    """What was appended to a context at once: by us (a prompt, an observation) or by the policy."""

    ids: Ids
    logprobs: Floats | None = None
    """The engine's, nats, one a token; None: not sampled, never trained on."""
    versions: tuple[Span, ...] = ()
    """They cover exactly the sampled tokens, in order; versions never fall."""
    reward: float = 0.0
    """What this turn alone earned; it stands at the segment's last token."""

    def __post_init__(self) -> None:
        sampled = 0 if self.logprobs is None else len(self.ids)
        if self.logprobs is not None and len(self.logprobs) != len(self.ids):
            raise ValueError(f"{len(self.ids)} tokens have {len(self.logprobs)} logprobs")
        if sum(span.tokens for span in self.versions) != sampled:
            raise ValueError(f"the version spans {self.versions} do not cover {sampled} tokens")
        known = [span.version for span in self.versions]
        if known != sorted(known):
            raise ValueError(f"a version falls within a segment: {self.versions}")


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One unbroken context, one row of training."""

    segments: tuple[Segment, ...]

    @property
    def tokens(self) -> int:
        """Tokens, read and sampled."""
        return sum(len(segment.ids) for segment in self.segments)

    @property
    def sampled(self) -> int:
        """Tokens that the policy wrote."""
        return sum(len(segment.ids) for segment in self.segments if segment.logprobs is not None)

    @property
    def start(self) -> int | None:
        """The version of the oldest sampled token; None if nothing was sampled."""
        return min((v.version for s in self.segments for v in s.versions), default=None)

    @property
    def ids(self) -> Ids:
        """(tokens,) int32."""
        return np.concatenate([segment.ids for segment in self.segments])

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(tokens,): which tokens are trained on."""
        return np.concatenate([np.full(len(s.ids), s.logprobs is not None) for s in self.segments])

    @property
    def logprobs(self) -> Floats:
        """(tokens,) float32, nats; 0 where nothing was sampled."""
        return np.concatenate(
            [
                np.zeros(len(s.ids), np.float32) if s.logprobs is None else s.logprobs
                for s in self.segments
            ]
        )

    @property
    def versions(self) -> NDArray[np.int32]:
        """(tokens,) int32; -1 where nothing was sampled."""
        found = []
        for segment in self.segments:
            if segment.logprobs is None:
                found.append(np.full(len(segment.ids), NOT_SAMPLED, np.int32))
                continue
            known = np.array([span.version for span in segment.versions], np.int32)
            found.append(np.repeat(known, [span.tokens for span in segment.versions]))
        return np.concatenate(found)


class LastTurn(NamedTuple):
    """What the policy said last."""

    text: str
    thinking: Opened | None
    """Whether its prompt ended in an open thinking part; None: it is not known."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One attempt at a prompt."""

    trajectories: tuple[Trajectory, ...]
    """More than one only where a context had to begin anew; none where nothing was sampled."""
    messages: tuple[Message, ...]
    """The whole conversation, for graders and records."""
    end: End
    response: str = ""
    """What is graded: the policy's last turn, or what an agent wrote."""
    thinking: Opened | None = None
    """Whether the last prompt ended in an open thinking part; None: it is not known."""
    last_turn: LastTurn | None = None
    """The policy's last turn where `response` is none, as what an agent wrote. Gone once graded: a
    checkpoint does not hold it."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What the environment measured."""
    fault: str = ""
    """`kind: detail` where infrastructure failed for good: the episode cannot be graded."""
    records: tuple[TurnRecord, ...] = ()
    """Of its turns, trajectory by trajectory; none where they were not kept."""
    began: float | None = None
    """Seconds of Unix time; None: not known."""
    seconds: float | None = None
    """That it took, without its grading; None: not known."""

    @property
    def sampled(self) -> int:
        """Tokens that the policy wrote."""
        return sum(trajectory.sampled for trajectory in self.trajectories)

    @property
    def turns(self) -> int:
        """Times that the policy spoke."""
        return len(self.turn_rewards)

    @property
    def turn_reward(self) -> float:
        """What its turns have earned by themselves, together."""
        return sum(self.turn_rewards)

    @property
    def turn_rewards(self) -> list[float]:
        """What each turn has earned by itself."""
        parts = [segment for one in self.trajectories for segment in one.segments]
        return [segment.reward for segment in parts if segment.logprobs is not None]

    @property
    def start(self) -> int | None:
        """The version of the oldest sampled token; None if nothing was sampled."""
        known = [t.start for t in self.trajectories if t.start is not None]
        return min(known, default=None)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a turn is sampled; names and meaning as in vLLM's `SamplingParams`."""

    temperature: float
    max_tokens: int
    top_p: float = 1.0
    top_k: int = 0
    """0: all tokens."""
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    keep_special: bool = False
    """Keep special tokens in the text, but for those at its end: some models mark their calls with
    special tokens."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """A turn of the policy."""

    segment: Segment
    stop: Stop
    text: str
    """Decoded once, by the engine's actor."""
    cached_tokens: int | None = None
    """Tokens of the context that the engine's prefix cache held; None: not known."""
    engine: int | None = None
    """The engine that sampled it, by its number; None: not known."""


class Policy(Protocol):
    """What samples: all engines as one, or a few of them at one version."""

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        """One turn after `context`, (tokens,) int32.

        Args:
            context: everything so far.
            how: how to sample.
            session: turns of one session go to one engine where they can (its prefix cache).

        Raises:
            EngineError: no engine is left to ask.
        """


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Rows of training, flat, T tokens in S rows: what a learner rank gets of a batch."""

    ids: Ids
    """(T,) int32."""
    logprobs: Floats
    """(T,) float32, the engine's, nats; 0 where nothing was sampled."""
    mask: NDArray[np.bool_]
    """(T,): which tokens are trained on."""
    versions: NDArray[np.int32]
    """(T,) int32; -1 where nothing was sampled."""
    starts: NDArray[np.int64]
    """(S + 1,): row s holds tokens starts[s] : starts[s + 1]."""
    groups: NDArray[np.int32]
    """(S,): rows of one prompt share a number."""
    weights: NDArray[np.float32]
    """(S,): the row's share of its episode's sampled tokens, for means over episodes."""
    rewards: NDArray[np.float32]
    """(S,): the whole episode's reward."""
    turn_ends: NDArray[np.int64]
    """(turns,): the last token of each turn, a position among the T."""

    @property
    def rows(self) -> int:
        """S."""
        return len(self.groups)


def pack(rows: Sequence[tuple[int, float, float, Trajectory]]) -> TokenBatch:
    """Flatten (group, episode's reward, weight, trajectory) rows."""
    segments = [segment for _, _, _, trajectory in rows for segment in trajectory.segments]
    sampled = [segment for segment in segments if segment.logprobs is not None]
    ends = np.cumsum([len(segment.ids) for segment in segments], dtype=np.int64)
    bounds = np.cumsum([0, *(len(trajectory.segments) for _, _, _, trajectory in rows)])
    starts = np.concatenate([np.zeros(1, np.int64), ends])[bounds]
    is_turn = np.array([segment.logprobs is not None for segment in segments], np.bool_)
    mask = np.repeat(is_turn, np.diff(ends, prepend=0))
    logprobs = np.zeros(len(mask), np.float32)
    logprobs[mask] = joined([s.logprobs for s in sampled if s.logprobs is not None], np.float32)
    spans = np.array([span for segment in sampled for span in segment.versions], np.int64)
    spans = spans.reshape(-1, 2)
    versions = np.full(len(mask), NOT_SAMPLED, np.int32)
    versions[mask] = np.repeat(spans[:, 1], spans[:, 0])
    return TokenBatch(
        ids=joined([segment.ids for segment in segments], np.int32),
        logprobs=logprobs,
        mask=mask,
        versions=versions,
        starts=starts,
        groups=np.array([group for group, _, _, _ in rows], np.int32),
        weights=np.array([weight for _, _, weight, _ in rows], np.float32),
        rewards=np.array([reward for _, reward, _, _ in rows], np.float32),
        turn_ends=ends[is_turn] - 1,
    )


def joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    """All of `parts`, end to end; none: an empty array of `dtype`."""
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
