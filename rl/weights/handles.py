"""What a weight update needs of engines, fleet and learner."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray


class EngineHandle(Protocol):
    """An engine as the driver sees it; one that was restarted has another actor."""

    name: str
    index: int
    actor: Any
    leased: bool
    version: int

    async def pause(self) -> None:
        """Stop between two tokens, and note how far each request has come."""

    async def resume(self, version: int, recompute: bool) -> None:
        """Go on with new weights; `recompute` forgets what was computed with the old ones."""

    async def canary(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Logprob of each token of a prompt but the first, at temperature 1, nats."""

    async def sleep(self, level: Literal[1, 2]) -> None:
        """Pause, and give up the memory of cache and weights; 1 keeps the weights elsewhere."""

    async def wake(self, memory: Literal["weights", "kv_cache"]) -> None:
        """Take memory again."""

    async def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of every worker."""


class Fleet(Protocol):
    """The engines of a run."""

    def live(self) -> Sequence[EngineHandle]:
        """Those in service."""

    def lost(self, engine: Any, reason: str) -> None:
        """Take an engine out of service; returns at once."""


class Learner(Protocol):
    """The ranks of a run's learner, lead first; each takes `call.remote(method, *arguments)`."""

    @property
    def actors(self) -> Sequence[Any]:
        """The ranks' Ray actors."""

    @property
    def version(self) -> int:
        """The version of the weights that a call submitted now would find."""
