"""Who has the memory of GPUs: what a weight update and the loop ask of it.

`rl.turns.InTurns` is for engines and learner on the same GPUs; here is what stands for it where
each has memory of its own.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from rl.weights.handles import EngineHandle
from rl.weights.losses import Losses


class Turns(Protocol):
    """Who has the memory of GPUs."""

    sleeps: bool
    """Whether engines sleep while the policy learns."""

    def learning(self) -> AbstractAsyncContextManager[None]:
        """The policy learns inside, and is published; from then on engines sample."""

    def visiting(self, *, fresh: bool = False) -> AbstractAsyncContextManager[None]:
        """The learner is used inside for something else than learning.

        Args:
            fresh: its ranks are started anew inside: what was theirs has gone with them.
        """

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Nobody else takes or gives memory inside, as when an engine is started again."""

    async def for_weights(
        self, losses: Losses, engines: Sequence[EngineHandle]
    ) -> list[EngineHandle]:
        """Make room for new weights in paused engines; returns those that have it."""

    async def for_sampling(
        self, losses: Losses, engines: Sequence[EngineHandle]
    ) -> list[EngineHandle]:
        """Make room for engines to sample; returns those that can."""

    def measured(self) -> dict[str, Any]:
        """What the last turn took, for the step's row."""


class Apart(Turns):
    """Engines and learner have memory of their own."""

    sleeps = False

    @asynccontextmanager
    async def learning(self) -> AsyncIterator[None]:
        """See `Turns`."""
        yield

    @asynccontextmanager
    async def visiting(self, *, fresh: bool = False) -> AsyncIterator[None]:
        """See `Turns`."""
        yield

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """See `Turns`."""
        yield

    async def for_weights(
        self, losses: Losses, engines: Sequence[EngineHandle]
    ) -> list[EngineHandle]:
        """See `Turns`."""
        return list(engines)

    async def for_sampling(
        self, losses: Losses, engines: Sequence[EngineHandle]
    ) -> list[EngineHandle]:
        """See `Turns`."""
        return list(engines)

    def measured(self) -> dict[str, Any]:
        """See `Turns`."""
        return {}
