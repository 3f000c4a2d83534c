"""Prompts on which no answer could be graded, found before anything is asked.

Guarantee: every verifier that a prompt's answers would go to, by its route and with its terms, is
asked what it can say of the reference alone (`Verifier.refusal`); nothing is graded.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from data.schema import Prompt
from data.validate import Miss
from rewards import Rubric, Sample, Verdict


def refused(
    prompts: Sequence[Prompt], rubric: Rubric, columns: Mapping[str, Any] | None = None
) -> list[Miss]:
    """Those prompts, with an ungradable verdict that says why.

    Args:
        prompts: what is checked.
        rubric: what answers would be graded by.
        columns: what answers have beside the prompt's own columns.

    Raises:
        RewardError: a verifier does not load, or asks for a column that a prompt lacks.
    """
    loaded = [(use, use.load()) for use in rubric.uses()]
    found = []
    for index, prompt in enumerate(prompts):
        sample = Sample(
            id=prompt.id,
            prompt=prompt.messages,
            response="",
            reference=prompt.reference,
            task=prompt.task,
            tools=prompt.tools,
            metadata={**prompt.metadata, **(columns or {})},
        )
        asked = [rubric.main_of(sample), *(term.use for term in rubric.terms_of(sample))]
        said = (verifier.refusal(sample) for use, verifier in loaded if use in asked)
        reason = next((reason for reason in said if reason is not None), None)
        if reason is not None:
            found.append(Miss(index, prompt, Verdict.ungradable(reason)))
    return found
