"""One vLLM engine as a Ray actor: token ids in and out, sampled-token logprobs, a policy version.

Guarantees: an engine is warm before its first real request; every generation names the policy
version that made it; the engine's own processes end with this actor, however it ends.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rewards.thinking import MARKS, opened_by
from rl.config import RunConfig
from rl.engines.places import start_engine
from rl.errors import EngineError, LateGroupError, ModelError, PlumbError
from rl.hardware import Hardware
from rl.old_groups import Completion, Generation
from rl.turns import Turns

PROBE_SECONDS = 60.0  # for a sign of life, after which an engine is taken for dead

Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]]

PROMPT_TAIL = 64  # tokens at a prompt's end by which it is known whether thinking is open


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one request is sampled."""

    samples: int
    temperature: float
    top_p: float = 1.0
    seed: int | None = None


class RolloutEngine:
    """The Ray actor's class; `rl.rollout_fleet` places and calls it.

    Args:
        config: the run's configuration.
        hardware: what the engine runs on.
        gpus: GPUs that it has; a part of one where it shares it.
    """

    def __init__(self, config: RunConfig, hardware: Hardware, gpus: float = 0) -> None:
        self._config = config
        self._hardware = hardware
        self._gpus = gpus
        self._version = 0
        self._requests = 0
        self._turns = Turns(config.rollout.max_concurrency)

    async def start(self) -> None:
        """Load the model into vLLM and sample a few tokens, so that the first step is not slow."""
        from transformers import AutoTokenizer

        path = self._config.model.path
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(
                path, trust_remote_code=self._config.model.trust_remote_code
            )
            own_process = self._hardware.engine_in_own_process(self._config.rollout.own_process)
            self._engine = await start_engine(self._engine_args(), own_process=own_process)
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"vLLM cannot load the model {path!r}: {reason}") from error
        token = self._tokenizer.eos_token_id or 0
        warm_up = Sampling(samples=min(8, self._config.rollout.max_concurrency), temperature=1.0)
        await self._sample([token], warm_up, tokens=2)

    def count_tokens(self, prompts: Sequence[tuple[Messages, Tools]]) -> list[int]:
        """Tokens of each prompt, messages and tools, under the chat template."""
        return [len(self._encode(messages, tools)) for messages, tools in prompts]

    async def generate(self, messages: Messages, tools: Tools, sampling: Sampling) -> Generation:
        """Sample all responses to one prompt."""
        prompt_ids = self._encode(messages, tools)
        limit = self._config.rollout.max_prompt_tokens
        if len(prompt_ids) > limit:
            raise PlumbError(
                f"a prompt has {len(prompt_ids)} tokens, rollout.max_prompt_tokens allows {limit}"
            )
        version = self._version
        output = await self._sample_in_time(prompt_ids, sampling)
        texts = [
            decode(self._tokenizer, answer.token_ids, may_call_tools=bool(tools))
            for answer in output.outputs
        ]
        completions = [
            Completion(
                token_ids=list(answer.token_ids),
                logprobs=list(answer.logprobs.logprobs),
                text=text,
                stop_reason="length" if answer.finish_reason == "length" else "stop",
            )
            for answer, text in zip(output.outputs, texts, strict=True)
        ]
        if any(math.isnan(value) for answer in completions for value in answer.logprobs):
            raise EngineError(
                f"the engine's log-probabilities are not numbers at policy version {version}: its "
                "weights are damaged; sync.verify=true tells whether the sync did it"
            )
        tail = self._tokenizer.decode(prompt_ids[-PROMPT_TAIL:], skip_special_tokens=False)
        return Generation(prompt_ids, completions, version, opened_by(tail))

    async def call(self, method: str, *arguments: Any) -> None:
        """Call a method of every worker."""
        await self._engine.call(method, *arguments, deadline=self._config.sync.deadline)

    async def finish_sync(self, version: int) -> None:
        """All buckets have come: forget what was computed with the old weights."""
        await self._engine.resume()
        self._version = version

    async def stop(self) -> None:
        """End the engine's processes."""
        engine = getattr(self, "_engine", None)
        if engine is not None:
            await engine.stop()

    def _encode(self, messages: Messages, tools: Tools) -> list[int]:
        if self._tokenizer.chat_template is None:
            if tools:
                raise ModelError(
                    f"the model {self._config.model.path!r} has no chat template to show its tools "
                    "with; use a model that has one, or set data.tools_column to null"
                )
            text = "\n".join(message["content"] for message in messages)
            encoded: list[int] = self._tokenizer(text)["input_ids"]
            return encoded
        templated = self._tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tools=[dict(tool) for tool in tools] or None,
            add_generation_prompt=True,
            return_dict=True,
        )
        return list(templated["input_ids"])

    async def alive(self) -> None:
        """Answers as long as this actor's loop goes round."""

    async def _sample_in_time(self, prompt_ids: list[int], sampling: Sampling) -> Any:
        """Sample within `rollout.deadline`, which begins when the engine has a place.

        Raises:
            LateGroupError: It took longer, and the engine is well.
            EngineError: It took longer, and the engine does not answer at all.
        """
        tokens = self._config.rollout.max_response_tokens
        deadline = self._config.rollout.deadline
        with self._turns.taken(sampling.samples) as started:
            work = asyncio.create_task(self._sample(prompt_ids, sampling, tokens=tokens))
            turn = asyncio.create_task(started.wait())
            try:
                await asyncio.wait({work, turn}, return_when=asyncio.FIRST_COMPLETED)
                # Not `asyncio.timeout`: what hangs may not end when it is cancelled either.
                await asyncio.wait({work}, timeout=deadline)
                if work.done():
                    return work.result()
            finally:
                turn.cancel()
                work.cancel()
        await self._probe(deadline)
        raise LateGroupError(
            f"a group took longer than rollout.deadline={deadline:g} s to generate"
        )

    async def _probe(self, deadline: float) -> None:
        """Ask the workers for a sign of life; raises EngineError if it takes a minute.

        They answer between two steps. A request would wait behind all that are queued.
        """
        sign = asyncio.ensure_future(self._engine.call("check_health"))
        try:
            await asyncio.wait({sign}, timeout=PROBE_SECONDS)
            if not sign.done():
                raise EngineError(
                    f"a rollout engine gave nothing within rollout.deadline={deadline:g} s, and "
                    f"its workers give no sign of life within {PROBE_SECONDS:g} s"
                )
            sign.result()
        finally:
            sign.cancel()

    async def _sample(self, prompt_ids: list[int], sampling: Sampling, *, tokens: int) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        parameters = SamplingParams(
            n=sampling.samples,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            max_tokens=tokens,
            logprobs=0,
            flat_logprobs=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        self._requests += 1
        prompt = np.array(prompt_ids, np.int32)
        return await self._engine.sample(str(self._requests), prompt, parameters)

    def _engine_args(self) -> dict[str, Any]:
        rollout = self._config.rollout
        length = rollout.max_prompt_tokens + rollout.max_response_tokens
        dtype = self._hardware.dtype(self._config.model.dtype)
        args: dict[str, Any] = {
            "model": self._config.model.path,
            "trust_remote_code": self._config.model.trust_remote_code,
            "dtype": "bfloat16" if dtype == "bf16" else "float32",
            "max_model_len": length,
            "max_num_seqs": rollout.max_concurrency,
            "tensor_parallel_size": rollout.tensor_parallel,
            "seed": self._config.seed,
            "logprobs_mode": "processed_logprobs",
            "worker_extension_cls": "rl.weights.receiver.WeightReceiver",
            "weight_transfer_config": {"backend": "plumb"},
            "disable_log_stats": True,
        }
        if self._hardware.is_cpu:
            from vllm.v1.executor.uniproc_executor import UniProcExecutor

            return args | {
                "worker_cls": "rl.cpu_worker.CpuRolloutWorker",
                # A class is taken as it is, where the name "uni" becomes one process more.
                "distributed_executor_backend": UniProcExecutor,
                "enforce_eager": True,
                # vLLM's seeded sampling on a CPU fails on a prompt that is prefilled in parts.
                "enable_chunked_prefill": False,
                "max_num_batched_tokens": max(length, 8192),
                "enable_prefix_caching": False,
            }
        memory = self._hardware.engine_memory(rollout.gpu_memory, self._gpus)
        return args | {"gpu_memory_utilization": memory}


def decode(tokenizer: Any, token_ids: Sequence[int], *, may_call_tools: bool) -> str:
    """The text of an answer without special tokens.

    Where tools are on offer, or where the answer marks its thinking with special tokens, only those
    at its end are left out: some models mark their calls with special tokens too.
    """
    special = frozenset(tokenizer.all_special_ids)
    kept = list(token_ids)
    while kept and kept[-1] in special:
        kept.pop()
    found = tokenizer.convert_ids_to_tokens(sorted(special.intersection(kept)))
    marked = may_call_tools or not MARKS.isdisjoint(found)
    text: str = tokenizer.decode(kept, skip_special_tokens=not marked)
    return text
