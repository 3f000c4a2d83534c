"""Whether a response follows constraints, strictly or loosely, and the four accuracies of IFEval.

Guarantees: checking never raises on a response. A response without a visible character follows
nothing. What is left of one, where checking is loose, counts if it says something.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rewards.constraints.catalog import CONSTRAINTS
from rewards.constraints.types import Answer, Constraint, Finding, Result
from rewards.thinking import says_something


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares in [0, 1]: of responses that follow everything, and of constraints followed."""

    prompt_level: float
    instruction_level: float


def check(
    response: str, constraints: Sequence[Constraint], *, prompt: str = "", loose: bool = False
) -> tuple[Result, ...]:
    """Check each constraint by itself; results in the order of `constraints`.

    Args:
        response: What is checked; thinking should have been taken away.
        constraints: From `constraints_of`.
        prompt: The request, which `combination:repeat_prompt` may need.
        loose: Whether it is enough that one of `variants(response)` follows.

    Raises:
        ConstraintError: A prompt is to be repeated, and there is none.
    """
    left = filter(says_something, variants(response)) if loose else ()
    texts = dict.fromkeys((response, *left))
    answers = [Answer(text, prompt) for text in texts if text.strip()]
    return tuple(_result(answers, one) for one in constraints)


def variants(response: str) -> tuple[str, ...]:
    """The eight texts of IFEval's loose accuracy.

    The response as it is, without its first line, its last line, and both; each with and without
    asterisks. The shortened ones are stripped, the whole one is not.
    """
    lines = response.split("\n")
    shortened = ("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))
    texts = (response, *shortened)
    return (*texts, *(text.replace("*", "") for text in texts))


def accuracy(results: Sequence[Sequence[Result]]) -> Accuracy:
    """The accuracies over several responses, strict or loose as `check` was.

    Raises:
        ValueError: There is no result.
    """
    followed = [one.followed for of_response in results for one in of_response]
    if not followed:
        raise ValueError("no accuracy without results; give at least one response's")
    complete = sum(all(one.followed for one in of_response) for of_response in results)
    return Accuracy(complete / len(results), sum(followed) / len(followed))


def _result(answers: Sequence[Answer], constraint: Constraint) -> Result:
    """The finding on the first answer that follows, else on the first of all."""
    first = Finding(False, "a response", "a blank one")
    for at, answer in enumerate(answers):
        found = _found(answer, constraint)
        if found.followed:
            first = found
            break
        if at == 0:
            first = found
    reason = f"{constraint.id}: expected {first.expected}, got {first.got}"
    return Result(constraint.id, first.followed, reason)


def _found(answer: Answer, constraint: Constraint) -> Finding:
    try:
        return CONSTRAINTS[constraint.id].checker(answer, constraint.parameters)
    except TimeoutError:  # nltk bounds its own expressions
        return Finding(False, "a text that can be split into words", "one that takes too long")
