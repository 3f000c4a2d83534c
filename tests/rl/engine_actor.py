"""An engine whose weights a test can change, and whose process it can find."""

import os

import rl.engines.actor
from rl.engines.actor import EngineActor


class ScalableActor(EngineActor):
    """Ray's actor class of the tests."""

    async def start(self) -> None:
        arguments = rl.engines.actor.engine_arguments
        extension = {"worker_extension_cls": "tests.rl.engine_worker.ScalableWeights"}
        rl.engines.actor.engine_arguments = lambda *asked: arguments(*asked) | extension
        await super().start()

    def process(self) -> int:
        """The number of its process."""
        return os.getpid()
