"""What a test arranges around the program, and what it reads there: streams, environment, files.

A test and its program are two processes. What the test sets (variables, arguments, the current
folder, files under /tmp, standard input) is set for the program before each call; what the program
writes (standard output and error, files under /tmp) is there for the test after it. Each is done
only where the test has a word of it (`needs`). Files cross as data: regular files and folders
under /tmp alone, no link is followed, and their size is bounded.
"""

import base64
import builtins
import contextlib
import io
import logging
import os
import stat
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

ROOT: Final = "/tmp"
FILES_BYTES: Final = 16 << 20  # of all that crosses at a time
MOST_FILES: Final = 4096
MOST_WARNINGS: Final = 1000
KEPT_TEXT: Final = 1 << 20  # characters of a stream until the next reply

Mark = tuple[int, int, int]


class TooMuchError(Exception):
    """More files than may cross."""


class Files:
    """The files under ROOT, as the other side last knew them."""

    def __init__(self) -> None:
        self._known: dict[str, Mark] = {}

    def changes(self) -> dict[str, Any]:
        """What has changed here since the last exchange: contents by path; None: it is gone."""
        found = dict(_walk(ROOT))
        changed: dict[str, Any] = {path: None for path in self._known if path not in found}
        room = FILES_BYTES
        for path, mark in found.items():
            if self._known.get(path) == mark:
                continue
            if stat.S_ISDIR(mark[0]):
                changed[path] = {"mode": stat.S_IMODE(mark[0])}
                continue
            room -= mark[2]
            if room < 0:
                raise TooMuchError(f"files under {ROOT} of more than {FILES_BYTES >> 20} MiB")
            with contextlib.suppress(OSError):
                changed[path] = {"mode": stat.S_IMODE(mark[0]), "data": _read(path)}
        self._known = found
        return changed

    def apply(self, changed: Mapping[str, Any]) -> None:
        """Make the other side's changes here; what leads out of ROOT is left out."""
        for path in sorted(changed, reverse=True):
            if changed[path] is None and _is_inside(path):
                with contextlib.suppress(OSError):
                    (os.rmdir if os.path.isdir(path) else os.unlink)(path)
        for path in sorted(changed):
            if changed[path] is not None and _is_inside(path):
                with contextlib.suppress(OSError):
                    _write(path, changed[path])
        self._known = dict(_walk(ROOT))


def _walk(folder: str) -> Iterator[tuple[str, Mark]]:
    """Folders before what is in them."""
    count = 0
    pending = [folder]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(mode.st_mode):
                    yield entry.path, (mode.st_mode, 0, 0)
                    pending.append(entry.path)
                elif stat.S_ISREG(mode.st_mode):
                    yield entry.path, (mode.st_mode, mode.st_mtime_ns, mode.st_size)
                count += 1
                if count > MOST_FILES:
                    raise TooMuchError(f"more than {MOST_FILES} files under {ROOT}")


def _is_inside(path: str) -> bool:
    """Whether a path lies under ROOT without a link on the way to it."""
    return (
        path.startswith(f"{ROOT}/")
        and os.path.normpath(path) == path
        and os.path.realpath(os.path.dirname(path)) == os.path.dirname(path)
        and not os.path.islink(path)
    )


def _read(path: str) -> str:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return base64.b64encode(file.read(FILES_BYTES)).decode()


def _write(path: str, told: Mapping[str, Any]) -> None:
    if "data" not in told:
        os.makedirs(path, exist_ok=True)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
    with open(os.open(path, flags, int(told["mode"]) & 0o777), "wb") as file:
        file.write(base64.b64decode(told["data"]))


class _Stream(io.TextIOBase):
    """A standard stream of the program whose text the test gets."""

    encoding = "utf-8"

    def __init__(self, told: list[list[str]], name: str) -> None:
        self._told = told
        self._name = name
        self._room = KEPT_TEXT
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        self._room = KEPT_TEXT if not self._told else self._room - len(text)
        if self._room > 0:
            self._told.append([self._name, str.__str__(text)])
        return len(text)

    def writable(self) -> bool:
        return True


class _Bytes(io.RawIOBase):
    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        self._stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def writable(self) -> bool:
        return True


