"""vLLM and a learner's sender in one process: what comes of an update for one model after another.

Usage: python transfer_process.py FOLDER KIND...; prints one line of JSON a case: name, gap to the
new weights before the update and after it, nats a token. Kinds: untied, experts, adapter, whose
updates are adapters alone, and parallel, two tensor-parallel workers, each of which imports
everything anew, for weights and adapters.
"""

import copy
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM
from vllm import SamplingParams
from vllm.engine.arg_utils import EngineArgs
from vllm.usage.usage_lib import UsageContext
from vllm.v1.engine.llm_engine import LLMEngine
from vllm.v1.executor import Executor
from vllm.v1.executor.uniproc_executor import UniProcExecutor

from rl.adapter import adapter_arguments, adapter_request
from rl.config import LoraConfig
from rl.learn.lora import description, with_adapters
from rl.tiny import make_tokenizer, save
from rl.weights.canary import canary_ids, gap
from rl.weights.layout import checksum
from rl.weights.packing import Bucket
from rl.weights.sender import WeightSender

TOKENIZER = make_tokenizer()
IDS = canary_ids(TOKENIZER, 100)


def make(kind: str) -> Any:
    """A tiny model with random weights, large enough for its logprobs to tell weights apart."""
    torch.manual_seed(3)
    common = {
        "vocab_size": len(TOKENIZER),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "initializer_range": 0.1,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": TOKENIZER.eos_token_id,
        "pad_token_id": TOKENIZER.pad_token_id,
    }
    if kind != "experts":
        return Qwen3ForCausalLM(Qwen3Config(**common))
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    return Qwen3MoeForCausalLM(Qwen3MoeConfig(**common, **experts, norm_topk_prob=True))


