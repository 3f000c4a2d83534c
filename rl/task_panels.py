"""Charts of a report whose series are a run's own: tasks, sources, and what was measured.

They have the form of `templates/panels.yaml`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rl.report_records import lookup

GRADING_TIME: Final = "seconds"
"""The number of a verdict that is no measurement: how long it took."""

_CHECKED: Final = (
    (
        "reasoning",
        "In their mode",
        "Share of a step's answers whose thinking is what their mode asks for.",
        "share",
    ),
    (
        "reasoning.language",
        "Language of thinking",
        "Share of answers whose thinking is in the language that their mode asks for, of those "
        "that are long enough to tell.",
        "share",
    ),
    (
        "reasoning.tokens",
        "Tokens of thinking",
        "Mean over a step's answers in each mode.",
        "tokens",
    ),
)
"""What the term `reasoning` measures: its key, and the chart's title, caption and unit."""

COLOURS: Final = 5
"""Colours of series, as the style sheet has them."""


def task_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Charts of each kind of task, each source and each mode apart, where a run mixes several."""
    return [
        *_apart(rows, "tasks", "task", "kind of task"),
        *source_panels(rows),
        *mode_panels(rows),
    ]


def source_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Charts of each source apart, where a run mixes several."""
    found = _apart(rows, "sources", "source", "source")
    if not found:
        return []
    names = _names(rows, "sources")
    return [
        *found,
        {
            "title": "Groups trained by source",
            "caption": "In a step's batch. Each source's share of the prompts that are sampled is "
            "that of its weight; which of them teach something is another matter.",
            "unit": "number",
            "series": [
                {
                    "key": f"trained_by_source.{name}",
                    "label": name,
                    "style": "stack",
                    "colour": 1 + number % COLOURS,
                }
                for number, name in enumerate(names)
            ],
        },
    ]


def mode_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Charts of each reasoning mode apart: accuracy, reward, lengths, and what was checked."""
    names = _names(rows, "modes")
    if not names:
        return []
    held = "held_out.response_tokens_by_mode"
    return [
        *_apart(rows, "modes", "mode", "reasoning mode"),
        _mode_panel(
            names,
            "Length by mode",
            "Mean tokens of an answer in each reasoning mode; diamonds are the held-out prompts.",
            "tokens",
            "response_tokens_mean",
            f"evaluations.{held}",
        ),
        *(
            _mode_panel(names, title, caption, unit, f"verdicts.{key}")
            for key, title, caption, unit in _CHECKED
            if any(
                lookup(row, f"modes.{name}.verdicts.{key}") is not None
                for row in rows
                for name in names
            )
        ),
    ]


def _mode_panel(
    names: Sequence[str], title: str, caption: str, unit: str, key: str, points: str = ""
) -> Mapping[str, Any]:
    """A chart with a line a mode, and its points of an evaluation."""
    series = [
        {
            "key": f"modes.{name}.{key}",
            "label": name,
            "style": "smooth",
            "colour": 1 + number % COLOURS,
        }
        for number, name in enumerate(names)
    ]
    if points:
        series += [
            {
                "key": f"{points}.{name}",
                "label": f"{name}, held out",
                "style": "points",
                "colour": 1 + number % COLOURS,
            }
            for number, name in enumerate(names)
        ]
    return {
        "title": title,
        "caption": caption,
        "unit": unit,
        "full_scale": unit == "share",
        "series": series,
    }


def _apart(
    rows: Sequence[Mapping[str, Any]], section: str, word: str, words: str
) -> list[Mapping[str, Any]]:
    """Accuracy and reward of each part of `section` apart, where there are several."""
    names = _names(rows, section)
    if len(names) < 2:
        return []
    return [
        {
            "title": f"Accuracy by {word}",
            "caption": f"As above, for each {words} apart; diamonds are the held-out prompts.",
            "unit": "share",
            "wide": True,
            "full_scale": True,
            "series": [
                {"key": key, "label": label, "style": style, "colour": 1 + number % COLOURS}
                for number, name in enumerate(names)
                for key, label, style in (
                    (f"{section}.{name}.accuracy", name, "smooth"),
                    (f"eval_accuracy_by_{word}.{name}", f"{name}, held out", "points"),
                )
            ],
        },
        {
            "title": f"Reward by {word}",
            "caption": f"Mean over a step's answers, for each {words} apart.",
            "unit": "number",
            "series": [
                {
                    "key": f"{section}.{name}.reward_mean",
                    "label": name,
                    "style": "smooth",
                    "colour": 1 + number % COLOURS,
                }
                for number, name in enumerate(names)
            ],
        },
    ]


def _names(rows: Sequence[Mapping[str, Any]], section: str) -> list[str]:
    return sorted({name for row in rows for name in row.get(section) or ()})


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
