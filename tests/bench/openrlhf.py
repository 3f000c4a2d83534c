"""`python -m tests.bench.openrlhf [STEPS] [PAIRS]`: synchronous steps of OpenRLHF 0.11.2 and Plumb.

Both train the same model in the same run of this program, one after the other, Plumb before and
after: 8 prompts of 16 answers of at most 68 tokens, float32, REINFORCE++ with a baseline, a
correction by token with the engine's logprobs, one optimizer step of 128 samples. OpenRLHF is its
whole PPO command with its Ray actors, its vLLM engine and its own weight broadcast (over gloo);
only the lines that name CUDA are replaced (tests/bench/openrlhf_cpu). Its times are those that it
reports itself: what it does between its phases is left out, which is to its advantage. Plumb's hold
the canary after every update, which has no counterpart in OpenRLHF. PAIRS (1) is how many engines
and as many learner ranks each of the two has.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rl.errors import PlumbError
from rl.guardian import guarded
from rl.hardware import Hardware
from tests.bench import step
from tests.bench.ending import told
from tests.bench.work import PROMPTS, RESPONSE_LIMIT, RESPONSES, question

STEPS = 12
WARM_UP = 3
LIMIT = 1800.0  # seconds for OpenRLHF's whole run
HERE = Path(__file__).parent / "openrlhf_cpu"
LINE = re.compile(r"Global step (\d+): \{")
FIELD = re.compile(r"'(timing/\w+|rollout/\w+)': ([\d.e+-]+)")


@dataclass(frozen=True, slots=True)
class Rival:
    """What OpenRLHF said of its run."""

    first_batch: float
    """Seconds from its start until the first step's answers were all there."""
    steps: list[dict[str, float]]
    """Its own numbers of each step."""

    def phase(self, name: str) -> float:
        """Median seconds of `timing/name`, warm-up apart."""
        return statistics.median(one[f"timing/{name}"] for one in self.steps[WARM_UP:])

    @property
    def tokens(self) -> float:
        """Median response tokens of a step."""
        return statistics.median(map(_tokens, self.steps[WARM_UP:]))

    @property
    def rate(self) -> float:
        """Median response tokens a second."""
        return statistics.median(
            _tokens(one) / one["timing/step_total"] for one in self.steps[WARM_UP:]
        )


def _tokens(one: dict[str, float]) -> float:
    return one["rollout/response_length_mean"] * one["rollout/num_samples"]


def main() -> int:
    """Run both; returns the exit code."""
    return told(_compare)


def _compare() -> int:
    steps, pairs = (*map(int, sys.argv[1:]), *(STEPS, 1)[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory(prefix="plumb-rival-") as name:
        folder = Path(name)
        step.make_model(folder / "model")
        before = step.measure(pairs)
        rival = run(folder, steps, pairs)
        after = step.measure(pairs)
    ours = [one.ran for figures in (before, after) for one in figures.steps]
    rate = statistics.median(one.generate.tokens / one.total for one in ours)
    blocks = [block.rate for figures in (before, after) for block in figures.asynchronous]
    asynchronous = statistics.median(blocks)
    sync = statistics.median(one.sync for one in ours)
    first = before.start.first_token  # the process had begun long before the second
    phases = ("generation", "make_experience", "ppo_train", "broadcast", "step_total")
    told = ", ".join(f"{phase} {rival.phase(phase):.3f}" for phase in phases)
    print(f"OpenRLHF, median seconds of {steps - WARM_UP} steps: {told}")
    print(
        f"tokens/s: OpenRLHF {rival.rate:,.0f} at {rival.tokens:,.0f} tokens a step; Plumb "
        f"{rate:,.0f} synchronous (x {rate / rival.rate:.2f}), {asynchronous:,.0f} at max_lag "
        f"{step.MAX_LAG} (x {asynchronous / rival.rate:.2f})"
    )
    print(
        f"weights to the engine: OpenRLHF {rival.phase('broadcast'):.3f} s, Plumb with canary "
        f"{sync:.3f} s"
    )
    print(
        f"start to the first step's answers: OpenRLHF {rival.first_batch:.1f} s; to a first token "
        f"that is trained on: Plumb {first:.1f} s"
    )
    return 0


def run(folder: Path, steps: int, pairs: int) -> Rival:
    """OpenRLHF's run on the model in `folder`, with `pairs` engines and actors."""
    prompts = folder / "prompts.jsonl"
    asked = [[{"role": "user", "content": question(i)}] for i in range(PROMPTS * steps)]
    lines = [json.dumps({"messages": messages}) + "\n" for messages in asked]
    prompts.write_text("".join(lines), encoding="utf-8")
    hardware = Hardware("cpu", len(os.sched_getaffinity(0)))
    paths = [str(HERE), str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    env = hardware.engine_env(1, pairs) | hardware.learner_env(pairs)
    env |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(HERE / "drive.py"), *_arguments(folder, prompts, pairs)]
    began = time.time()
    # Ends all of OpenRLHF's processes with this one, however it ends.
    with (
        guarded(),
        subprocess.Popen(
            command,
            env=os.environ | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            return _read(process, began, steps)
        finally:
            process.terminate()


def _read(process: "subprocess.Popen[str]", began: float, steps: int) -> Rival:
    found: list[dict[str, float]] = []
    tail: list[str] = []
    first = 0.0
    for line in process.stdout or ():
        tail = [*tail[-30:], line]
        if time.time() - began > LIMIT:
            raise PlumbError(f"OpenRLHF's run took longer than {LIMIT:g} s")
        if not LINE.search(line):
            continue
        found.append({name: float(value) for name, value in FIELD.findall(line)})
        if len(found) == 1:
            rest = ("make_experience", "ppo_train", "broadcast")
            first = time.time() - began - sum(found[0][f"timing/{name}"] for name in rest)
        if len(found) == steps:
            return Rival(first, found)
    raise PlumbError("OpenRLHF's run ended early:\n" + "".join(tail))


def _arguments(folder: Path, prompts: Path, pairs: int) -> list[str]:
    groups: dict[str, dict[str, object]] = {
        "actor": {"num_nodes": 1, "num_gpus_per_node": pairs,
                  "model_name_or_path": folder / "model",
                  "lr_scheduler": "constant", "adam.lr": 5e-7},
        "vllm": {"num_engines": pairs, "enforce_eager": True, "enable_prefix_caching": True},
        "ds": {"param_dtype": "fp32", "attn_implementation": "sdpa", "zero_stage": 2},
        "algo": {"advantage.estimator": "reinforce_baseline", "kl.init_coef": 0,
                 "advantage.is_correction_level": "token", "advantage.is_correction_mode": "clip"},
        "rollout": {"batch_size": PROMPTS, "n_samples_per_prompt": RESPONSES,
                    "micro_batch_size": 32, "max_new_tokens": RESPONSE_LIMIT},
        "train": {"batch_size": PROMPTS * RESPONSES, "micro_batch_size": 32, "num_episodes": 1},
        "data": {"prompt_dataset": prompts, "input_key": "messages", "apply_chat_template": True,
                 "max_len": 64 + RESPONSE_LIMIT},
        "reward": {"remote_url": HERE / "reward.py"},
        "ckpt": {"output_dir": folder / "out", "path": folder / "checkpoints"},
    }  # fmt: skip
    arguments = []
    for group, settings in groups.items():
        for key, value in settings.items():
            arguments.append(f"--{group}.{key}")
            if value is not True:
                arguments.append(str(value))
    return arguments


if __name__ == "__main__":
    sys.exit(main())
