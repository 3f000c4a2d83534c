"""Answers and verdicts on disk, as they come: a killed evaluation goes on where it was.

Guarantees: what a prompt, a number and a sampling have been answered is never asked again, and
stands once. An answer is on disk before it is graded. A verdict that infrastructure spoiled is not
kept: the same command grades that answer anew. Files of another model, sampling or verifier are
refused by name.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from data.asking import AnswerStore
from data.errors import AnswersError
from data.schema import Prompt
from launch.datasets.difficulty import LOST
from rewards import Outcome, Sample, Verdict
from rewards.thinking import Opened
from rl.modes import columns_of
from rl.tokens import LastTurn

ANSWERS: Final = "answers.jsonl"
VERDICTS: Final = "verdicts.jsonl"
SCORES: Final = "scores.jsonl"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Given:
    """One answer.

    Attributes:
        response: what is graded.
        end: why it ended, as `Episode.end`; `refused`: nothing was asked.
        opened: whether the prompt opened the thinking.
        thought: what a server took for reasoning, where it parts it itself.
        tokens: that were sampled, all turns together.
        last_tokens: of the last turn.
        thinking_tokens: of thinking in the last turn; None: not counted.
        policy_turn: the last one, where an agent wrote the response; None: the response is it.
        policy_turn_thinking: whether that turn's prompt opened the thinking.
        prompt_tokens: of the first; None: not known.
        turns: times that the model spoke.
        messages: the whole conversation where there were several turns.
        metrics: the environment's.
        fault: why it cannot be graded, or why it is wrong whatever it says.
        seconds: that it took.
        judged: the environment's own verdict, as a file keeps it; None: a verifier grades it.
    """

    response: str
    end: str = "stop"
    opened: Opened | None = None
    thought: str = ""
    tokens: int = 0
    last_tokens: int = 0
    thinking_tokens: int | None = None
    policy_turn: str | None = None
    policy_turn_thinking: Opened | None = None
    prompt_tokens: int | None = None
    turns: int = 1
    messages: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    fault: str = ""
    seconds: float | None = None
    judged: Mapping[str, Any] | None = None

    def sample(self, prompt: Prompt, number: int) -> Sample:
        """What is graded of it."""
        return Sample(
            id=f"{prompt.id}#{number}",
            prompt=prompt.messages,
            response=self.response,
            reference=prompt.reference,
            task=prompt.task,
            tools=prompt.tools,
            metadata={
                **prompt.metadata,
                "response_tokens": self.last_tokens,
                **columns_of(prompt, self.thinking_tokens, self.last_turn),
            },
            stop_reason="length" if self.end == "length" else "stop",
            thinking=self.opened,
            transcript=self.messages,
        )

    @property
    def last_turn(self) -> LastTurn | None:
        """The policy's last turn; None: it is the response."""
        if self.policy_turn is None:
            return None
        return LastTurn(self.policy_turn, self.policy_turn_thinking)

    def as_json(self) -> dict[str, Any]:
        """As a file keeps it; what is empty is left out."""
        held = {**asdict(self), "messages": [dict(one) for one in self.messages]}
        return {
            name: value
            for name, value in held.items()
            if name == "response" or value not in ("", [], {}, None)
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """The answer that `as_json` gave."""
        return cls(**{**value, "messages": tuple(value.get("messages", ()))})


class Kept:
    """The files of one set.

    Args:
        folder: the set's.
        asked: what answers depend on beside prompt and number.
        graded: what verdicts depend on.
        scored: what scores depend on; None: nothing is scored.
    """

    def __init__(
        self,
        folder: Path,
        asked: Mapping[str, Any],
        graded: Mapping[str, Any],
        scored: Mapping[str, Any] | None,
    ) -> None:
        self.answers = AnswerStore.open(folder / ANSWERS, asked)
        self.verdicts = _opened(folder / VERDICTS, graded)
        self.scores = None if scored is None else _opened(folder / SCORES, scored)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for store in (self.answers, self.verdicts, self.scores):
            if store is not None:
                store.close()

    def answer(self, key: str) -> Given | None:
        """The answer under a key; None: there is none."""
        found = self.answers.get(key)
        return None if found is None else Given.of_json(found)

    def verdict(self, key: str) -> Verdict | None:
        """The verdict under a key; None: there is none."""
        found = self.verdicts.get(key)
        return None if found is None else verdict_of_json(found)

    async def keep_verdict(self, key: str, verdict: Verdict) -> None:
        """Keep a verdict, if it measured something or never will."""
        if not is_lost(verdict):
            await self.verdicts.put(key, verdict_as_json(verdict))

    def score(self, key: str) -> float | None:
        """The score under a key; None: there is none."""
        return None if self.scores is None else self.scores.get(key)


def key_of(prompt: Prompt, number: int) -> str:
    """The key of an answer: by all that is asked and compared with, not by a name."""
    mode = f"@{prompt.mode}" if prompt.mode else ""
    return f"{prompt.digest()[:20]}{mode}#{number}"


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as a file keeps it."""
    return {
        "outcome": str(verdict.outcome),
        "reward": verdict.reward if verdict.is_gradable else None,
        "reason": verdict.reason,
        "metrics": dict(verdict.metrics),
    }


def verdict_of_json(value: Mapping[str, Any]) -> Verdict:
    """The verdict that `verdict_as_json` gave."""
    reward = value["reward"]
    return Verdict(
        Outcome(value["outcome"]),
        float("nan") if reward is None else reward,
        value["reason"],
        value["metrics"],
    )


def is_lost(verdict: Verdict) -> bool:
    """Whether infrastructure is why there is no grade."""
    return not verdict.is_gradable and verdict.reason.partition(":")[0] in LOST


def forget(folder: Path, *, answers: bool) -> None:
    """Remove verdicts and scores of a set, and its answers too if asked."""
    for name in (ANSWERS, VERDICTS, SCORES) if answers else (VERDICTS, SCORES):
        (folder / name).unlink(missing_ok=True)


def _opened(path: Path, identity: Mapping[str, Any]) -> AnswerStore:
    try:
        return AnswerStore.open(path, json.loads(json.dumps(identity)))
    except AnswersError as error:
        if "holds answers to something else" not in str(error):
            raise
        raise AnswersError(
            f"{error} (--regrade forgets verdicts and scores, and keeps the answers)"
        ) from error
