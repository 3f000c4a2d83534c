"""Sampled answers of a run, as its report shows them.

What the policy, a tool or an environment wrote stays text. Only the parts of the files that are
shown are read, so that a step of a million answers costs what a small one does.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow
from pyarrow import parquet

from rl.rollout_files import episode_files, message_line, step_of

ANSWER_LIMIT: Final = 300
"""Answers shown at most, over all the steps that are shown."""

TEXT_LIMIT: Final = 8_000
"""Characters of one prompt, answer, message or reference shown at most."""

MESSAGE_LIMIT: Final = 40
"""Messages of one conversation shown at most."""

_COLUMNS: Final = (
    *("prompt_id", "prompt", "response", "messages", "reference", "outcome", "reward", "reason"),
    *("advantage", "tokens", "stop_reason", "group", "ending", "used", "metrics", "lag", "turns"),
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
    return {name: _shortened(row.get(name)) for name in _COLUMNS if name != "messages"} | {
        "conversation": _conversation(row.get("messages"), row.get("prompt")),
        "ending": _ENDINGS.get(ending, ending.replace("_", " ")),
        "stopped": _STOPS.get(stop, f"ended by {stop}" if stop else ""),
    }


def _conversation(text: Any, prompt: Any) -> list[tuple[str, str]]:
    """(role, text) of what came after the prompt; nothing where an answer is all there was."""
    try:
        messages = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(messages, list) or not all(map(_is_message, messages)):
        return []
    said = [(one["role"], _shortened(_text(one))) for one in _after(prompt, messages)]
    if len(said) > MESSAGE_LIMIT:
        left = len(said) - MESSAGE_LIMIT
        said[MESSAGE_LIMIT // 2 : -MESSAGE_LIMIT // 2] = [("", f"[{left:,} more messages]")]
    return said


def _is_message(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("role"), str)


def _after(prompt: Any, messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The messages behind those that `prompt` shows; all where it does not show the first."""
    rest = f"{prompt}\n"
    for number, message in enumerate(messages):
        if not rest:
            return messages[number:]
        line = f"{message_line(message)}\n" if "content" in message else rest + "\n"
        if not rest.startswith(line):
            break
        rest = rest[len(line) :]
    return messages


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    text = content if isinstance(content, str) else json.dumps(content)
    calls = message.get("tool_calls")
    lines = [json.dumps(call) for call in calls] if isinstance(calls, list) else []
    return "\n".join([text, *lines] if text else lines)


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


def _shortened(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= TEXT_LIMIT:
        return value
    return f"{value[:TEXT_LIMIT]}\n[{len(value) - TEXT_LIMIT:,} more characters]"
