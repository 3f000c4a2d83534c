"""A verifier as a custom reward function of verl.

A file with `compute_score = reward("math")`, named in verl's `reward.custom_reward_function.path`.
verl has no place for an answer that was not measured: its score is `nan`, never a silent 0, unless
`ungradable` names a number.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rewards.adapters.blocking import BlockingGrader
from rewards.types import Sample


@dataclass(frozen=True)
class VerlReward:
    """What verl calls."""

    grader: BlockingGrader
    ungradable: float

    def __call__(
        self,
        data_source: str,
        solution_str: str,
        ground_truth: Any,
        extra_info: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> dict[str, float]:
        """The score of one answer, and what verl logs beside it.

        Args:
            data_source: The data set; the verifier sees it as the task.
            solution_str: What the model wrote.
            ground_truth: The reference.
            extra_info: The row's other columns.

        Returns:
            `score`, the reward; `acc`, 1 for a correct answer; `ungradable`, 1 for one that was
            not measured.

        Raises:
            RewardError: The verifier cannot grade this sample.
        """
        sample = Sample(
            id=str((extra_info or {}).get("index", data_source)),
            prompt=(),
            response=solution_str,
            reference=ground_truth,
            task=data_source,
            metadata=dict(extra_info or {}),
        )
        (verdict,) = self.grader.grade([sample])
        return {
            "score": verdict.reward if verdict.is_gradable else self.ungradable,
            "acc": float(verdict.is_correct) if verdict.is_gradable else self.ungradable,
            "ungradable": float(not verdict.is_gradable),
        }


def reward(
    verifier: str = "math",
    *,
    ungradable: float = math.nan,
    workers: int = 2,
    deadline: float | None = None,
    memory_mb: int = 512,
) -> VerlReward:
    """A `compute_score` for verl.

    Args:
        verifier: A verifier's name, or path/to/file.py:function.
        ungradable: The score of an answer that could not be measured.
        workers: Grading processes, for each of verl's reward workers.
        deadline: Seconds for one answer; None: what the verifier is made for, else 3.
        memory_mb: Memory of one grading process.

    Raises:
        RewardError: The spec leads nowhere or the plugin does not load.
        ValueError: A limit is out of range.
    """
    grader = BlockingGrader.of(verifier, workers=workers, deadline=deadline, memory_mb=memory_mb)
    return VerlReward(grader, ungradable)
