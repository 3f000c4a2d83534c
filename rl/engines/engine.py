"""vLLM's engine behind the four calls that rollout makes, in either of two places.

`ServedEngine` is vLLM's AsyncLLM: the core runs in a process of its own, which keeps a GPU busy
while this process handles outputs. `LocalEngine` runs the same core in one thread of this process:
on a CPU host the core and the handling share the cores anyway, and one process less starts twice
as fast. Guarantees of both: a request that cannot be finished raises `EngineError`; a cancelled one
is taken out of the engine.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from rl.errors import EngineError
from rl.gc_pause import loading

DEAD = "the vLLM engine's process died; its log says why"
REASON = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception): .+")
STALE = "vLLM kept what it computed with old weights: requests were running during a weight sync"


class Engine(Protocol):
    """What rollout asks of an engine."""

    async def sample(self, request_id: str, prompt_ids: list[int], parameters: Any) -> Any:
        """vLLM's final RequestOutput of one request."""

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> None:
        """Call a method of every worker."""

    async def forget(self) -> None:
        """Drop what was computed with old weights."""

    async def stop(self) -> None:
        """End the engine and its processes."""


async def start_engine(arguments: dict[str, Any], *, own_process: bool) -> Engine:
    """Load a model; `arguments` are those of vLLM's `AsyncEngineArgs`."""
    return await (ServedEngine if own_process else LocalEngine).start(arguments)


class ServedEngine:
    """vLLM's AsyncLLM."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

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

    async def sample(self, request_id: str, prompt_ids: list[int], parameters: Any) -> Any:
        """vLLM's final RequestOutput of one request."""
        from vllm.v1.engine.exceptions import EngineDeadError

        prompt = {"prompt_token_ids": prompt_ids}
        stream = self._engine.generate(prompt, parameters, request_id=request_id)
        try:
            return [output async for output in stream][-1]
        except EngineDeadError as error:
            raise EngineError(DEAD) from error

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> None:
        """Call a method of every worker."""
        await self._engine.collective_rpc(method, timeout=deadline, args=arguments)

    async def forget(self) -> None:
        """Drop what was computed with old weights."""
        if not await self._engine.reset_prefix_cache():
            raise EngineError(STALE)

    async def stop(self) -> None:
        """End the engine and its processes."""
        await asyncio.to_thread(self._engine.shutdown)


class LocalEngine:
    """vLLM's LLMEngine, which only the one thread of `_thread` ever touches."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vllm")
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._stepping: asyncio.Task[None] | None = None
        self._engine: Any = None
        self._failure: str | None = None

    @classmethod
    async def start(cls, arguments: dict[str, Any]) -> "LocalEngine":
        """Make the engine in its thread."""
        local = cls()
        await local._on_thread(lambda: local._make(arguments))
        return local

    async def sample(self, request_id: str, prompt_ids: list[int], parameters: Any) -> Any:
        """vLLM's final RequestOutput of one request."""
        if self._failure is not None:
            raise EngineError(self._failure)
        self._waiting[request_id] = asyncio.get_running_loop().create_future()
        prompt = {"prompt_token_ids": prompt_ids}
        try:
            await self._on_thread(lambda: self._engine.add_request(request_id, prompt, parameters))
            if self._stepping is None or self._stepping.done():
                self._stepping = asyncio.create_task(self._step_while_awaited())
            return await self._waiting[request_id]
        except asyncio.CancelledError:
            await self._on_thread(lambda: self._engine.abort_request([request_id]))
            raise
        finally:
            del self._waiting[request_id]

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> None:
        """Call a method of the worker."""
        await self._on_thread(
            lambda: self._engine.collective_rpc(method, timeout=deadline, args=arguments)
        )

    async def forget(self) -> None:
        """Drop what was computed with old weights."""
        if not await self._on_thread(self._engine.reset_prefix_cache):
            raise EngineError(STALE)

    async def stop(self) -> None:
        """Take the engine down; its memory goes with this process."""
        await self._on_thread(self._engine.engine_core.shutdown)
        self._thread.shutdown(wait=False)

    def _make(self, arguments: dict[str, Any]) -> None:
        with loading():
            from vllm.engine.arg_utils import EngineArgs
            from vllm.usage.usage_lib import UsageContext
            from vllm.v1.engine.llm_engine import LLMEngine
            from vllm.v1.executor import Executor

            config = EngineArgs(**arguments).create_engine_config(UsageContext.ENGINE_CONTEXT)
            self._engine = LLMEngine(
                vllm_config=config,
                executor_class=Executor.get_class(config),
                log_stats=False,
                multiprocess_mode=False,
            )

    async def _step_while_awaited(self) -> None:
        """Step while anybody waits; a request added meanwhile joins the next step."""
        try:
            while self._waiting:
                for output in await self._on_thread(self._engine.step):
                    waiting = self._waiting.get(output.request_id)
                    if output.finished and waiting is not None and not waiting.done():
                        waiting.set_result(output)
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._failure = f"the vLLM engine failed: {reason:.500}"
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(EngineError(self._failure))

    async def _on_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _root_cause(error: RuntimeError) -> str:
    """What the core's process, whose error vLLM does not pass on, wrote before it ended."""
    own = str(error).strip().splitlines()[0]
    log = Path("/proc/self/fd/1").resolve()  # an actor's output goes to a file, its children's too
    if not log.is_file():
        return own
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    reasons = [match.group() for line in lines if (match := REASON.search(line))]
    return f"{(reasons or [own])[-1]:.500} (log: {log})"
