"""vLLM's engine behind a few calls, in either of two places.

`rl.engines.served` is vLLM's AsyncLLM: the core runs in a process of its own, which keeps a GPU
busy while this process handles outputs. `rl.engines.local` runs the same core in one thread of this
process: on a CPU host the core and the handling share the cores anyway, and one process less starts
twice as fast. Guarantees of both: a request that cannot be finished raises `EngineError`; a
cancelled one is taken out of the engine; after `pause` no token is made before `resume`, and the
counts that it returned are those of every token made.
"""

from typing import Any, Literal, Protocol

from rl.tokens import Ids

Counts = dict[str, int]
"""Tokens made so far by id of each request that is not finished."""
Memory = Literal["weights", "kv_cache"]
"""What of an engine's memory is woken; vLLM takes any other word in silence and does nothing."""


class Engine(Protocol):
    """What an actor asks of an engine."""

    async def sample(
        self,
        request_id: str,
        prompt: Ids,
        parameters: Any,
        *,
        priority: int = 0,
        salt: str = "",
        adapter: Any = None,
    ) -> Any:
        """vLLM's final RequestOutput of one request.

        Args:
            request_id: unique in this engine.
            prompt: (tokens,) int32.
            parameters: vLLM's `SamplingParams`.
            priority: lower goes first.
            salt: requests share cached prefixes only with those of the same salt.
            adapter: vLLM's `LoRARequest` of an adapter that is loaded; none: the base alone.
        """

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> list[Any]:
        """Call a method of every worker; one result a worker."""

    async def pause(self) -> Counts:
        """Stop between two tokens; requests stay, and new ones wait."""

    async def resume(self, *, recompute: bool = True) -> None:
        """Go on; with `recompute` nothing is kept of what was computed before."""

    async def sleep(self, level: Literal[1, 2]) -> None:
        """Give up the memory of the cache and of the weights, after `pause`; requests stay.

        Args:
            level: 1 keeps the weights in the host's memory; after 2 all of them have to be sent.
        """

    async def wake(self, memory: Memory) -> None:
        """Take memory again; "weights" goes before "kv_cache". After both, `resume` may come."""

    async def stop(self) -> None:
        """End the engine and its processes."""

    def counts(self) -> Counts:
        """Tokens made so far, without waiting for the engine."""
