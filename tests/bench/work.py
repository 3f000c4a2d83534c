"""What is sampled and learned in the benchmarks of a step: sums, whose answers are graded for free.

Guarantees: prompt i is the same in every run; half of each group's answers are right, whatever they
say, so that every group teaches something and grading costs nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.schema import Prompt
from rewards import Sample, Verdict
from rewards.grading.running import Call, Pending
from rl.config import RunConfig
from rl.evaluation_sets import EvaluationSet

PROMPTS = 8
RESPONSES = 16
RESPONSE_LIMIT = 68
"""Random weights end a response at about one token in 104: cut here, the mean is about 50."""
NOMINAL_TOKENS = PROMPTS * RESPONSES * 50


def config_of(model: Path, run_dir: Path, *, ranks: int = 1, **rollout: Any) -> RunConfig:
    """The settings of the measured steps.

    Args:
        model: folder of the model.
        run_dir: where a run would write.
        ranks: of the learner.
        rollout: further settings of `rollout`.
    """
    return RunConfig.model_validate(
        {
            "run_dir": str(run_dir),
            "model": {"path": str(model), "attention": "sdpa"},
            "sampler": {
                "prompts_per_step": PROMPTS,
                "samples_per_prompt": RESPONSES,
                "filter": "none",
            },
            "rollout": {
                "max_prompt_tokens": 64,
                "max_response_tokens": RESPONSE_LIMIT,
                "reproducible": True,
                **rollout,
            },
            "learner": {
                "ranks": ranks,
                "mini_batch_size": PROMPTS * RESPONSES,
                "micro_batch_tokens": 4096,
                "warmup_steps": 0,
            },
            "train": {"steps": 1000},
        }
    )


def question(index: int) -> str:
    """The text of prompt `index`; after `PROMPTS` they come again."""
    i = index % PROMPTS
    return f"What is {37 * i + 11} + {53 * i + 18}?"


@dataclass(slots=True)
class Questions:
    """A prompt source without end."""

    given: int = 0
    fingerprint: str = "bench"
    total: int | None = None

    def next(self) -> Prompt:
        """The next prompt."""
        self.given += 1
        text = question(self.given - 1)
        return Prompt(id=f"{self.given - 1}", messages=({"role": "user", "content": text},))

    def state_dict(self) -> dict[str, Any]:
        """The position."""
        return {"given": self.given}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a position."""
        self.given = state["given"]


@dataclass(slots=True)
class Work:
    """What `rl.parts.start_parts` asks for."""

    source: Questions
    evaluations: Sequence[EvaluationSet] = ()
    prompts: Sequence[Prompt] = ()


class EveryOther:
    """A grading pool for which every other answer of a group is right."""

    async def start(self) -> None:
        """Nothing to start."""

    async def aclose(self) -> None:
        """Nothing to stop."""

    async def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        """By the answer's place in its group, which ends its id."""
        return [
            Verdict.correct() if int(sample.id.rpartition("#")[2]) % 2 else Verdict.incorrect()
            for sample in samples
        ]

    def pending(self) -> list[Pending]:
        """Nothing waits."""
        return []

    def take_slowest(self) -> list[Call]:
        """Nothing is slow."""
        return []

    def metrics(self) -> dict[str, Any]:
        """None."""
        return {}

    def ungradable_reasons(self) -> Counter[str]:
        """None."""
        return Counter()
