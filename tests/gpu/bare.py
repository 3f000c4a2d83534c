"""Bare vLLM: its own `LLM.generate` in one process, with the engine arguments of a run."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rl.config_file import load_config
from rl.engines.arguments import engine_arguments
from rl.engines.seat import Seat
from rl.hardware import Hardware
from tests.gpu.machine import gpus

ROUNDS = 3
"""The first warms up; the best of the others counts."""


def bare_tokens_per_second(config: Path, device: str, *, prompts: int) -> float:
    """Tokens a second over a step's prompts, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.bare", str(config), device, str(prompts)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def seat(device: str, gpus: int) -> Seat:
    """What the run's engine had: a GPU of its own, or half of the only one, beside the learner."""
    return Seat() if device == "cpu" else Seat(1.0 if gpus > 1 else 0.5)


def measure(path: Path, device: str, prompts: int) -> float:
    """Generate in this process, as often as `ROUNDS` says."""
    config = load_config(path)
    cores = len(os.sched_getaffinity(0))
    hardware = Hardware("cpu" if device == "cpu" else "cuda", cores)
    os.environ.update(hardware.engine_env(config.rollout.cpu_cache_gb))
    from vllm import LLM, SamplingParams

    llm = LLM(**engine_arguments(config, hardware, seat(device, gpus())))
    tokenizer = llm.get_tokenizer()
    texts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": f"say {i}"}], tokenize=False, add_generation_prompt=True
        )
        for i in range(prompts)
    ]
    ids = [{"prompt_token_ids": tokenizer(text)["input_ids"]} for text in texts]
    asked = SamplingParams(
        n=config.sampler.samples_per_prompt,
        temperature=config.rollout.temperature,
        max_tokens=config.rollout.max_response_tokens,
        logprobs=0,
    )
    rates = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        outputs = llm.generate(ids, asked, use_tqdm=False)
        tokens = sum(len(one.token_ids) for output in outputs for one in output.outputs)
        rates.append(tokens / (time.perf_counter() - started))
    return max(rates[1:])


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))), flush=True)
