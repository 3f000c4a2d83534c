"""Engines that are set aside for an evaluation."""

from collections.abc import Sequence

from rl.engines.handle import EngineHandle
from rl.errors import EngineLostError
from rl.tokens import Ids, Sampled, Sampling


class Lease:
    """A `Policy` of a few engines, which keep one version.

    What an engine that is lost had not finished is asked of the others; it comes back with another
    version, and not to this lease.
    """

    def __init__(self, engines: Sequence[EngineHandle]) -> None:
        self._engines = engines
        self._sessions: dict[str, EngineHandle] = {}

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        """One turn; see `Policy.sample`.

        Raises:
            EngineLostError: no engine of the lease is left.
        """
        while True:
            engine = self._sessions.get(session)
            if engine is None or engine.cause:
                left = [engine for engine in self._engines if not engine.cause]
                if not left:
                    causes = "; ".join(f"{e.name}: {e.cause}" for e in self._engines)
                    raise EngineLostError(f"every engine of an evaluation is lost: {causes}")
                engine = self._sessions[session] = min(left, key=lambda engine: engine.load)
            try:
                return await engine.sample(context, how)
            except EngineLostError:
                continue
