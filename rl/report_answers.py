"""Sampled answers of a run, as its report shows them.

What the policy, a tool or an environment wrote stays text. Only the parts of the files that are
shown are read, so that a step of a million answers costs what a small one does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow
from pyarrow import parquet

from rl.report_turns import alone, conversation, shortened
from rl.rollout_files import episode_files, step_of

ANSWER_LIMIT: Final = 300
"""Answers shown at most, over all the steps that are shown."""

_COLUMNS: Final = (
    *("prompt_id", "prompt", "response", "messages", "reference", "outcome", "reward", "reason"),
    *("advantage", "tokens", "stop_reason", "group", "ending", "used", "metrics", "lag", "turns"),
    *("seconds", "turn_records", "opened"),
)
_ENDINGS: Final = {
    "trained": "",
    "rejected_correct": "group all right",
    "rejected_incorrect": "group all wrong",
    "rejected_equal": "rewards all equal",
    "ungradable": "group ungradable",
    "returned": "group sampled again",
}
"""What became of a group, in words; files of earlier versions do not say."""
_STOPS: Final = {
    "stop": "",
    "length": "cut at its limit",
    "turns": "turns used up",
    "budget": "context used up",
}
"""Why an episode ended, in words."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class StepAnswers:
    """Answers of one step: those shown, out of how many."""

    step: int
    total: int
    answers: Sequence[Mapping[str, Any]]


def read_answers(folder: Path) -> tuple[list[StepAnswers], list[str]]:
    """Read answers of the first, the middle and the last recorded step, and notes on failures."""
    chosen = _spread(episode_files(folder), 3)
    found: list[StepAnswers] = []
    notes: list[str] = []
    for path in chosen:
        try:
            found.append(_read_step(path, ANSWER_LIMIT // len(chosen)))
        except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
            reason = str(error).partition("\n")[0].strip("'.")
            notes.append(f"rollouts/{path.name} could not be read and is left out: {reason}.")
    return found, notes


def _read_step(path: Path, room: int) -> StepAnswers:
    with parquet.ParquetFile(path) as file:
        index = {name: file.read([name]) for name in ("group", "outcome")}
        groups, outcomes = (index[name][name].to_pylist() for name in index)
        shown = _pick(groups, outcomes, room)
        answers = [_answer(row) for row in _rows(file, shown)]
    return StepAnswers(step_of(path) or 0, len(groups), answers)


def _rows(file: parquet.ParquetFile, wanted: Sequence[int]) -> Iterator[Mapping[str, Any]]:
    """The rows at `wanted` positions, in order; of the file only the row groups that hold them."""
    names = [name for name in file.schema_arrow.names if name in _COLUMNS]
    first = 0
    for number in range(file.num_row_groups):
        count = file.metadata.row_group(number).num_rows
        inside = [row - first for row in wanted if first <= row < first + count]
        if inside:
            yield from file.read_row_group(number, names).take(inside).to_pylist()
        first += count


def _answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
    ending, stop = row.get("ending") or "", row.get("stop_reason") or ""
    shown = [name for name in _COLUMNS if name not in ("messages", "turn_records", "opened")]
    return {name: shortened(row.get(name)) for name in shown} | {
        "conversation": conversation(row),
        "alone": alone(row),
        "ending": _ENDINGS.get(ending, ending.replace("_", " ")),
        "stopped": _STOPS.get(stop, f"ended by {stop}" if stop else ""),
    }


def _pick(groups: Sequence[Any], outcomes: Sequence[Any], room: int) -> list[int]:
    """Choose rows by whole groups spread over the step, two with ungradable answers first."""
    members: dict[Any, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    unjudged = [groups[index] for index, name in enumerate(outcomes) if name == "ungradable"]
    wanted = max(1, room * len(members) // max(1, len(groups)))
    order = [*_spread(list(dict.fromkeys(unjudged)), 2), *_spread(list(members), wanted)]
    rows = [index for group in dict.fromkeys(order) for index in members[group]]
    return sorted(rows[:room])


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """Take `count` items at even distances, both ends included; all where there are fewer."""
    if len(items) <= count:
        return list(items)
    if count == 1:
        return [items[0]]
    return [items[round(number * (len(items) - 1) / (count - 1))] for number in range(count)]
