"""The driver's end of one episode runner: orders, the answers to its questions, and its loss.

Guarantees: an order ends as what it came to, as the error of whoever was asked for it, or as
`RunnerLostError` when its runner dies or falls silent; then nothing of it is kept, and all that it
had asked for is given up. What is cancelled here is cancelled there. Calls have deadlines.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import ray

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.awaiting import ActorLostError, asked
from rl.episodes.runner import Played as Told
from rl.errors import PlumbError, RunnerLostError
from rl.runners.wire import Answer, Evaluated, Offer, Order, Question, Report, Result, Trained, Turn
from rl.tokens import Policy
from rl.whereabouts import Whereabouts

POLL_SECONDS = 2.0  # for a report of a runner that has nothing to tell
STOP_SECONDS = 20.0  # for a runner to end what its environments share


@dataclass(slots=True)
class _Open:
    """An order that has not ended."""

    prompt: Prompt
    policy: Policy
    told: Told | None
    done: "asyncio.Future[Result]"
    asked: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)
    """Its questions that are not answered, by their number."""


class RunnerHandle:
    """One runner, from its start to its loss.

    Args:
        index: its place; one that is started again keeps it.
        actor: Ray's handle of an `EpisodeRunner`.
        silence: seconds without a sign of life after which it is lost.
        grade: gives the verdict on an answer.
        lost: told once, with the reason, when it is lost.
        say: prints a line.
        kill: ends the actor's process.
    """

    def __init__(
        self,
        index: int,
        actor: Any,
        *,
        silence: float,
        grade: Callable[[Sample], Awaitable[Verdict]],
        lost: Callable[["RunnerHandle", str], None],
        say: Callable[[str], None],
        kill: Callable[[Any], None] = ray.kill,
    ) -> None:
        self.name = f"episode runner {index}"
        self.index = index
        self.actor = actor
        self.ready = False
        self.cause = ""
        """Why it is lost; empty while it is not."""
        self.whereabouts: Whereabouts | None = None
        self._silence = silence
        self._grade = grade
        self._tell_lost = lost
        self._say = say
        self._kill = kill
        self._open: dict[int, _Open] = {}
        self._number = 0
        self._orders: list[Order] = []
        self._dropped: list[int] = []
        self._answers: list[Answer] = []
        self._sending: asyncio.Handle | None = None
        self._following: asyncio.Task[None] | None = None

    @property
    def load(self) -> int:
        """Orders that have not ended."""
        return len(self._open)

    async def start(self, deadline: float) -> Offer:
        """Let it begin; from then on it takes orders."""
        offer: Offer = await self._ask("start", deadline=deadline)
        self.whereabouts = await self._ask("whereabouts", deadline=deadline)
        self._following = asyncio.create_task(self._follow(), name=f"follow {self.name}")
        self.ready = True
        return offer

    async def run(
        self,
        prompt: Prompt,
        how: Trained | Evaluated,
        policy: Policy,
        told: Told | None = None,
    ) -> Any:
        """What an order comes to.

        Raises:
            RunnerLostError: The runner is lost; another can be given the same.
            PlumbError: Of the runner, or of what was asked for it.
        """
        if self.cause:
            raise self._error()
        self._number += 1
        number = self._number
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._open[number] = order = _Open(prompt, policy, told, done)
        self._orders.append(Order(number, prompt, how))
        self._send_soon()
        is_over = False
        try:
            result = await done
            is_over = True
        finally:
            del self._open[number]
            for task in order.asked.values():
                task.cancel()
            if not is_over:
                self._dropped.append(number)
                self._send_soon()
        if isinstance(result, PlumbError):
            raise result
        return result

    async def stop(self) -> None:
        """Let it end what its environments share; one that cannot is killed anyway."""
        if self.ready and not self.cause:
            await asyncio.gather(self._ask("stop", deadline=STOP_SECONDS), return_exceptions=True)
        self.lose("the run has ended")

    def lose(self, cause: str) -> None:
        """Take it for lost: its orders end at once, and its process."""
        if self.cause:
            return
        self.cause = cause
        self.ready = False
        for ending in (self._sending, self._following):
            if ending is not None and ending is not asyncio.current_task():
                ending.cancel()
        self._kill(self.actor)
        for order in list(self._open.values()):
            if not order.done.done():
                order.done.set_exception(self._error())
        self._tell_lost(self, cause)

    async def _ask(self, method: str, *arguments: Any, deadline: float) -> Any:
        if self.cause:
            raise self._error()
        try:
            return await asked(self.actor, method, *arguments, deadline=deadline)
        except ActorLostError as error:
            self.lose(str(error))
            raise self._error() from error

    async def _follow(self) -> None:
        try:
            while not self.cause:
                report = await self._ask(
                    "take", POLL_SECONDS, deadline=POLL_SECONDS + self._silence
                )
                self._receive(report)
        except RunnerLostError:
            return
        except Exception as error:
            self.lose(f"{type(error).__name__}: {error}")

    def _receive(self, report: Report) -> None:
        for line in report.said:
            self._say(f"{self.name}: {line}")
        for question in report.asked:
            order = self._open.get(question.order)
            if order is None:  # its drop is on its way, or came there before it did
                self._dropped.append(question.order)
                self._send_soon()
                continue
            order.asked[question.number] = asyncio.create_task(self._answer(question, order))
        given_up = set(report.given_up)
        for order in self._open.values() if given_up else ():
            for number in given_up & order.asked.keys():
                order.asked[number].cancel()
        for number, result in report.ended:
            ended = self._open.get(number)
            if ended is not None and not ended.done.done():
                ended.done.set_result(result)

    async def _answer(self, question: Question, order: _Open) -> None:
        what = question.what
        try:
            if isinstance(what, Turn):
                said: Any = await order.policy.sample(what.context, what.how, session=what.session)
            elif isinstance(what, Sample):
                said = await self._grade(what)
            else:
                said = None
                if order.told is not None:
                    await order.told(*what)
            self._answers.append(Answer(question.number, said))
            self._send_soon()
        except Exception as error:  # of an engine or of grading: no affair of the runner's
            if not order.done.done():
                order.done.set_exception(error)
        finally:
            order.asked.pop(question.number, None)

    def _error(self) -> RunnerLostError:
        return RunnerLostError(f"{self.name} is lost: {self.cause}")

    def _send_soon(self) -> None:
        if self._sending is None and not self.cause:
            self._sending = asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._sending = None
        sent = self._orders, self._dropped, self._answers
        self._orders, self._dropped, self._answers = [], [], []
        try:
            self.actor.submit.remote(*sent)  # where it fails later, the next report does
        except Exception as error:  # such as a prompt that cannot be pickled
            self.lose(f"{type(error).__name__}: {error}")
