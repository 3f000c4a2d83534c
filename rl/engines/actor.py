"""One vLLM engine as a Ray actor: token ids in, a turn with its policy versions out.

Guarantees: an engine is warm before its first real request; every token names the policy version
that made it, exactly, also where weights came in the midst of an answer; the engine's own processes
end with this actor, however it ends. Requests come and turns go in batches, as a call through Ray
costs as much as a hundred of them.
"""

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rl.adapter import adapter_request
from rl.config import RunConfig
from rl.engines.arguments import engine_arguments
from rl.engines.engine import Engine, Memory
from rl.engines.places import import_engine, start_engine
from rl.engines.sampling import (
    Decoder,
    Spans,
    answer_of,
    cached_tokens,
    canary_parameters,
    parameters,
    prompt_logprobs,
)
from rl.engines.seat import Seat
from rl.errors import EngineError, EngineLostError, ModelError, PlumbError
from rl.gc_pause import loading
from rl.hardware import Hardware
from rl.model_path import check_seen_here
from rl.tokens import Floats, Ids, Sampled, Sampling, Segment
from rl.whereabouts import Whereabouts, here

GATHER_SECONDS = 0.02  # after a turn has ended, for more that end by then while any are live
QUIET_SECONDS = 10.0  # for dropped requests to end, before older weights are sampled from
BACKGROUND = 10  # niceness of what is done beside training
CANARY_FIRST = -1  # vLLM's priority: before all requests, which have 0

Request = tuple[int, Ids, Sampling]
"""The caller's number for it, the context, how to sample."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an engine since the report before."""

    ended: list[tuple[int, Sampled | PlumbError]]
    """By the caller's number."""
    live: int
    """Requests that are not finished."""
    tokens: int
    """Made since the engine's start, those of unfinished requests included."""
    given_up: int
    """Of them, those of requests that were dropped."""
    paused: bool
    failure: str
    """Why the engine will make no token any more; empty while it may."""


