"""The files of `plumb verify`: answers in, verdicts out.

Guarantees: rows are read as they are asked for, each error is one line with the place and the
remedy, and the output appears under its name complete or not at all.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, Self, get_args

from data.compressed import opened
from data.errors import RowError, SourceError
from launch.verify.tasks import OWN, READERS, kind_of
from rewards import Sample, Verdict
from rewards.thinking import Opened
from rl.errors import ConfigError, StorageError
from rl.storage import sync_folder

STANDARD: Final = "-"
BATCH_ROWS, BATCH_BYTES = 256, 1 << 20  # what is graded together, whichever comes first


@dataclass(frozen=True, slots=True)
class Answer:
    """A row to grade: its id as it was written, the verifier for it, and what that looks at.

    `code-bare` is `code` for rows that are programs alone, `tool-bare` is `tool` for rows that are
    calls alone.
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


@contextmanager
def _input(source: str) -> Iterator[IO[bytes]]:
    if source == STANDARD:
        # A second reader of standard input, so that one left waiting does not hold up the exit.
        with open(0, "rb", closefd=False) as lines:
            yield lines
    else:
        with opened(Path(source)) as lines:
            yield lines


def read_lines(source: str) -> Iterator[tuple[int, bytes, str]]:
    """The lines of a file, or of standard input: number, text, and place for messages."""
    label = _label(source)
    try:
        with _input(source) as lines:
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
            f"{label}: cannot be read: {error.strerror or error}; check it and its permissions"
        ) from error


def _answer(line: int, row: Mapping[str, Any], where: str, task: str) -> Answer:
    name = row.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int):
        fault = "has no id" if name is None else f"the id is {kind_of(name)}"
        raise RowError(f"{where}: {fault}; give each row an id of text or a whole number")
    parts = READERS[task](row, where)
    thinking = row.get("thinking")
    if thinking not in (None, *get_args(Opened)):
        raise RowError(
            f'{where}: thinking is {thinking!r}; write "open" where the prompt has opened the '
            'thinking, "none" where it has not, or leave it out'
        )
    sample = Sample(
        id=str(name),
        prompt=parts.prompt,
        response=parts.text,
        reference=parts.reference,
        task=str(row.get("task", "")) if task == OWN else task,
        tools=parts.tools,
        metadata=parts.columns,
        thinking=thinking,
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
        raise RowError(f"{where}: holds {kind_of(row)}, not an object; write one object a line")
    return row


def _label(source: str) -> str:
    return "standard input" if source == STANDARD else source
