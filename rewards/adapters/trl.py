"""A verifier as a reward function of TRL (GRPOTrainer, RLOOTrainer).

`GRPOTrainer(reward_funcs=reward("math", reference="solution"), ...)`. Guarantee: an ungradable
answer gets None, which TRL leaves out of the reward and of the group's baseline.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewards.adapters.blocking import BlockingGrader
from rewards.errors import MissingColumnError
from rewards.thinking import opened_by
from rewards.types import Sample

Message = Mapping[str, Any]
# What TRL passes beside the columns of the data set.
NOT_COLUMNS = frozenset({"completion_ids", "trainer_state", "environments"})


@dataclass(frozen=True)
class TRLReward:
    """What TRL calls; its metrics carry the verifier's name."""

    grader: BlockingGrader
    reference: str | None

    @property
    def __name__(self) -> str:
        return self.grader.name

    def __call__(
        self,
        prompts: Sequence[str | Sequence[Message]],
        completions: Sequence[str | Sequence[Message]],
        *,
        log_extra: object = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """A reward per completion.

        Args:
            prompts: Texts, or lists of chat messages.
            completions: In the form of the prompts.
            log_extra: TRL's; unused.
            log_metric: TRL's; gets the share of ungradable answers.
            columns: The data set's other columns, a list each.

        Raises:
            MissingColumnError: There is no column with the reference.
            RewardError: The verifier cannot grade these samples.
        """
        rows = {name: values for name, values in columns.items() if name not in NOT_COLUMNS}
        if self.reference is not None and self.reference not in rows:
            have = ", ".join(sorted(rows)) or "none"
            raise MissingColumnError(
                f"the data set has no column '{self.reference}' with references (its columns: "
                f"{have}); name the right one: reward(..., reference=...)"
            )
        samples = [
            Sample(
                id=str(i),
                prompt=_messages(prompt),
                response=_text(completion),
                reference=rows[self.reference][i] if self.reference is not None else None,
                metadata={name: values[i] for name, values in rows.items()},
                thinking=opened_by(prompt) if isinstance(prompt, str) else None,
            )
            for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True))
        ]
        verdicts = self.grader.grade(samples)
        if log_metric is not None and verdicts:
            ungradable = sum(not verdict.is_gradable for verdict in verdicts)
            log_metric(f"rewards/{self.grader.name}/ungradable", ungradable / len(verdicts))
        return [verdict.reward if verdict.is_gradable else None for verdict in verdicts]


def reward(
    verifier: str = "math",
    *,
    reference: str | None = "solution",
    workers: int = 2,
    deadline: float | None = None,
    memory_mb: int = 512,
) -> TRLReward:
    """A reward function for `reward_funcs`.

    Args:
        verifier: A verifier's name, or path/to/file.py:function.
        reference: The data set's column with the reference; None if the verifier needs none.
        workers: Grading processes, for each process that trains.
        deadline: Seconds for one answer; None: what the verifier is made for, else 3.
        memory_mb: Memory of one grading process.

    Raises:
        RewardError: The spec leads nowhere or the plugin does not load.
        ValueError: A limit is out of range.
    """
    grader = BlockingGrader.of(verifier, workers=workers, deadline=deadline, memory_mb=memory_mb)
    return TRLReward(grader, reference)


def _messages(prompt: str | Sequence[Message]) -> tuple[Message, ...]:
    return ({"role": "user", "content": prompt},) if isinstance(prompt, str) else tuple(prompt)


def _text(completion: str | Sequence[Message]) -> str:
    """The answer: the text itself, or what the last message with any text says."""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion):
        content = message.get("content")
        if isinstance(content, list):
            content = "".join(block.get("text", "") for block in content)
        if content:
            return str(content)
    return ""