class EngineActor:
    """The Ray actor's class; `rl.engines.fleet` places it, `rl.engines.handle` calls it.

    Args:
        config: the run's configuration.
        hardware: what the engine runs on.
        seat: what it has of its GPUs; None on CPU hosts.
    """

    def __init__(self, config: RunConfig, hardware: Hardware, seat: Seat | None = None) -> None:
        self._config = config
        self._hardware = hardware
        self._seat = seat or Seat()
        self._version = 0
        self._own = 0
        self._spans: dict[str, Spans] = {}
        self._made = 0
        self._given_up = 0
        self._paused = False
        self._adapter: Any = None
        self._failure = ""
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ended: list[tuple[int, Sampled | PlumbError]] = []
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()

    async def prepare(self) -> None:
        """Import what an engine needs, as long before its start as may be, and at low priority."""
        with ThreadPoolExecutor(1) as thread:
            await asyncio.get_running_loop().run_in_executor(thread, self._import)

    async def start(self) -> None:
        """Load the model into vLLM and sample a few tokens, so that the first step is not slow."""
        with loading():
            from transformers import AutoTokenizer

        config = self._config
        path = config.model.path
        check_seen_here(path)
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                path, trust_remote_code=config.model.trust_remote_code
            )
            arguments = engine_arguments(config, self._hardware, self._seat)
            own = self._in_own_process()
            self._engine: Engine = await start_engine(arguments, own_process=own)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"vLLM cannot load the model {path!r}: {reason}") from error
        self._decoder = Decoder(tokenizer)
        if config.rollout.top_p < 1 or config.rollout.top_k > 0:
            await self._engine.call("plumb_keep_whole_logprobs")
        token = np.array([tokenizer.eos_token_id or 0], np.int32)
        few = Sampling(temperature=1.0, max_tokens=2)
        await asyncio.gather(*(self.sample(token, few) for _ in range(8)))

    async def whereabouts(self) -> Whereabouts:
        """Where this process runs."""
        return here()

    async def sample(self, context: Ids, how: Sampling) -> Sampled:
        """One turn.

        Raises:
            EngineLostError: the engine is broken.
            EngineError: the request was refused, or its numbers are none.
        """
        self._own += 1
        return await self._sample(f"own {self._own}", context, how)

    async def submit(self, requests: Sequence[Request], given_up: Sequence[int]) -> None:
        """Take requests on, and drop some; the turns come by `take`."""
        if requests:
            self._quiet.clear()
        for number, context, how in requests:
            self._tasks[number] = asyncio.create_task(self._serve(number, context, how))
        counts = self._engine.counts() if given_up else {}
        for number in given_up:
            if task := self._tasks.get(number):
                task.cancel()
                self._given_up += counts.get(str(number), 0)

    async def take(self, seconds: float) -> Report:
        """What ended since the call before; waits up to `seconds` for something to tell."""
        if not self._ended:
            self._news.clear()
            await _wait(self._news, seconds)
        if self._ended:
            await _wait(self._quiet, GATHER_SECONDS)
        ended, self._ended = self._ended, []
        live, tokens = self.tokens_made()
        return Report(ended, live, tokens, self._given_up, self._paused, self._failure)

    async def pause(self) -> None:
        """Make no token until `resume`; what is live stays."""
        if self._paused:
            return
        counts = await self._engine.pause()
        self._paused = True
        for name, tokens in counts.items():
            if name in self._spans:
                self._spans[name].note(tokens, self._version)

    async def resume(self, version: int, recompute: bool) -> None:
        """Go on, as this policy version.

        Args:
            version: of the weights that the engine holds by now.
            recompute: prefill what is live with them, instead of going on from what older ones
                computed.
        """
        if version < self._version and self._tasks:  # the learner began again from a checkpoint
            await asyncio.wait(set(self._tasks.values()), timeout=QUIET_SECONDS)
        if version < self._version and self._spans:
            raise EngineError(
                f"an engine at policy version {self._version} was to go back to {version} in the "
                f"midst of {len(self._spans)} answers"
            )
        self._version = version  # before a token can be made by it
        lora, dtype = self._config.learner.lora, self._hardware.dtype(self._config.model.dtype)
        if self._adapter is None and self._hardware.adapters_travel(lora, dtype):
            self._adapter = adapter_request()  # none was loaded before the first update
        await self._engine.resume(recompute=recompute)
        self._paused = False

    async def sleep(self, level: Literal[1, 2]) -> None:
        """Give up the memory of cache and weights; see `Engine.sleep`."""
        await self.pause()
        await self._engine.sleep(level)

    async def wake(self, memory: Memory) -> None:
        """Take memory again; see `Engine.wake`."""
        await self._engine.wake(memory)

    async def canary(self, context: Ids) -> Floats:
        """The log-probability of each of its tokens but the first, nats; before all that waits.

        An engine that is paused answers once it is resumed.
        """
        self._own += 1
        output = await self._engine.sample(
            f"canary {self._own}",
            context,
            canary_parameters(),
            priority=CANARY_FIRST,
            adapter=self._adapter,
        )
        return prompt_logprobs(output)

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> list[Any]:
        """Call a method of every worker of the engine."""
        return await self._engine.call(method, *arguments, deadline=deadline)

    def tokens_made(self) -> tuple[int, int]:
        """Live requests, and tokens made since the start; asks nothing of the engine."""
        counts = self._engine.counts()
        return len(self._spans), self._made + self._given_up + sum(counts.values())

    async def stop(self) -> None:
        """End the engine's processes."""
        engine = getattr(self, "_engine", None)
        if engine is not None:
            await engine.stop()

    def _in_own_process(self) -> bool:
        rollout = self._config.rollout
        # Each replica has one.
        return rollout.data_parallel > 1 or self._hardware.engine_in_own_process(
            rollout.own_process
        )

    def _import(self) -> None:
        # Of this thread alone; what it imports may not take from training what it needs.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND)
        arguments = engine_arguments(self._config, self._hardware, self._seat)
        import_engine(arguments, own_process=self._in_own_process())

    async def _sample(self, name: str, context: Ids, how: Sampling) -> Sampled:
        self._spans[name] = spans = Spans()
        try:
            salt = str(self._version) if self._config.sync.kv == "keep" else ""
            output = await self._engine.sample(
                name, context, parameters(how), salt=salt, adapter=self._adapter
            )
        except EngineLostError as error:
            self._failure = str(error)
            raise
        finally:
            del self._spans[name]
        ids, logprobs, stop = answer_of(output)
        self._made += len(ids)
        spans.note(len(ids), self._version)
        if np.isnan(logprobs).any():
            raise EngineError(
                "the engine's log-probabilities are not numbers at policy version "
                f"{self._version}: its weights are damaged; sync.verify=true tells whether the "
                "sync did it"
            )
        text = self._decoder(ids.tolist(), keep_special=how.keep_special)
        return Sampled(Segment(ids, logprobs, spans()), stop, text, cached_tokens(output))

    async def _serve(self, number: int, context: Ids, how: Sampling) -> None:
        outcome: Sampled | PlumbError
        try:
            outcome = await self._sample(str(number), context, how)
        except PlumbError as error:
            outcome = error
        except Exception as error:
            outcome = EngineError(f"vLLM failed on a request: {type(error).__name__}: {error}")
        finally:
            del self._tasks[number]
        self._ended.append((number, outcome))
        self._news.set()
        if not self._tasks:
            self._quiet.set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until it is set, or so many seconds have passed."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
