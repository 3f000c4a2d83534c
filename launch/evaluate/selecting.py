"""Best of k: of several answers to a prompt the one that a judge or a reward model likes best.

Guarantees: what chooses never sees the reference. Of equal scores the first answer's counts. A
score that could not be had is no score: where a prompt has none, nothing is chosen for it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from launch.evaluate.reward_model import RewardModel
from launch.evaluate.rewarding import judge_use
from launch.verify.uses import TaskOptions
from rewards import GradingPool, Rubric, Sample, Use
from rl.errors import ConfigError

REWARD: Final = "reward="
JUDGE: Final = "judge"


class Scorer(Protocol):
    """Says how good an answer is."""

    async def start(self) -> None:
        """Make ready."""

    async def aclose(self) -> None:
        """Give back what it holds."""

    async def score(self, sample: Sample) -> float | None:
        """Higher is better; None: there is no score."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What chooses.

    Attributes:
        name: as the command line says it.
        use: a verifier whose reward is the score; None: a reward model.
        urls: the reward model's.
    """

    name: str
    use: Use | None = None
    urls: tuple[str, ...] = ()
    identity: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asks_judge(self) -> bool:
        """Whether it is a judge."""
        return self.name == JUDGE

    def scorer(self, concurrency: int) -> Scorer:
        """Makes it."""
        if self.use is None:
            return RewardModel(self.urls, concurrency=concurrency)
        return _Verifier(self.use)


def choice_of(text: str | None, options: TaskOptions) -> Choice | None:
    """What `--select` names; None where it names nothing.

    Raises:
        ConfigError: it names nothing that can choose.
    """
    if text is None:
        return None
    if text == JUDGE:
        use = judge_use(options)
        return Choice(text, use, identity={"judge": dict(use.options)})
    if text.startswith(REWARD):
        urls = tuple(one for one in text.removeprefix(REWARD).split(",") if one)
        if not urls or not all(one.startswith(("http://", "https://")) for one in urls):
            raise ConfigError(
                f"--select {text}: write reward=URL, the address of a vllm serve with a reward "
                "model, such as reward=http://127.0.0.1:8000"
            )
        return Choice(text, urls=urls, identity={"reward model": list(urls)})
    use = Use(text)
    use.load()  # what does not load is known before anything starts
    return Choice(text, use, identity={"verifier": text})


def best_of(scores: Sequence[float | None]) -> int | None:
    """The place of the best; the first of several; None: there is no score."""
    known = [(score, -place) for place, score in enumerate(scores) if score is not None]
    return -max(known)[1] if known else None


def unseen(sample: Sample) -> Sample:
    """The sample without what only graders may know."""
    hidden = {"response_tokens": sample.metadata.get("response_tokens", 0)}
    return replace(sample, reference=None, metadata=hidden)


class _Verifier:
    """A verifier's reward as a score."""

    def __init__(self, use: Use) -> None:
        self._pool = GradingPool(Rubric(use))
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start its processes, or connect to its judge."""
        async with self._starting:
            await self._pool.start()

    async def aclose(self) -> None:
        """End them."""
        await self._pool.aclose()

    async def score(self, sample: Sample) -> float | None:
        """The verifier's reward; None where it could not grade."""
        (verdict,) = await self._pool.grade([unseen(sample)])
        return verdict.reward if verdict.is_gradable else None
