"""An engine whose weights a test can change, and that dies when it is told to."""

import asyncio
import os
import signal

import rl.engines.actor
from rl.engines.actor import EngineActor


class ScalableActor(EngineActor):
    """Ray's actor class of the tests."""

    async def start(self) -> None:
        arguments = rl.engines.actor.engine_arguments
        extension = {"worker_extension_cls": "tests.rl.engine_worker.ScalableWeights"}
        rl.engines.actor.engine_arguments = lambda *asked: arguments(*asked) | extension
        await super().start()

    async def pause_in_the_midst(self, tokens: int) -> int:
        """Pause as soon as so many tokens more were made; how many requests are live then."""
        await self._until_made(tokens)
        await self.pause()
        return self.tokens_made()[0]

    async def die_in_the_midst(self, tokens: int) -> None:
        """End this process as soon as so many tokens more were made, without a word."""
        await self._until_made(tokens)
        os.kill(os.getpid(), signal.SIGKILL)

    async def _until_made(self, tokens: int) -> None:
        before = self.tokens_made()[1]
        async with asyncio.timeout(240):
            while self.tokens_made()[1] < before + tokens:
                await asyncio.sleep(0.001)
