"""The files of `plumb verify`: answers in, verdicts out.

Guarantees: rows are read as they are asked for, each error is one line with the place and the
remedy, and the output appears under its name complete or not at all.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO, Final, Self

from data.errors import RowError, SourceError
from rewards import Sample, Verdict
from rl.errors import ConfigError, StorageError
from rl.storage import sync_folder

STANDARD: Final = "-"
BATCH_ROWS, BATCH_BYTES = 256, 1 << 20  # what is graded together, whichever comes first


@dataclass(frozen=True, slots=True)
class Answer:
    """A row to grade: its id as it was written, the verifier for it, and what that looks at.

    `code-bare` is `code` for rows that are programs alone.
    """

    line: int
    id: str | int
    verifier: str
    sample: Sample


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows, and the bytes of input they took."""

    answers: list[Answer]
    size: int


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a task makes of a row: the verifier, the text that it grades, what it compares with."""

    verifier: str
    text: str
    reference: Any
    columns: Mapping[str, Any] = field(default_factory=dict)


def _math(row: Mapping[str, Any], where: str) -> _Parts:
    given = _one_of(row, where, "prediction", "a bare one")
    if row.get("reference") is None:
        raise RowError(f"{where}: has no reference; add the answer to compare with")
    text = row[given]
    bare = given == "prediction"
    if not isinstance(text, str) and not (bare and type(text) in (int, float)):
        raise RowError(f"{where}: the {given} is {_kind(text)}; write it as text")
    return _Parts("math-bare" if bare else "math", str(text), row["reference"])


def _code(row: Mapping[str, Any], where: str) -> _Parts:
    from rewards.code import LANGUAGES
    from sandbox.errors import RequestError
    from sandbox.judge import parse_tests

    given = _one_of(row, where, "program", "its program alone")
    text = row[given]
    if not isinstance(text, str):
        raise RowError(f"{where}: the {given} is {_kind(text)}; write it as text")
    columns = {name: row[name] for name in ("language", "limits") if row.get(name) is not None}
    if columns.get("language", LANGUAGES[0]) not in LANGUAGES:
        raise RowError(
            f"{where}: there is no language {columns['language']!r}; use {', '.join(LANGUAGES)}"
        )
    tests = row.get("tests")
    if not isinstance(tests, dict):
        fault = "has no tests" if tests is None else f"the tests are {_kind(tests)}"
        raise RowError(f'{where}: {fault}; add an object such as {{"kind": "stdio", "cases": ...}}')
    try:
        parse_tests(tests)
    except RequestError as error:
        raise RowError(f"{where}: {error}; mend the row") from error
    _check_limits(columns.get("limits", {}), where)
    return _Parts("code" if given == "response" else "code-bare", text, tests, columns)


def _check_limits(limits: object, where: str) -> None:
    from pydantic import ValidationError

    from sandbox.types import Limits

    if not isinstance(limits, dict):
        raise RowError(f"{where}: the limits are {_kind(limits)}; write an object")
    try:
        Limits.model_validate(limits)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, ("limits", *fault["loc"])))
        raise RowError(f"{where}: {place}: {fault['msg']}; mend the row") from error


def _one_of(row: Mapping[str, Any], where: str, bare: str, meaning: str) -> str:
    """Which of `response` and `bare` a row gives: it must be one of them."""
    given = [name for name in ("response", bare) if row.get(name) is not None]
    if len(given) != 1:
        raise RowError(
            f"{where}: has {'both response and' if given else 'neither response nor'} {bare}; "
            f"give a whole answer as response, or {meaning} as {bare}"
        )
    return given[0]


TASKS: Final[Mapping[str, Callable[[Mapping[str, Any], str], _Parts]]] = MappingProxyType(
    {"math": _math, "code": _code}
)


def check_apart(source: str, target: str) -> None:
    """Refuse to write over the input.

    Raises:
        ConfigError: Both names lead to one file.
    """
    with suppress(OSError):
        if STANDARD not in (source, target) and Path(source).samefile(target):
            raise ConfigError(f"{target}: is the input too; give the output another name")


def read_batches(source: str, task: str) -> Iterator[Batch]:
    """Read a file, or standard input for `-`, in batches.

    Raises:
        SourceError: The source cannot be read or holds no rows.
        RowError: A row is not one of `task`.
    """
    answers: list[Answer] = []
    size, empty = 0, True
    for line, text, where in read_lines(source):
        size += len(text)
        if text.strip():
            answers.append(_answer(line, _object(text, where), where, task))
            empty = False
        if len(answers) == BATCH_ROWS or size >= BATCH_BYTES:
            yield Batch(answers, size)
            answers, size = [], 0
    if answers:
        yield Batch(answers, size)
    if empty:
        raise SourceError(f"{_label(source)}: holds no rows; give one JSON object a line")


def as_line(answer: Answer, verdict: Verdict) -> bytes:
    """The row of the output for `answer`."""
    row = {
        "id": answer.id,
        "outcome": str(verdict.outcome),
        "reward": verdict.reward if verdict.is_gradable else None,
        "reason": verdict.reason,
        "seconds": round(verdict.metrics["seconds"], 6),
    }
    return json.dumps(row).encode() + b"\n"


class Output:
    """Where rows go: standard output for `-`, else a file that appears when the block ends well.

    Raises:
        StorageError: The place cannot be written.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._temporary: Path | None = None
        self._final = Path(target).resolve()  # what a link leads to is replaced, not the link
        self._file: BinaryIO

    def __enter__(self) -> Self:
        with self._explained():
            if self._target == STANDARD:
                self._file = sys.stdout.buffer
            elif (named := Path(self._target)).exists() and not named.is_file():
                self._file = named.open("wb")  # a device or a pipe, which cannot be replaced
            else:
                self._temporary = self._final.with_name(f".plumb-{os.getpid()}.partial")
                self._file = self._temporary.open("wb")
        return self

    def write(self, lines: bytes) -> None:
        """Write whole lines."""
        with self._explained():
            self._file.write(lines)

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            with self._explained():
                self._close(publish=kind is None)
        finally:
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def _close(self, *, publish: bool) -> None:
        if not publish:
            with suppress(OSError):
                self._file.flush() if self._target == STANDARD else self._file.close()
            return
        self._file.flush()
        if self._temporary is not None:
            os.fsync(self._file.fileno())
            self._temporary.replace(self._final)
            sync_folder(self._final.parent)
        if self._target != STANDARD:
            self._file.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())  # Python flushes again
            raise StorageError(f"{self._target}: the reader of the output has gone") from error
        except OSError as error:
            raise StorageError(
                f"{self._target}: cannot be written: {error.strerror or error}; "
                "free space there, or choose another place"
            ) from error


