"""The driver's side of rollout: places engines, spreads groups over them, notices a death."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from data.schema import Prompt
from rl.awaiting import await_all, cause_of
from rl.config import RunConfig
from rl.errors import EngineError, PlumbError
from rl.hardware import Hardware
from rl.old_groups import Generation
from rl.rollout import RolloutEngine, Sampling

WATCH_SECONDS = 60.0  # between looks at an engine that has an answer outstanding
ALIVE_SECONDS = 300.0  # for a look; an engine in its own process shares it with vLLM's steps

CALLS = 10_000  # that an engine's actor takes at once
REQUESTS = 8_000  # of them for answers; looks at the engine must not queue behind those


class RolloutFleet:
    """Every engine of a run.

    Args:
        config: the run's configuration, with `model.path` a folder or hub id.
        hardware: what the engines run on.
        gpus: GPUs an engine asks of Ray; 0 on CPU hosts.
    """

    def __init__(self, config: RunConfig, hardware: Hardware, *, gpus: float) -> None:
        self._config = config
        env = hardware.engine_env(config.rollout.cpu_cache_gb)
        actor = ray.remote(RolloutEngine).options(
            num_cpus=0,
            num_gpus=gpus,
            max_concurrency=CALLS,
            runtime_env={"env_vars": env},
        )
        self.actors = [actor.remote(config, hardware, gpus) for _ in range(config.rollout.engines)]
        self._load = [0] * len(self.actors)
        self._room = [asyncio.Semaphore(REQUESTS) for _ in self.actors]

    async def start(self) -> None:
        """Start and warm up every engine."""
        starting = [actor.start.remote() for actor in self.actors]
        await await_all(starting, self._config.rollout.start_deadline, "starting the vLLM engines")

    async def generate(self, prompt: Prompt, index: int) -> Generation:
        """Sample a training group; its seed depends on the run's seed and `index` alone."""
        rollout = self._config.rollout
        seed = _seed(f"{self._config.seed}/{index}") if rollout.reproducible else None
        sampling = Sampling(
            self._config.sampler.samples_per_prompt, rollout.temperature, rollout.top_p, seed
        )
        return await self._call(prompt, sampling)

    async def evaluate(self, prompt: Prompt) -> Generation:
        """Sample the answers of an evaluation."""
        train = self._config.train
        seed = _seed(f"{self._config.seed}/eval/{prompt.id}") if train.eval_temperature else None
        sampling = Sampling(train.eval_samples, train.eval_temperature, seed=seed)
        return await self._call(prompt, sampling)

    async def check_lengths(self, prompts: Sequence[Prompt]) -> None:
        """Refuse prompts that are too long, by name, before anything is trained."""
        limit = self._config.rollout.max_prompt_tokens
        asked = [(prompt.messages, prompt.tools) for prompt in prompts]
        counting = self.actors[0].count_tokens.remote(asked)
        deadline = self._config.rollout.start_deadline
        (counts,) = await await_all([counting], deadline, "counting the prompts' tokens")
        long = [
            (prompt.id, count)
            for prompt, count in zip(prompts, counts, strict=True)
            if count > limit
        ]
        if long:
            worst = max(long, key=lambda item: item[1])
            raise PlumbError(
                f"{len(long)} of {len(prompts)} prompts have more than "
                f"rollout.max_prompt_tokens={limit} tokens, the longest {worst[0]!r} with "
                f"{worst[1]}: raise the limit, or remove them from the data"
            )

    async def stop(self) -> None:
        """End every engine's processes, then the actors."""
        stopping = [actor.stop.remote() for actor in self.actors]
        await asyncio.wait([asyncio.ensure_future(_settle(ref)) for ref in stopping], timeout=20)
        for actor in self.actors:
            ray.kill(actor)

    async def _call(self, prompt: Prompt, sampling: Sampling) -> Generation:
        engine = min(range(len(self.actors)), key=lambda candidate: self._load[candidate])
        self._load[engine] += 1
        try:
            async with self._room[engine]:
                ref = self.actors[engine].generate.remote(prompt.messages, prompt.tools, sampling)
                generation: Generation = await self._watched(ref, engine)
        except RayActorError as error:
            raise EngineError(
                f"rollout engine {engine} died while it sampled prompt {prompt.id!r}: "
                f"{cause_of(error)}"
            ) from error
        except RayTaskError as error:
            cause = error.cause if isinstance(error.cause, PlumbError) else None
            raise cause or error from error
        finally:
            self._load[engine] -= 1
        return generation

    async def _watched(self, ref: Any, engine: int) -> Any:
        """Await an engine's answer for as long as its actor is alive.

        The actor keeps the deadline of what it generates. What waits for its turn there has none.
        """
        answer = asyncio.ensure_future(ref)
        try:
            while not (await asyncio.wait({answer}, timeout=WATCH_SECONDS))[0]:
                async with asyncio.timeout(ALIVE_SECONDS):
                    await self.actors[engine].alive.remote()
        except TimeoutError as error:
            raise EngineError(
                f"rollout engine {engine} has not reacted for {ALIVE_SECONDS:g} s: it hangs"
            ) from error
        finally:
            answer.cancel()
        return await answer


async def _settle(ref: Any) -> None:
    await asyncio.gather(ref, return_exceptions=True)


def _seed(text: str) -> int:
    # vLLM gives the i-th response seed + i; hashing keeps neighbouring groups apart.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")
