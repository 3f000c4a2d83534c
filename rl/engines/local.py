"""vLLM's LLMEngine in one thread of this process, which alone ever touches it.

The thread steps while there is something to sample, and takes what it is asked between two steps:
a hundred requests that come at once are one hop, not a hundred.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Literal

from rl.engines.engine import Counts, Memory
from rl.errors import EngineError, EngineLostError
from rl.gc_pause import loading
from rl.tokens import Ids


class LocalEngine:
    """The engine in this process."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._loop = asyncio.get_running_loop()
        self._engine: Any = None
        self._stepping = False
        self._ended = False
        self._failure: str | None = None
        threading.Thread(target=self._work, name="vllm", daemon=True).start()

    @classmethod
    async def start(cls, arguments: dict[str, Any]) -> "LocalEngine":
        """Make the engine in its thread."""
        local = cls()
        await local._on_thread(lambda: local._make(arguments))
        return local

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
        if self._failure is not None:
            raise EngineLostError(self._failure)
        from vllm.inputs.engine import tokens_input

        asked = tokens_input(prompt.tolist(), cache_salt=salt or None)
        self._waiting[request_id] = self._loop.create_future()
        how = {"priority": priority, "lora_request": adapter}
        self._jobs.put(lambda: self._add(request_id, asked, parameters, how))
        try:
            return await self._waiting[request_id]
        except asyncio.CancelledError:
            self._jobs.put(lambda: self._engine.abort_request([request_id]))
            raise
        finally:
            del self._waiting[request_id]

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> list[Any]:
        """Call a method of the worker."""
        results: list[Any] = await self._on_thread(
            lambda: self._engine.collective_rpc(method, timeout=deadline, args=arguments)
        )
        return results

    async def pause(self) -> Counts:
        """Stop between two tokens."""
        counts: Counts = await self._on_thread(self._pause)
        return counts

    async def resume(self, *, recompute: bool = True) -> None:
        """Go on."""
        await self._on_thread(lambda: self._resume(recompute=recompute))

    async def sleep(self, level: Literal[1, 2]) -> None:
        """Give up its memory."""
        await self._on_thread(lambda: self._engine.sleep(level=level, mode="keep"))

    async def wake(self, memory: Memory) -> None:
        """Take memory again."""
        await self._on_thread(lambda: self._engine.wake_up([memory]))

    async def stop(self) -> None:
        """Take the engine down; its memory goes with this process."""
        await self._on_thread(self._stop)

    def counts(self) -> Counts:
        """Tokens made so far; safe beside the thread, which may be in the midst of a step."""
        states = list(self._engine.output_processor.request_states.values())
        return {state.external_req_id: state.detokenizer.num_output_tokens() for state in states}

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
        self._stepping = True

    def _work(self) -> None:
        """The thread: what was asked, then a step, until it is stopped."""
        while not self._ended:
            try:
                if not self._busy():
                    self._jobs.get()()
                while not self._jobs.empty():
                    self._jobs.get()()
                if self._busy():
                    self._step()
            except Exception as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                self._failure = f"the vLLM engine failed: {reason:.500}"
                self._stepping = False
                self._tell(self._fail)

    def _busy(self) -> bool:
        return self._stepping and not self._ended and self._engine.has_unfinished_requests()

    def _step(self) -> None:
        outputs = [output for output in self._engine.step() if output.finished]
        if outputs:
            self._tell(lambda: self._deliver(outputs))

    def _add(self, request_id: str, prompt: Any, parameters: Any, how: dict[str, Any]) -> None:
        try:
            self._engine.add_request(request_id, prompt, parameters, **how)
        except Exception as error:  # of this request, such as a prompt that is too long
            refused = EngineError(f"vLLM refused a request: {error}")
            self._tell(lambda: self._refuse(request_id, refused))

    def _pause(self) -> Counts:
        """Take no further step; one that is under way beside the scheduler is finished first."""
        core = self._engine.engine_core.engine_core
        core.pause_scheduler("keep", clear_cache=False)
        while core.batch_queue or core.scheduler.has_requests():
            self._step()
        self._stepping = False
        return self.counts()

    def _resume(self, *, recompute: bool) -> None:
        if self._failure is not None:
            raise EngineLostError(self._failure)
        if recompute:
            self._engine.reset_prefix_cache(reset_running_requests=True)
        self._engine.engine_core.engine_core.resume_scheduler()
        self._stepping = True

    def _stop(self) -> None:
        self._ended = True
        if self._engine is not None:
            self._engine.engine_core.shutdown()

    def _deliver(self, outputs: list[Any]) -> None:
        for output in outputs:
            waiting = self._waiting.get(output.request_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(output)

    def _refuse(self, request_id: str, error: EngineError) -> None:
        waiting = self._waiting.get(request_id)
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def _fail(self) -> None:
        for request_id in self._waiting:
            self._refuse(request_id, EngineLostError(self._failure or ""))

    def _tell(self, news: Callable[[], None]) -> None:
        """Run something on the event loop, which may have ended while a step was under way."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(news)

    async def _on_thread(self, work: Callable[[], Any]) -> Any:
        done: Future[Any] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)

        self._jobs.put(run)
        return await asyncio.wrap_future(done)