def read_lines(source: str) -> Iterator[tuple[int, bytes, str]]:
    """The lines of a file, or of standard input: number, text, and place for messages."""
    label = _label(source)
    try:
        # A second reader of standard input, so that one left waiting does not hold up the exit.
        with open(0 if source == STANDARD else source, "rb", closefd=source != STANDARD) as lines:
            for number, text in enumerate(lines, start=1):
                yield number, text, f"{label} line {number}"
    except FileNotFoundError as error:
        raise SourceError(f"{label}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise SourceError(
            f"{label}: is a folder; give a file with one JSON object a line"
        ) from error
    except OSError as error:
        raise SourceError(
            f"{label}: cannot be read: {error.strerror or error}; check its permissions"
        ) from error


def _answer(line: int, row: Mapping[str, Any], where: str, task: str) -> Answer:
    name = row.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int):
        fault = "has no id" if name is None else f"the id is {_kind(name)}"
        raise RowError(f"{where}: {fault}; give each row an id of text or a whole number")
    parts = TASKS[task](row, where)
    sample = Sample(
        id=str(name),
        prompt=(),
        response=parts.text,
        reference=parts.reference,
        task=task,
        metadata=parts.columns,
    )
    return Answer(line, name, parts.verifier, sample)


def _object(text: bytes, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RowError(
            f"{where}: not UTF-8 text at byte {error.start + 1}; save the file as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        raise RowError(
            f"{where}: not valid JSON: {error.msg} at column {error.colno}; mend the line"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RowError(f"{where}: not usable JSON: {error}; mend or remove it") from error
    if not isinstance(row, dict):
        raise RowError(f"{where}: holds {_kind(row)}, not an object; write one object a line")
    return row


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def _label(source: str) -> str:
    return "standard input" if source == STANDARD else source
