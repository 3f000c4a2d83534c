"""Charts of a report whose series depend on the run: kinds of tasks, and numbers of verdicts.

They have the form of `templates/panels.yaml`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

GRADING_TIME: Final = "seconds"
"""The number of a verdict that is no measurement: how long it took."""

COLOURS: Final = 5
"""Colours of series, as the style sheet has them."""


def task_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Charts of each kind of task apart, where a run mixes several."""
    tasks = sorted({task for row in rows for task in row.get("tasks") or ()})
    if len(tasks) < 2:
        return []
    return [
        {
            "title": "Accuracy by task",
            "caption": "As above, for each kind of task apart; diamonds are the held-out prompts.",
            "unit": "share",
            "wide": True,
            "full_scale": True,
            "series": [
                {"key": key, "label": label, "style": style, "colour": 1 + number % COLOURS}
                for number, task in enumerate(tasks)
                for key, label, style in (
                    (f"tasks.{task}.accuracy", task, "smooth"),
                    (f"eval_accuracy_by_task.{task}", f"{task}, held out", "points"),
                )
            ],
        },
        {
            "title": "Reward by task",
            "caption": "Mean over a step's answers, for each kind of task apart.",
            "unit": "number",
            "series": [
                {
                    "key": f"tasks.{task}.reward_mean",
                    "label": task,
                    "style": "smooth",
                    "colour": 1 + number % COLOURS,
                }
                for number, task in enumerate(tasks)
            ],
        },
    ]


def verdict_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A chart of the numbers that verifiers and terms gave beside the reward, if there are any."""
    names = sorted({name for row in rows for name in row.get("verdicts") or ()} - {GRADING_TIME})
    if not names:
        return []
    return [
        {
            "title": "What verifiers measured" + (f": {names[0]}" if len(names) == 1 else ""),
            "caption": "Mean over a step's answers of each number that a verifier gave, and of "
            "each term's own reward.",
            "unit": "number",
            "series": [
                {
                    "key": f"verdicts.{name}",
                    "label": name,
                    "style": "smooth",
                    "colour": 1 + number % COLOURS,
                }
                for number, name in enumerate(names)
            ],
        }
    ]
