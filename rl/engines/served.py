"""vLLM's AsyncLLM: the core in a process of its own."""

import asyncio
import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Literal

from rl.engines.engine import Counts, Memory
from rl.errors import EngineError, EngineLostError
from rl.gc_pause import loading
from rl.tokens import Ids

DEAD = "the vLLM engine's process died; its log says why"
LOOK_SECONDS = 0.5  # between two looks at whether the core is alive, while it owes an answer
REASON = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception): .+")


class ServedEngine:
    """The engine whose core runs in a process of its own."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._outputs = _Outputs(engine)

    @classmethod
    async def start(cls, arguments: dict[str, Any]) -> "ServedEngine":
        """Start the engine's processes."""
        with loading():
            from vllm import AsyncEngineArgs
            from vllm.usage.usage_lib import UsageContext
            from vllm.v1.engine.async_llm import AsyncLLM

        # vLLM then takes batches that are large for throughput; a server's are small for latency.
        usage = UsageContext.LLM_CLASS
        try:
            engine = cls(
                AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments), usage_context=usage)
            )
        except RuntimeError as error:
            raise EngineError(f"vLLM's engine did not start: {_root_cause(error)}") from error
        await engine.call("plumb_follow_parent")
        return engine

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
        """vLLM's final RequestOutput of one request."""
        from vllm.inputs.engine import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        asked = tokens_input(prompt.tolist(), cache_salt=salt or None)
        stream = self._engine.generate(
            asked, parameters, request_id, lora_request=adapter, priority=priority
        )
        try:
            return [output async for output in stream][-1]
        except EngineDeadError as error:
            raise EngineLostError(DEAD) from error
        except EngineGenerateError as error:
            raise EngineError(f"vLLM failed on a request: {error.__cause__ or error}") from error

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> list[Any]:
        """Call a method of every worker."""
        work = self._engine.collective_rpc(method, timeout=deadline, args=arguments)
        results: list[Any] = await self._alive(work)
        return results

    async def pause(self) -> Counts:
        """Stop between two tokens; the outputs of the last step have been counted on return."""
        await self._alive(self._engine.pause_generation(mode="keep", clear_cache=False))
        await self._outputs.handled()
        return self.counts()

    async def resume(self, *, recompute: bool = True) -> None:
        """Go on."""
        if recompute:
            await self._alive(self._engine.reset_prefix_cache(reset_running_requests=True))
        await self._alive(self._engine.resume_generation())

    async def sleep(self, level: Literal[1, 2]) -> None:
        """Give up its memory."""
        await self._alive(self._engine.sleep(level=level, mode="keep"))

    async def wake(self, memory: Memory) -> None:
        """Take memory again."""
        await self._alive(self._engine.wake_up([memory]))

    async def stop(self) -> None:
        """End the engine and its processes."""
        await asyncio.to_thread(self._engine.shutdown)

    async def _alive(self, work: Awaitable[Any]) -> Any:
        """What the core answers; vLLM lets a call wait for ever whose core dies meanwhile."""
        from vllm.v1.engine.exceptions import EngineDeadError

        answer = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({answer}, timeout=LOOK_SECONDS))[0]:
                if self._engine.errored:
                    raise EngineLostError(DEAD)
            return answer.result()
        except EngineDeadError as error:
            raise EngineLostError(DEAD) from error
        finally:
            answer.cancel()

    def counts(self) -> Counts:
        """Tokens made so far, as far as they have come from the core."""
        states = self._engine.output_processor.request_states.values()
        return {state.external_req_id: state.detokenizer.num_output_tokens() for state in states}


class _Outputs:
    """Knows when all that the core has sent is handled.

    Outputs and the answer to a pause come through one socket in order, but outputs are handled by a
    task of vLLM's, which may be behind.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._get = engine.engine_core.get_output_async
        self._handling = False
        engine.engine_core.get_output_async = self._next

    async def _next(self) -> Any:
        self._handling = False
        output = await self._get()
        self._handling = True
        return output

    async def handled(self) -> None:
        """Return when nothing is left to handle.

        Raises:
            EngineError: the core has died, or its outputs are no longer handled.
        """
        while self._engine.engine_core.outputs_queue.qsize() or self._handling:
            if self._engine.errored:
                raise EngineLostError(DEAD)
            await asyncio.sleep(0)


def _root_cause(error: RuntimeError) -> str:
    """What the core's process, whose error vLLM does not pass on, wrote before it ended."""
    own = str(error).strip().splitlines()[0]
    log = Path("/proc/self/fd/1").resolve()  # an actor's output goes to a file, its children's too
    if not log.is_file():
        return own
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    reasons = [match.group() for line in lines if (match := REASON.search(line))]
    return f"{(reasons or [own])[-1]:.500} (log: {log})"
