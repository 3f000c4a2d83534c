"""Doing the same with every engine at once, within a deadline, without those that fail."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rl.errors import EngineError, EngineLostError
from rl.weights.handles import EngineHandle
from rl.weights.messages import Loss


class Losses:
    """Who was lost in one update; each is reported as soon as it is known."""

    def __init__(self, report: Callable[[EngineHandle, str], None]) -> None:
        self._report = report
        self.lost: dict[str, Loss] = {}
        self._what = ""
        self._tasks: Mapping[str, asyncio.Future[Any]] = {}

    @property
    def waits(self) -> str:
        """What is being done, and which engines have not done it; empty if all have."""
        late = [name for name, task in self._tasks.items() if not task.done()]
        return f"{self._what}: {', '.join(late)}" if late else ""

    async def each(
        self,
        engines: Sequence[EngineHandle],
        what: str,
        seconds: float,
        work: Callable[[EngineHandle], Awaitable[Any]],
    ) -> list[EngineHandle]:
        """Do the same with all at once; returns those with which it went well in time."""
        tasks = {engine.name: asyncio.ensure_future(work(engine)) for engine in engines}
        self._what, self._tasks = what, tasks
        try:
            if tasks:
                await asyncio.wait(tasks.values(), timeout=seconds)
        finally:
            late = {name for name, task in tasks.items() if task.cancel()}
        losses = {}
        for name, task in tasks.items():
            if name in late:
                losses[name] = Loss(f"{what} took longer than {seconds:g} s", died=True)
            elif (error := task.exception()) is not None:
                died = isinstance(error, EngineLostError)
                losses[name] = Loss(f"{what}: {_line(error)}", died)
        self.lose(engines, losses)
        return [engine for engine in engines if engine.name not in losses]

    def lose(self, engines: Sequence[EngineHandle], losses: Mapping[str, Loss]) -> None:
        """Note and report losses among `engines`."""
        for engine in engines:
            if engine.name in losses:
                self.lost[engine.name] = losses[engine.name]
                self._report(engine, losses[engine.name].reason)

    def check(self, live: Sequence[EngineHandle]) -> None:
        """Raise if no engine is left though one of them is well: the next would refuse too."""
        refused = [name for name, loss in self.lost.items() if not loss.died]
        if refused and not live:
            raise EngineError(
                f"no engine took the new weights; {refused[0]}: {self.lost[refused[0]].reason}"
            )


def _line(error: BaseException) -> str:
    """What an error says; one from an actor comes wrapped in where it was raised."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return f"{lines[0]:.300}"