class _Input(io.TextIOBase):
    """The program's standard input where the test gives it."""

    def __init__(self, want: Callable[[dict[str, Any]], Any]) -> None:
        self._want = want
        self.buffer = _InputBytes(self)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> str:
        return str(self._want({"do": "stdin", "name": "read", "args": [size]}))

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        return str(self._want({"do": "stdin", "name": "readline", "args": [size]}))

    def __next__(self) -> str:  # type: ignore[override]
        if line := self.readline():
            return line
        raise StopIteration


class _InputBytes(io.RawIOBase):
    def __init__(self, text: _Input) -> None:
        self._text = text

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._text.read(size).encode()

    def readline(self, size: int | None = -1) -> bytes:
        return self._text.readline(-1 if size is None else size).encode()


class _Logs(logging.Handler):
    def __init__(self, told: list[list[Any]]) -> None:
        super().__init__()
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append([record.name, record.levelno, record.getMessage()])


class Inside:
    """The program's end."""

    def __init__(self, needs: Sequence[str], want: Callable[[dict[str, Any]], Any]) -> None:
        self._told: list[list[str]] = []
        self._files = Files() if "files" in needs else None
        self._warned: list[list[str]] = []
        if "warnings" in needs:
            warnings.simplefilter("always")
            warnings.showwarning = self._warn
        self._logged: list[list[Any]] = []
        if "logs" in needs:
            logging.root.addHandler(_Logs(self._logged))
            logging.root.setLevel(1)
        if "output" in needs:
            sys.stdout, sys.stderr = (_Stream(self._told, name) for name in ("stdout", "stderr"))
        if "input" in needs:
            sys.stdin = _Input(want)
            builtins.input = lambda prompt="": str(
                want({"do": "input", "name": "", "args": [str(prompt)]})
            )

    def _warn(self, message: Any, category: type, *_: object, **__: object) -> None:
        names = [base.__name__ for base in category.__mro__ if base.__module__ == "builtins"]
        self._warned.append([names[0], str(message)])

    def enter(self, request: dict[str, Any]) -> None:
        """Take on what the test has arranged."""
        if self._files is not None:
            self._files.apply(request.get("files", {}))
        if "environment" in request:
            os.environ.clear()
            os.environ.update(request["environment"])
        if "arguments" in request:
            sys.argv[:] = request["arguments"]
        if "folder" in request:
            with contextlib.suppress(OSError):
                os.chdir(request["folder"])

    def leave(self) -> dict[str, Any]:
        """What the test is to see."""
        left: dict[str, Any] = {}
        if self._told:
            left["written"] = self._told[:]
            self._told.clear()
        if self._logged:
            left["logged"] = self._logged[:MOST_WARNINGS]
            self._logged.clear()
        if self._warned:
            left["warned"] = self._warned[:MOST_WARNINGS]
            self._warned.clear()
        if self._files is not None and (changed := self._files.changes()):
            left["files"] = changed
        return left


class Outside:
    """The test's end."""

    def __init__(self, needs: Sequence[str]) -> None:
        self.has_taken = False  # files of the program's
        self._files = Files() if "files" in needs else None
        self._watches = "environment" in needs
        self._last: dict[str, Any] = {"folder": ROOT}

    def leave(self) -> dict[str, Any]:
        """What the program is to have for a request."""
        left: dict[str, Any] = {}
        if self._files is not None and (changed := self._files.changes()):
            left["files"] = changed
        if self._watches:
            now = {"environment": dict(os.environ), "arguments": [str(one) for one in sys.argv]}
            with contextlib.suppress(OSError):
                now["folder"] = os.getcwd()
            left |= {name: value for name, value in now.items() if self._last.get(name) != value}
            self._last |= now
        return left

    def enter(self, reply: Mapping[str, Any]) -> None:
        """Show what the program wrote."""
        for name, text in reply.get("written", ()):
            stream = sys.stderr if name == "stderr" else sys.stdout
            stream.write(str(text))
        for name, level, text in reply.get("logged", ()):
            logging.getLogger(str(name)).log(int(level), "%s", text)
        for name, text in reply.get("warned", ()):
            kind = getattr(builtins, str(name), None)
            is_kind = isinstance(kind, type) and issubclass(kind, Warning)
            warnings.warn(str(text), kind if is_kind else UserWarning, stacklevel=2)
        if self._files is not None and "files" in reply:
            self.has_taken = True
            self._files.apply(reply["files"])
