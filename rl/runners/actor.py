"""One episode runner as a Ray actor: environments, agents and their contexts, and nothing else.

Guarantees: it runs groups by the code that the driver runs them by where there are no runners, so
that a group's tokens, seeds and rewards are the same. What its environments share is begun and
ended once. An order that is dropped is cancelled, with all that it asked for. Questions and results
go in batches, as a call through Ray costs as much as many of them.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

from rewards import Sample, Verdict
from rl.config import RunConfig
from rl.endpoint.begin import begin_answering
from rl.episodes.rendering import renderer_of
from rl.episodes.runner import GroupRunner
from rl.errors import PlumbError, RunnerError
from rl.runners.travel import EnvFile, unpacked
from rl.runners.wire import Answer, Evaluated, Offer, Order, Played, Question, Report, Result, Turn
from rl.tokenizer import load_tokenizer
from rl.tokens import Episode, Ids, Sampled, Sampling
from rl.whereabouts import Whereabouts, here

GATHER_SECONDS = 0.005  # after something is to be told, for more, while several orders are open
_order: ContextVar[int] = ContextVar("order")


class EpisodeRunner:
    """The actor's class; `rl.runners.handle` calls it.

    Args:
        config: its settings; see `rl.runners.travel.packed`.
        file: the environment's.
    """

    def __init__(self, config: RunConfig, file: EnvFile | None = None) -> None:
        self._config = unpacked(config, file)
        self._stack = AsyncExitStack()
        self._runner: GroupRunner | None = None
        self._orders: dict[int, asyncio.Task[None]] = {}
        self._cancelled: set[int] = set()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._asked: list[Question] = []
        self._given_up: list[int] = []
        self._ended: list[tuple[int, Result]] = []
        self._said: list[str] = []
        self._news = asyncio.Event()

    async def start(self) -> Offer:
        """Load the tokenizer and begin what environments share.

        Raises:
            PlumbError: The environment or the tokenizer cannot be had here.
        """
        environment = await begin_answering(self._stack, self._config)
        self._runner = GroupRunner(
            renderer_of(load_tokenizer(self._config), self._config),
            Asking(self, 0),
            self._graded,
            environment,
            self._config,
            say=self._say,
        )
        tools = tuple(getattr(environment, "tools", ()))
        return Offer(tools, getattr(environment, "takes_rows", False))

    async def whereabouts(self) -> Whereabouts:
        """Where this process runs."""
        return here()

    async def submit(
        self, orders: Sequence[Order], dropped: Sequence[int], answers: Sequence[Answer]
    ) -> None:
        """Take orders on, drop some, and give answers; results come by `take`."""
        for answer in answers:
            waiting = self._waiting.get(answer.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer.what)
        for order in orders:
            serving = asyncio.create_task(self._serve(order), name=order.prompt.id)
            self._orders[order.number] = serving
            # Not in the task itself, which never runs where it is cancelled at once.
            serving.add_done_callback(partial(self._forget, order.number))
        for number in dropped:
            # Once: a second time would break off what ends its environments.
            if number not in self._cancelled and (task := self._orders.get(number)):
                self._cancelled.add(number)
                task.cancel()

    async def take(self, seconds: float) -> Report:
        """What there is to tell since the call before; waits up to `seconds` for something."""
        if not self._news.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return Report([], [], [], [])
        if len(self._orders) > 1:
            await asyncio.sleep(GATHER_SECONDS)
        self._news.clear()
        report = Report(self._asked, self._given_up, self._ended, self._said)
        self._asked, self._given_up, self._ended, self._said = [], [], [], []
        return report

    async def stop(self) -> None:
        """Cancel what runs and end what environments share."""
        tasks = list(self._orders.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stack.aclose()

    async def ask(self, order: int, what: Turn | Sample | Played) -> Any:
        """What the driver says to a question."""
        self._number += 1
        number = self._number
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._asked.append(Question(number, order, what))
        self._news.set()
        try:
            return await waiting
        except asyncio.CancelledError:
            self._given_up.append(number)
            self._news.set()
            raise
        finally:
            del self._waiting[number]

    async def _graded(self, sample: Sample) -> Verdict:
        verdict: Verdict = await self.ask(_order.get(), sample)
        return verdict

    async def _told(self, order: int, number: int, episode: Episode) -> None:
        await self.ask(order, Played(number, episode))

    async def _serve(self, order: Order) -> None:
        _order.set(order.number)
        result: Result
        try:
            result = await self._ran(order)
        except PlumbError as error:
            result = error
        except Exception as error:
            result = RunnerError(f"{type(error).__name__}: {' '.join(str(error).split())}")
        self._ended.append((order.number, result))
        self._news.set()

    def _forget(self, number: int, _: "asyncio.Task[None]") -> None:
        del self._orders[number]
        self._cancelled.discard(number)

    def _ran(self, order: Order) -> Awaitable[Result]:
        assert self._runner is not None, "it was started"
        prompt, how, policy = order.prompt, order.how, Asking(self, order.number)
        if isinstance(how, Evaluated):
            told = partial(self._told, order.number) if how.is_told else None
            asked = prompt, how.n, how.sampling, policy, how.key
            return self._runner.evaluate(*asked, first=how.first, tools=how.tools, told=told)
        return self._runner.run(how.index, prompt, how.version, policy=policy)

    def _say(self, line: str) -> None:
        self._said.append(line)
        self._news.set()


class Asking:
    """A policy that is the driver's; see `rl.tokens.Policy`.

    Args:
        runner: asks.
        order: that it is asked for.
    """

    def __init__(self, runner: EpisodeRunner, order: int) -> None:
        self._runner = runner
        self._order = order

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        """One turn."""
        return cast(Sampled, await self._runner.ask(self._order, Turn(context, how, session)))
