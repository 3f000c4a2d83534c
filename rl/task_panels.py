"""Charts of a report whose series are a run's own: kinds of tasks, and what was measured.

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


def measured_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Charts of the numbers that verifiers, terms and environments gave, if there are any."""
    return [
        *_means(
            rows,
            "verdicts",
            "What verifiers measured",
            "Mean over a step's answers of each number that a verifier gave, and of each term's "
            "own reward.",
        ),
        *_means(
            rows,
            "environment",
            "What environments measured",
            "Mean over a step's episodes of each number that the environment gave.",
        ),
    ]


def _means(
    rows: Sequence[Mapping[str, Any]], section: str, title: str, caption: str
) -> list[Mapping[str, Any]]:
    names = sorted({name for row in rows for name in row.get(section) or ()} - {GRADING_TIME})
    if not names:
        return []
    return [
        {
            "title": title + (f": {names[0]}" if len(names) == 1 else ""),
            "caption": caption,
            "unit": "number",
            "series": [
                {
                    "key": f"{section}.{name}",
                    "label": name,
                    "style": "smooth",
                    "colour": 1 + number % COLOURS,
                }
                for number, name in enumerate(names)
            ],
        }
    ]
