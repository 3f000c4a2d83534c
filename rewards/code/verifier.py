"""The verifier "code": programs, judged by their tests in a sandbox.

Guarantees: no program runs in this process. `correct` means that every test passed, whatever the
reward is. A response without a program, and a program that does not compile, crashes or takes too
long, is incorrect; tests that are at fault are ungradable ("reference: ..." where they cannot be
read, "tests: ..." where they cannot be run); a sandbox that measured nothing is a failure of
infrastructure, so that the answer is tried again. Waiting for a place in the sandbox is no part of
a program's time: a deadline of the run bounds what the program's tests take together.

The language is that of the reference, else of the column `language`, else of the option; for tests
by input and output and by calls, which mean the same in each, the fence comes before the option. So
an answer never chooses what a test script is read as. Tests of kind `check` are Python's.

A reward is paid where the tests reach the level of the option `trust`. That is known from the data:
other rows are ungradable ("trust: ...") without a run, and so are Python tests that have nothing to
run ("tests: ..."); `refusal` names both beforehand.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from rewards.code.program import NoProgramError, last_program
from rewards.code.task import (
    CodeTask,
    RefusedError,
    distrust,
    in_words,
    read_task,
)
from rewards.errors import InfrastructureError, PoolError
from rewards.registry import verifier
from rewards.types import Sample, Verdict
from rewards.verifier import deadline_asked
from sandbox import BoxSettings, Judgement, Limits, Program, Sandbox, Trust
from sandbox.errors import RequestError, SandboxError, TestsError, UnavailableError
from sandbox.transport import QUEUE_SECONDS
from sandbox.types import Language

TOKEN_VARIABLE: Final = "PLUMB_SANDBOX_TOKEN"


@verifier("code", keeps_time=True)
class Code(BaseModel):
    """Runs the last fenced block of a response against the tests in the reference."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    sandbox: str | list[str] = "auto"
    """`docker`, `bubblewrap`, or `auto` for the first of them that works; the URL of a service, or
    several; `ray:N` for N actors."""
    box: BoxSettings = Field(default_factory=BoxSettings)
    """Size and kind of the sandbox's boxes, such as `{boxes: 1, slots: 4}`; not for URLs."""
    token_env: str = TOKEN_VARIABLE
    """The environment variable with the service's token."""
    language: Language = "python"
    """What programs are written in, where neither the data nor the fence says, and what a test
    script is written in, where the data does not say."""
    reward: Literal["all", "fraction"] = "all"
    """`all`: 1 where every test passes, and the first failure ends the judging; `fraction`: the
    share of tests that pass, for which all are run."""
    limits: Limits = Limits()
    """What one run of a program may take; a sample's column `limits` changes single ones."""
    trust: Trust = Trust.CHECKER
    """The level that tests must reach: `outside`, `checker` (test and program in processes of their
    own), or `in_process`, where a program written against the sandbox may pass unearned."""
    queue_seconds: float = Field(default=QUEUE_SECONDS, gt=0)
    """Seconds that a program may wait for a place in the sandbox. A program's own time is counted
    from its start, and only by its limits."""
    bare: bool = False
    """Whether the whole response is the program; no fence and no thinking is looked for then."""
    _box: Sandbox | None = PrivateAttr(default=None)
    _opening: asyncio.Lock = PrivateAttr(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Open the sandbox, which all calls share until `aclose`.

        Raises:
            PoolError: It cannot be had; says why.
        """
        try:
            await self._opened()
        except SandboxError as error:
            raise PoolError(f"the verifier 'code' has no sandbox: {error}") from error

    async def aclose(self) -> None:
        """Close the sandbox."""
        box, self._box = self._box, None
        if box is not None:
            await box.aclose()

    async def __call__(
        self,
        sample: Sample,
        *,
        language: str | None = None,
        limits: Mapping[str, Any] | str | None = None,
    ) -> Verdict:
        """Judge the program of a response.

        Raises:
            InfrastructureError: The sandbox measured nothing.
        """
        try:
            task = self._task(sample.reference, language, limits)
        except RefusedError as error:
            return Verdict.ungradable(str(error))
        try:
            program, is_told = self._program(sample, task.language)
        except NoProgramError as error:
            return Verdict.incorrect(reason=str(error))
        try:
            box = await self._opened()
            judgement = await box.judge(
                program,
                task.tests,
                limits=_within(task.limits, deadline_asked()),
                stop_at_first_failure=self.reward == "all",
            )
        except UnavailableError as error:
            raise InfrastructureError(str(error)) from error
        except TestsError as error:
            return Verdict.ungradable(f"tests: {error}")
        except RequestError as error:
            if is_told:  # the answer chose a language that these tests do not exist for
                return Verdict.incorrect(reason=f"language: {error}")
            return Verdict.ungradable(f"request: {error}")
        return self._verdict(judgement)

    def refusal(
        self,
        sample: Sample,
        *,
        language: str | None = None,
        limits: Mapping[str, Any] | str | None = None,
    ) -> str | None:
        """Why no answer to `sample` could be graded, as "kind: detail"; None: nothing is known."""
        try:
            self._task(sample.reference, language, limits)
        except RefusedError as error:
            return str(error)
        return None

    async def _opened(self) -> Sandbox:
        async with self._opening:
            if self._box is None:
                box = Sandbox.open(
                    self.sandbox,
                    settings=self.box,
                    token=self._token(),
                    queue_seconds=self.queue_seconds,
                )
                try:
                    await box.start()
                except BaseException:
                    await box.aclose()
                    raise
                self._box = box
            return self._box

    def _token(self) -> str | None:
        token = os.environ.get(self.token_env, "").strip()
        if not token and self.token_env != TOKEN_VARIABLE:
            raise RequestError(f"the environment variable {self.token_env} is not set; set it")
        return token or None

    def _task(
        self, reference: object, language: str | None, limits: Mapping[str, Any] | str | None
    ) -> CodeTask:
        return read_task(
            reference,
            language,
            limits,
            default_language=self.language,
            default_limits=self.limits,
            trust=self.trust,
        )

    def _program(self, sample: Sample, stated: Language | None) -> tuple[Program, bool]:
        """The program, and whether the answer itself chose its language."""
        source, tagged = sample.response, None
        if not self.bare:
            source, tagged = last_program(sample.response, sample.thinking, stated)
        try:
            program = Program(source=source, language=stated or tagged or self.language)
        except ValidationError as error:
            raise NoProgramError(f"no program: {error.errors()[0]['msg']}") from error
        return program, stated is None and tagged is not None

    def _verdict(self, judgement: Judgement) -> Verdict:
        if not judgement.trust.reaches(self.trust):  # a service of another version
            return Verdict.ungradable(distrust(judgement.trust, self.trust))
        total = judgement.total
        metrics = {"passed": judgement.passed_count, "total": total}
        share = judgement.passed_count / total
        if judgement.passed:
            where = "" if judgement.trust is Trust.OUTSIDE else f" ({in_words(judgement.trust)})"
            return Verdict.correct(1.0, f"passed{where}", fraction=1.0, **metrics)
        reason = f"{in_words(judgement.status)}: {judgement.reason}"
        reward = share if self.reward == "fraction" else 0.0
        return Verdict.incorrect(reward, reason, fraction=share, **metrics)


def _within(limits: Limits, seconds: float | None) -> Limits:
    """`limits` of a program that may take no longer than `seconds` for all of its tests."""
    if seconds is None:
        return limits
    changed = {
        "total_seconds": min(limits.total_seconds, seconds),
        "wall_seconds": min(limits.wall_seconds, seconds),
    }
    return limits.model_copy(update=changed)
