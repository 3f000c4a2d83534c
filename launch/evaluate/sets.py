r"""The sets of an evaluation: prompts out of public files, each with the verifier that grades it.

Guarantees: rows are read by `data.formats`, as curation reads them; built-in tasks and files of a
run's own columns as training does. A prompt's task says which verifier grades it; a text without
verifiable constraints is for a judge. What no verifier can grade is refused before anything starts.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from data.builtin import PREFIX
from data.errors import DataError, PromptError, SourceError
from data.formats.opening import AUTO, Opened, open_source
from data.messages import Wording
from data.prompt_records import open_records
from data.schema import Prompt, Record
from launch.train.data import without_refused
from rewards import Rubric
from rewards.constraints.errors import ConstraintError
from rewards.constraints.references import constraints_of
from rl.config import EvaluationConfig
from rl.errors import ConfigError

CONSTRAINED: Final = "constraints"
"""The task of a text with verifiable constraints: a run's own `text` may be graded otherwise."""
JUDGED: Final = "judge"
"""The task of a text without."""
BOXED: Final = (
    "{prompt}\n\nPlease reason step by step, and put your final answer within \\boxed{{}}."
)
"""Around problems of mathematics: answers are read out of the last box (TeleChat2.5 and T1 report,
section 4.3)."""
OWN: Final = "as trained"
"""The format of a run's own files, whose columns its settings name."""
BUILTIN: Final = "builtin"
_GENERAL: Final = ("plain", "chat")
HUB_SPLIT: Final = "test"
"""The split of a hub's data set that is evaluated."""
_NAME: Final = re.compile(r"[\w-][\w.-]*")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the file of a set is read.

    Attributes:
        file: a file, a folder, a data set of the hub, or a built-in task.
        format: of its rows.
        limit: the first so many prompts; None: all.
    """

    file: str
    format: str = AUTO
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class EvalSet:
    """Prompts, and how they are asked."""

    name: str
    reading: Reading
    format: str
    """The one that was found."""
    prompts: Sequence[Prompt]
    settings: EvaluationConfig


def named(options: Sequence[str], flag: str) -> dict[str, str]:
    """Options of the form NAME=VALUE, in order.

    Raises:
        ConfigError: one is of another form, or a name comes twice.
    """
    found: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not value:
            raise ConfigError(f"{flag} {option}: write it as NAME=VALUE")
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{flag} {option}: {name!r} is a folder's name too: use letters, digits, - and _"
            )
        if name in found:
            raise ConfigError(f"{flag} {name} stands there twice: give each its own name")
        found[name] = value
    return found


def read_prompts(
    name: str, reading: Reading, columns: Mapping[str, Any] | None
) -> tuple[list[Prompt], str]:
    """The prompts of a file, and the format that it was of.

    Args:
        name: of the set.
        reading: the file.
        columns: of a run's data, by which its own files are read; None: no run is evaluated.

    Raises:
        DataError: the file, or a row of it, cannot be used.
    """
    if reading.limit is not None and reading.limit < 1:
        raise ConfigError(f"--limit {reading.limit}: give 1 or more")
    records, format = _records(reading, columns)
    prompts = [record.prompt() for record in islice(records, reading.limit)]
    if not prompts:
        raise SourceError(f"{name}: {reading.file} holds no prompts")
    if columns is None or format not in (OWN, BUILTIN):
        prompts = [replace(prompt, task=_task(prompt)) for prompt in prompts]
    return _once(prompts), format


def _records(reading: Reading, columns: Mapping[str, Any] | None) -> tuple[Iterator[Record], str]:
    if reading.file.startswith(PREFIX):
        return open_records(reading.file), BUILTIN
    is_there = Path(reading.file).exists()
    opened = _opened(reading, None if is_there else HUB_SPLIT)
    is_plain = reading.format == AUTO and opened.format.name in _GENERAL
    if columns is not None and is_there and is_plain:
        return open_records(reading.file, **columns), OWN
    return opened.records(), opened.format.name


def _opened(reading: Reading, split: str | None) -> Opened:
    """The file in its format; one of prompts alone, for a judge, is plain."""
    try:
        return open_source(reading.file, format=reading.format, split=split)
    except SourceError as error:
        if reading.format != AUTO or "is of no known format" not in str(error):
            raise
        try:
            return open_source(reading.file, format="plain", split=split)
        except DataError:
            raise error from None


def worded(
    prompts: Sequence[Prompt], system: str | None, template: str | None, own: frozenset[str]
) -> list[Prompt]:
    """The prompts with what is put around them.

    Args:
        prompts: as read.
        system: a system message for all that have none.
        template: around the last message, for the tasks `own`.
        own: tasks.
    """
    found = []
    for prompt in prompts:
        first, last = prompt.messages[0]["role"], prompt.messages[-1]["role"]
        wording = Wording(
            None if first == "system" else system,
            template if prompt.task in own and last == "user" else None,
        )
        messages = wording.around(prompt.messages, f"prompt {prompt.id!r}")
        found.append(replace(prompt, messages=messages))
    return found


def gradable(
    prompts: Sequence[Prompt], source: str, on_bad: str, grading: Rubric, say: Say
) -> list[Prompt]:
    """Those that can be graded; the others stop it, with what would mend them.

    Raises:
        PromptError: some can never be graded.
    """
    try:
        return without_refused(list(prompts), source, on_bad, grading, say)
    except PromptError as error:
        if "trust" in str(error) or "in process" in str(error):
            raise PromptError(f"{error} (--trust in-process allows more kinds of tests)") from error
        raise


def levels_of(prompts: Sequence[Prompt]) -> list[str]:
    """How hard each prompt is called: its level, difficulty or category; empty: nothing is said."""
    return [_said(prompt.metadata, ("level", "difficulty", "category")) for prompt in prompts]


def source_of(prompt: Prompt) -> str:
    """The data set that a prompt is of."""
    return prompt.source or _said(prompt.metadata, ("source",))


def _said(metadata: Mapping[str, object], names: Sequence[str]) -> str:
    for name in names:
        value = metadata.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value:g}"
    return ""


def _task(prompt: Prompt) -> str:
    """The task of a prompt; texts are told apart by whether their reference is constraints."""
    if prompt.task != "text":
        return prompt.task
    if isinstance(prompt.reference, dict | list):
        return CONSTRAINED
    try:
        constraints_of(prompt.reference)
    except ConstraintError:
        return JUDGED
    return CONSTRAINED


def _once(prompts: Sequence[Prompt]) -> list[Prompt]:
    """Prompts under ids of their own: a set may hold the same content twice."""
    seen: Counter[str] = Counter()
    found = []
    for prompt in prompts:
        seen[prompt.id] += 1
        number = seen[prompt.id]
        found.append(prompt if number == 1 else replace(prompt, id=f"{prompt.id}-{number}"))
    return found