def changed(model: Any) -> Any:
    """The model after an update that nobody could overlook."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return other


@torch.no_grad()
def logprobs(model: Any) -> Any:
    ids = torch.tensor([IDS])
    scores = model.eval()(ids).logits[0, :-1].float().log_softmax(-1)
    return scores.gather(1, ids[0, 1:, None])[:, 0].numpy()


class Engine:
    def __init__(self, path: Path, workers: int, lora: LoraConfig | None = None) -> None:
        self._adapter: Any = None if lora is None else adapter_request()
        self.adapter = None if lora is None else description(lora)
        arguments = EngineArgs(
            **(adapter_arguments(lora) if lora is not None else {}),
            model=str(path),
            dtype="float32",
            max_model_len=128,
            max_num_seqs=4,
            worker_extension_cls="rl.weights.receiver.WeightReceiver",
            weight_transfer_config={"backend": "plumb"},
            worker_cls="rl.cpu_worker.CpuRolloutWorker",
            tensor_parallel_size=workers,
            distributed_executor_backend=UniProcExecutor if workers == 1 else "mp",
            enforce_eager=True,
            kv_cache_memory_bytes=2**24,
            enable_prefix_caching=False,
            disable_log_stats=True,
        )
        config = arguments.create_engine_config(UsageContext.ENGINE_CONTEXT)
        self._engine = LLMEngine(
            vllm_config=config,
            executor_class=Executor.get_class(config),
            log_stats=False,
            multiprocess_mode=False,
        )
        self._requests = 0

    def call(self, method: str, *arguments: Any) -> None:
        self._engine.collective_rpc(method, args=arguments)

    def logprobs(self, adapted: bool = True) -> list[float]:
        self._requests += 1
        adapter = self._adapter if adapted else None
        how = SamplingParams(max_tokens=1, prompt_logprobs=0, detokenize=False)
        request = {"prompt_token_ids": IDS}
        self._engine.add_request(str(self._requests), request, how, lora_request=adapter)
        output: Any = None
        while self._engine.has_unfinished_requests():
            output = (self._engine.step() or [output])[-1]
        pairs = zip(output.prompt_logprobs[1:], IDS[1:], strict=True)
        return [found[token].logprob for found, token in pairs]

    def update(self, buckets: Iterator[Bucket]) -> None:
        """Take buckets from a buffer that is used again and again, without closing the update."""
        self.call("plumb_start_update", self.adapter)
        for bucket in buckets:
            assert bucket.data is not None
            entries = [(e.name, e.dtype, e.shape, e.offset) for e in bucket.entries]
            described = {"entries": entries, "start": bucket.start}
            self.call("update_weights", described | {"checksum": checksum(bucket.data)})
            bucket.data.fill_(0x7F)  # what was taken by reference is garbage from now on

    @contextmanager
    def running(self) -> Iterator["Engine"]:
        yield self
        self._engine.engine_core.shutdown()


def sender_of(policy: Any, engine: Engine, reload: str = "auto") -> WeightSender:
    sender = WeightSender(
        policy,
        dtype=torch.float32,
        device=torch.device("cpu"),
        bucket_mb=1 / 16,  # type: ignore[arg-type]  # many buckets of a small model
        lead=True,
        adapter=engine.adapter,
    )
    engine.call(
        "init_weight_transfer_engine", {"handles": [sender.open_buffer(False)], "reload": reload}
    )
    return sender


def updated(
    start: Any, engine: Engine, reload: str = "auto", broken_at: int = 0
) -> tuple[float, float]:
    """The gap to other weights before an update and after it; one before it is broken off."""
    policy = changed(start)
    before = gap(engine.logprobs(), logprobs(policy))
    if broken_at:
        some = sender_of(changed(start), engine, reload).buckets()
        engine.update(next(some) for _ in range(broken_at))
    engine.update(sender_of(policy, engine, reload).buckets())
    engine.call("plumb_finish_update")
    return before, gap(engine.logprobs(), logprobs(policy))


def broken_off(start: Any, engine: Engine) -> tuple[float, float]:
    """The largest gap after whole updates that followed one broken off at each of its buckets."""
    count = len(list(sender_of(start, engine).buckets()))
    assert count > 3, "a case of several buckets was meant"
    gaps = [updated(start, engine, broken_at=stop) for stop in range(1, count)]
    return min(before for before, _ in gaps), max(after for _, after in gaps)


def with_random_adapters(start: Any, lora: LoraConfig, seed: int) -> Any:
    """The model with adapters that are not nothing any more."""
    policy = with_adapters(copy.deepcopy(start), lora, seed=seed)
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    return policy


def adapter_cases(start: Any, folder: Path, workers: int = 1) -> Iterator[tuple[str, float, float]]:
    """One adapter after another, in place, in an engine that keeps its base."""
    lora = LoraConfig(rank=6, alpha=9.0)
    attention = lora.model_copy(update={"targets": ["q_proj", "o_proj"]})
    policies = {
        "first": with_random_adapters(start, lora, 1),
        "second": with_random_adapters(start, lora, 2),
        "attention": with_random_adapters(start, attention, 3),
        "base": start,
    }
    save(start, TOKENIZER, folder / "base")
    with Engine(folder / "base", workers, lora).running() as engine:
        for name, policy in policies.items():
            before = gap(engine.logprobs(name != "first"), logprobs(policy))
            if name != "base":
                engine.update(adapter_buckets(policy, engine))
                engine.call("plumb_finish_update")
            yield f"adapter: {name}", before, gap(engine.logprobs(name != "base"), logprobs(policy))


def adapter_buckets(policy: Any, engine: Engine) -> Iterator[Bucket]:
    """The adapter's buckets, in a buffer that the engine maps."""
    return sender_of(policy, engine)._sent.buckets()


def cases(kind: str, folder: Path) -> Iterator[tuple[str, float, float]]:
    """Updates of one engine: name, gap before, gap after."""
    start = make(kind)
    if kind == "adapter":
        yield from adapter_cases(start, folder)
        return
    save(start, TOKENIZER, folder / kind)
    with Engine(folder / kind, 2 if kind == "parallel" else 1).running() as engine:
        yield f"{kind}: whole", *updated(start, engine)
        if kind == "experts":
            yield f"{kind}: broken off", *broken_off(start, engine)
            yield f"{kind}: raw", *updated(start, engine, "raw")


def main() -> None:
    for kind in sys.argv[2:]:
        for case in cases(kind, Path(sys.argv[1])):
            print("CASE", json.dumps(case), flush=True)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
