"""Checking that gold answers are right by their own verifier.

Guarantee: every prompt is graded with its reference given as the answer, once; what is not correct
is a miss. A miss is a row that no answer could win, or one whose reference is damaged.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from data.builtin import PREFIX
from data.errors import PromptError
from data.files import read_rows
from data.records import read_record_rows
from data.schema import Prompt
from rewards import GradingPool, Sample, Verdict

BATCH = 1_024  # prompts graded together


@dataclass(frozen=True, slots=True)
class Miss:
    """A prompt whose reference is not correct: its index among the prompts, and why."""

    index: int
    prompt: Prompt
    verdict: Verdict


async def misses(
    pool: GradingPool, prompts: Sequence[Prompt], *, boxed: bool
) -> AsyncIterator[tuple[int, list[Miss]]]:
    """Grade references against themselves; gives the prompts done so far, and the new misses.

    Args:
        pool: runs the verifier; its owner closes it.
        prompts: what is checked.
        boxed: whether the verifier looks for a `\\boxed{}` in the answer.

    Raises:
        PromptError: a prompt has no reference.
        RewardError: the verifier cannot grade these prompts.
    """
    for start in range(0, len(prompts), BATCH):
        batch = prompts[start : start + BATCH]
        verdicts = await pool.grade([answered(prompt, boxed) for prompt in batch])
        yield (
            start + len(batch),
            [
                Miss(start + offset, prompt, verdict)
                for offset, (prompt, verdict) in enumerate(zip(batch, verdicts, strict=True))
                if not verdict.is_correct
            ],
        )


def places(source: str, found: Sequence[Miss]) -> list[str]:
    """File and row of each miss, in the order of `found`; a built-in task's prompts go by id."""
    if source.startswith(PREFIX):
        return [f"{source} {miss.prompt.id}" for miss in found]
    last = max((miss.index for miss in found), default=-1)
    wanted = {miss.index for miss in found}
    path = Path(source)
    read = read_record_rows(path) if path.is_dir() else read_rows(path)
    rows = enumerate(islice(read, last + 1))
    where = {index: row.where for index, row in rows if index in wanted}
    return [where[miss.index] for miss in found]


def answered(prompt: Prompt, boxed: bool) -> Sample:
    """The reference given as the answer.

    Raises:
        PromptError: There is none.
    """
    if prompt.reference is None:
        raise PromptError(
            f"prompt {prompt.id!r} has no reference to check; set reference_column to the column "
            "with the gold answers"
        )
    reference = prompt.reference
    answer = json.dumps(reference) if isinstance(reference, list | dict) else str(reference)
    return Sample(
        id=prompt.id,
        prompt=prompt.messages,
        response=f"\\boxed{{{answer}}}" if boxed else answer,
        reference=prompt.reference,
        task=prompt.task,
        tools=prompt.tools,
        metadata=prompt.metadata,
    )
