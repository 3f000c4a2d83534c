"""How a failed command ends: one line and an exit code; a traceback only for a defect of ours."""

import atexit
import errno
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_REMEDY: Final = "make room, or name another folder"


class OneLineUsage(TyperGroup):
    """The whole command: words that cannot be read end it in one line, as other mistakes do."""

    def main(self, *given: Any, **more: Any) -> Any:
        """Run it, and end the process unless the caller asks for what came of it."""
        if not more.get("standalone_mode", True):
            return super().main(*given, **more)
        try:
            code = super().main(*given, **{**more, "standalone_mode": False})
            sys.exit(code or 0)
        except TyperException as error:
            message = _usage(error)
            if message:
                _say(message)
            sys.exit(error.exit_code)
        except Abort:
            sys.exit(1)
        except OSError as error:
            said = _of_the_system(error)
            if said is None:
                raise
            _say(said)
            sys.exit(1)
        finally:
            _flush()


def _flush() -> None:
    """Write what is still held of the output, so that Python has nothing to complain of at the end.

    Raises:
        SystemExit: its reader has gone, which needs no word, or the disk is full.
    """
    if sys.stdout is None:  # it was closed before the command began
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            _say(_of_the_system(error) or f"cannot write the output: {error}")
        sys.exit(1)


def _usage(error: TyperException) -> str:
    """What is wrong and where more is said; nothing where the help itself was the answer."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    message = message[:1].lower() + message[1:] + _got(error)
    return message if context is None else f"{message}; see {context.command_path.strip()} --help"


def _got(error: TyperException) -> str:
    """The value that a number's check refuses, which its message leaves out."""
    from pydantic import ValidationError

    if not isinstance(error.__cause__, ValidationError):
        return ""
    fault = error.__cause__.errors()[0]
    return "" if fault["type"] == "value_error" else f" (got {fault['input']!r:.80})"


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line and an exit code when the block fails by a user's mistake.

    What else fails because of that, as the loop's tasks and what they had are ended, is not told.
    """
    log, late = logging.getLogger("asyncio"), _Late()
    log.addFilter(late)
    try:
        yield
    except BaseException as error:
        message, code = _explain(error)
        if message is None:
            late.tell(log)
            raise
        _say(message)
        atexit.register(_end_silently)
        sys.exit(code)
    else:
        late.tell(log)
    finally:
        log.removeFilter(late)


class _Late(logging.Filter):
    """Holds what asyncio has to say once its loop has ended."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[logging.LogRecord] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is told now."""
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._held.append(record)
            return False
        return True

    def tell(self, log: logging.Logger) -> None:
        """Tell what was held."""
        log.removeFilter(self)
        for record in self._held:
            log.handle(record)


def _end_silently() -> None:
    sys.unraisablehook = lambda _: None
    threading.excepthook = lambda _: None


def _say(message: str) -> None:
    """Print it; a line stands for a fault, and what a file or a word holds cannot act on it."""
    print(f"plumb: {plain(message)}", file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """The text with its control characters written out: what others say does not act on it."""
    return _CONTROL.sub(_escaped, text)


def _escaped(found: "re.Match[str]") -> str:
    return found.group().encode("unicode_escape").decode()


def _explain(error: BaseException) -> tuple[str | None, int]:
    """One line and an exit code; no line for a defect of ours, which keeps its traceback."""
    import asyncio

    from data.errors import DataError
    from rewards.errors import RewardError
    from rl.errors import PlumbError
    from sandbox.errors import SandboxError

    notes = getattr(error, "__notes__", [])
    if isinstance(error, KeyboardInterrupt):
        # asyncio raises it anew where the cancellation, which has the notes, has come through.
        notes = [*getattr(error.__context__, "__notes__", []), *notes]
        return "; ".join(["interrupted", *notes]), 130
    if isinstance(error, asyncio.CancelledError):
        return "; ".join(["terminated", *notes]), 143
    if isinstance(error, PlumbError):
        return "; ".join([str(error), *notes]), error.exit_code
    if isinstance(error, DataError | RewardError | SandboxError):
        return "; ".join([str(error), *notes]), 1
    message = _of_the_system(error)
    return (None if message is None else "; ".join([message, *notes])), 1


def _of_the_system(error: BaseException) -> str | None:
    """A file that the system refuses, which is the user's to mend; a closed pipe is none."""
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop from"):
        return f"{str(error).partition(' from ')[2]}: is a link in a circle"  # of Path.resolve
    if not isinstance(error, OSError):
        return None
    if error.errno in _ROOM:
        where = "the output" if error.filename is None else error.filename
        return f"cannot write {where}: {error.strerror}: {_REMEDY}"
    if error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return None
