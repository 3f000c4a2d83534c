"""A verifier as the reward function of OpenRLHF.

A file with `reward_func = reward("math")`, given as `--reward.remote_url path/to/file.py`.
Guarantees: only what the model wrote is graded, not the prompt before it; dynamic filtering reads
correctness, not the reward. OpenRLHF has no place for an answer that was not measured: reward and
score are `nan`, so that dynamic filtering drops the whole group. Without dynamic filtering, name a
number by `ungradable`, or one such answer makes the loss `nan`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewards.adapters.blocking import BlockingGrader
from rewards.thinking import opened_by
from rewards.types import Sample, Verdict

if TYPE_CHECKING:
    import torch

TAIL = 64  # characters at a prompt's end that are looked for where its beginning was cut off
ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "</s>", "<eos>", "<end_of_turn>")


@dataclass(frozen=True)
class OpenRLHFReward:
    """What OpenRLHF calls, in a thread, with one answer at a time."""

    grader: BlockingGrader
    ungradable: float
    ends: tuple[str, ...]

    def __call__(
        self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any
    ) -> "dict[str, torch.Tensor | dict[str, torch.Tensor]]":
        """Rewards of whole sequences.

        Args:
            queries: Prompt and answer as one text, special tokens included.
            prompts: The prompts alone.
            labels: The references.

        Returns:
            `rewards`, `scores` (1 for a correct answer) and `extra_logs`, tensors of shape [n].

        Raises:
            RewardError: The verifier cannot grade these samples.
        """
        import torch

        texts = [self._answer(q, p) for q, p in zip(queries, prompts, strict=True)]
        found = [i for i, text in enumerate(texts) if text is not None]
        samples = [
            Sample(
                id=str(i),
                prompt=({"role": "user", "content": prompts[i]},),
                response=texts[i] or "",
                reference=labels[i],
                thinking=opened_by(prompts[i]) if prompts[i] else None,
            )
            for i in found
        ]
        verdicts: list[Verdict] = [_NOT_FOUND] * len(texts)
        for i, verdict in zip(found, self.grader.grade(samples), strict=True):
            verdicts[i] = verdict
        measured = [verdict.is_gradable for verdict in verdicts]
        rewards = [v.reward if v.is_gradable else self.ungradable for v in verdicts]
        scores = [float(v.is_correct) if v.is_gradable else self.ungradable for v in verdicts]
        return {
            "rewards": torch.tensor(rewards, dtype=torch.float32),
            "scores": torch.tensor(scores, dtype=torch.float32),
            "extra_logs": {"ungradable": 1.0 - torch.tensor(measured, dtype=torch.float32)},
        }

    def _answer(self, query: str, prompt: str) -> str | None:
        """What follows the prompt; None if the prompt cannot be found in the sequence."""
        whole = prompt in query  # a long prompt loses its beginning, never its end
        _, end, answer = query.partition(prompt if whole else prompt[-TAIL:])
        if prompt and not end:
            return None
        answer = answer if prompt else query
        for mark in self.ends:
            answer = answer.removesuffix(mark)
        return answer


_NOT_FOUND = Verdict.ungradable("prompt: not found in the sequence")


def reward(
    verifier: str = "math",
    *,
    ungradable: float = math.nan,
    ends: Sequence[str] = ENDS,
    workers: int = 2,
    deadline: float | None = None,
    memory_mb: int = 512,
) -> OpenRLHFReward:
    """A `reward_func` for OpenRLHF.

    Args:
        verifier: A verifier's name, or path/to/file.py:function.
        ungradable: Reward and score of an answer that could not be measured.
        ends: Special tokens that are taken off an answer's end.
        workers: Grading processes, for each of OpenRLHF's engines.
        deadline: Seconds for one answer; None: what the verifier is made for, else 3.
        memory_mb: Memory of one grading process.

    Raises:
        RewardError: The spec leads nowhere or the plugin does not load.
        ValueError: A limit is out of range.
    """
    grader = BlockingGrader.of(verifier, workers=workers, deadline=deadline, memory_mb=memory_mb)
    return OpenRLHFReward(grader, ungradable, tuple(ends))
