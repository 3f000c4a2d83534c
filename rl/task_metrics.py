"""Metrics of each kind of task apart, for runs that mix several.

Guarantees: answers without a task are in none of them; ungradable answers are counted and measure
nothing; a task that a step did not sample is absent from it, never a 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data.schema import Prompt
from rewards import Verdict
from rl.old_groups import Group


def accuracy(verdicts: Iterable[Verdict]) -> float | None:
    """Share of the gradable verdicts that are correct; None if none is gradable."""
    correct = [verdict.is_correct for verdict in verdicts if verdict.is_gradable]
    return sum(correct) / len(correct) if correct else None


def verdict_metrics(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """The mean of each number that verifiers and terms gave, over the verdicts that have it."""
    numbers: dict[str, list[float]] = {}
    for verdict in verdicts:
        for name, value in verdict.metrics.items():
            numbers.setdefault(name, []).append(value)
    return {name: sum(numbers[name]) / len(numbers[name]) for name in sorted(numbers)}


def by_task(groups: Sequence[Group]) -> dict[str, dict[str, Any]]:
    """Of each task among `groups`: accuracy, mean reward, groups, ungradable answers, and means of
    what its verdicts measured."""
    return {
        task: _metrics([group for group in groups if group.prompt.task == task])
        for task in sorted({group.prompt.task for group in groups} - {""})
    }


def accuracy_by_task(
    prompts: Sequence[Prompt], verdicts: Sequence[Sequence[Verdict]]
) -> Mapping[str, float | None]:
    """The accuracy of each task among evaluated prompts; `verdicts` holds each prompt's."""
    graded: dict[str, list[Verdict]] = {}
    for prompt, answers in zip(prompts, verdicts, strict=True):
        graded.setdefault(prompt.task, []).extend(answers)
    return {task: accuracy(graded[task]) for task in sorted(graded) if task}


def _metrics(groups: Sequence[Group]) -> dict[str, Any]:
    verdicts = [verdict for group in groups for verdict in group.verdicts]
    rewards = [verdict.reward for verdict in verdicts if verdict.is_gradable]
    return {
        "accuracy": accuracy(verdicts),
        "reward_mean": sum(rewards) / len(rewards) if rewards else None,
        "groups_sampled": len(groups),
        "ungradable": len(verdicts) - len(rewards),
        "verdicts": verdict_metrics(verdict for verdict in verdicts if verdict.is_gradable),
    }
