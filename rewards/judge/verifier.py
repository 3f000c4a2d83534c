"""The verifier "judge": a text graded by a language model, mapped to [-1, 1].

Guarantees: a score is the judge's, or there is none: an outage is a failure of infrastructure, so
that the answer is tried again, and then ungradable; a reply that cannot be read and a request that
is refused are ungradable ("judge: ..."). An endpoint that cannot be used stops the start. Without
asking, an answer that calls a tool where text was wanted gets `tool_call`, and one that says
nothing after its thinking, or no more than a full stop, gets -1.
"""

import asyncio
from typing import Any, Final, Self

from pydantic import Field, PrivateAttr, model_validator

from rewards.judge.errors import JudgeError, RubricError
from rewards.judge.judge import Judge
from rewards.judge.results import Grade
from rewards.judge.rubric import load_rubric
from rewards.judge.settings import JudgeSettings
from rewards.registry import verifier
from rewards.thinking import final_part, says_something
from rewards.types import Sample, Verdict

GRADING_SECONDS: Final = 600.0  # an outage that is waited out, and requests before and after it
EMPTY_REWARD: Final = -1.0


@verifier("judge", deadline=GRADING_SECONDS)
class JudgeVerifier(JudgeSettings):
    """Grades a response by a rubric; the reward is 2 (S - Smin) / (Smax - Smin) - 1."""

    threshold: float | None = None
    """The score from which an answer counts as correct; none: the rubric's."""
    tool_call: float | None = Field(default=-1.0, ge=-1, le=1)
    """The reward of an answer that calls a tool; none: it is graded like any text."""
    thinking: bool = False
    """Whether the judge sees the thinking too."""
    _judge: Judge | None = PrivateAttr(default=None)
    _starting: asyncio.Lock = PrivateAttr(default_factory=asyncio.Lock)

    @model_validator(mode="after")
    def _threshold_is_on_the_scale(self) -> Self:
        if self.threshold is not None:
            try:
                scale = load_rubric(self.rubric).scale
            except RubricError as error:
                raise ValueError(str(error)) from error
            if not scale.holds(self.threshold):
                raise ValueError(f"threshold is not within the scale {scale.min} to {scale.max}")
        return self

    async def start(self) -> None:
        """Connect to the judge, or start its server.

        Raises:
            RewardError: It cannot be used; says why.
        """
        await self._started()

    async def aclose(self) -> None:
        """Close the connections, and end a server that was started here."""
        judge, self._judge = self._judge, None
        if judge is not None:
            await judge.aclose()

    async def __call__(self, sample: Sample, *, grade_anew: bool = False) -> Verdict:
        """The verdict on a response.

        Args:
            sample: What is graded.
            grade_anew: A column: ask, whatever the cache holds.

        Raises:
            InfrastructureError: The judge is away.
        """
        if self.tool_call is not None and (called := _called(sample)) is not None:
            return Verdict.incorrect(self.tool_call, f"tool: {called}")
        whole = sample.response
        answer = whole if self.thinking else final_part(whole, sample.thinking)
        if not says_something(answer):
            return Verdict.incorrect(EMPTY_REWARD, "empty: there is no answer after the thinking")
        judge = await self._started()
        try:
            grade = await judge.grade(
                sample.prompt, answer, sample.reference, anew=grade_anew is True
            )
        except RubricError as error:
            return Verdict.ungradable(f"rubric: {error}")
        except JudgeError as error:
            return Verdict.ungradable(f"judge: {error}")
        return _verdict(grade, judge)

    async def _started(self) -> Judge:
        async with self._starting:
            if self._judge is None:
                judge = Judge(self, threshold=self.threshold)
                await judge.start()
                self._judge = judge
            return self._judge


def _called(sample: Sample) -> str | None:
    from rewards.tools import called_tool

    called: str | None = called_tool(sample.response, tools=sample.tools, thinking=sample.thinking)
    return called


def _verdict(grade: Grade, judge: Judge) -> Verdict:
    scale = judge.rubric.scale
    reason = f"score {grade.score:g} of {scale.min} to {scale.max}"
    if len(grade.votes) > 1:
        reason += f" (votes {', '.join(f'{vote:g}' for vote in grade.votes)})"
    spent = grade.spent
    metrics: dict[str, Any] = {
        "score": grade.score,
        "spread": grade.spread,
        "votes": len(grade.votes),
        "cached": spent.cached,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cost": spent.cost,
        **grade.factors,
    }
    make = Verdict.correct if grade.is_correct else Verdict.incorrect
    return make(grade.reward, reason, **metrics)
