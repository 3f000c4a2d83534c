"""Running a Python program in a process that has been jailed.

Guarantee: nothing here knows an expected value. `script` runs a program as `python3 main.py`
would, with the limits of the judges that its tests come from; `calls` calls one of its functions
and writes down what it returns; `serve` lets a checker in another process call it; `check` is that
checker, in which no code of the program ever runs.
"""

import atexit
import contextlib
import decimal
import fractions
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from json import dumps
from os import write
from types import ModuleType, TracebackType
from typing import Any, Final, NoReturn

from . import checker, given, objects, plain, pytest_run, solution

given.prepare()  # here, so that programs find it loaded; a fork shares its memory

MAIN: Final = "/app/main.py"
RESULTS, CALLS = 3, 4  # descriptors of `calls`
RECURSION: Final = 50_000
FILES: Final = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def prepare(modes: Iterable[dict[str, Any]]) -> None:
    """In the zygote: import what runs of these modes need, once, so that they share it."""
    if any(mode.get("pytest") for mode in modes):
        pytest_run.load()


def run(mode: dict[str, Any]) -> NoReturn:
    """Do what `mode` says with the program at MAIN, and end this process."""
    sys.path = ["/app", *(path for path in sys.path if path.startswith(sys.base_prefix))]
    sys.argv = [MAIN, *mode.get("arguments", [])]
    sys.orig_argv = [sys.executable, *sys.argv]
    _open_streams()
    kinds: dict[str, Callable[[dict[str, Any]], int]] = {
        "script": _script,
        "calls": _calls,
        "serve": _serve,
        "check": _check,
    }
    try:
        code = kinds[mode["kind"]](mode)
    except SystemExit as error:
        code = _exit_code(error)
    _end(code)


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def _end(code: int) -> NoReturn:
    """End as an interpreter does, without its taking itself apart, which would copy all memory."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()  # waits for threads, as at any exit
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        _flush_left_open()
    except BaseException as error:
        _complain(error)
        code = code or 120
    os._exit(code)


def _flush_left_open() -> None:
    """Write out what an interpreter writes as it takes itself apart: files that nobody closed."""
    globals_ = vars(sys.modules["__main__"]).values() if "__main__" in sys.modules else ()
    for stream in (sys.__stdout__, sys.__stderr__, *globals_):
        if isinstance(stream, FILES):
            with contextlib.suppress(OSError, ValueError):  # it is closed, or its descriptor is
                stream.flush()


def _open_streams() -> None:
    sys.stdin = io.TextIOWrapper(
        io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8", "surrogateescape"
    )
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", "surrogateescape"
    )
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)),
        "utf-8",
        "backslashreplace",
        line_buffering=True,
    )
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        stream.mode = "r" if name == "stdin" else "w"  # as Python has it; fast readers look
        stream.buffer.raw.name = f"<{name}>"
        setattr(sys, f"__{name}__", stream)


def _load(name: str, *, is_called: bool = False) -> ModuleType:
    """Run the program as the module `name`.

    One whose function is called, or that has a `class Solution`, finds the names that judges give.
    """
    module = ModuleType(name)
    module.__file__ = MAIN
    module.__builtins__ = __builtins__  # type: ignore[attr-defined]
    sys.modules[name] = module
    with open(MAIN, "rb") as source:
        text = source.read()
    if is_called or b"class Solution" in text:
        given.give(text)
    code = compile(text, MAIN, "exec", dont_inherit=True)
    exec(code, vars(module))  # noqa: S102
    return module


def _be_generous() -> None:
    """Allow what APPS and LiveCodeBench allow a program: deep recursion, integers of any length.

    Their references were accepted with it; time and memory are bounded elsewhere.
    """
    sys.setrecursionlimit(RECURSION)
    sys.set_int_max_str_digits(0)


def _script(_: dict[str, Any]) -> int:
    _be_generous()
    try:
        _load("__main__")
    except SystemExit:
        raise
    except BaseException as error:
        _complain(error)
        return 1
    return 0


def _complain(error: BaseException) -> None:
    """Print a traceback that begins in the program."""
    frame: TracebackType | None = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != MAIN:
        frame = frame.tb_next
    traceback.print_exception(type(error), error, frame or error.__traceback__)


def _calls(mode: dict[str, Any]) -> int:
    """Call the entry point for each call on CALLS; a line on RESULTS for each, as it returns."""
    with open(CALLS, "rb") as stream:
        calls = json.load(stream)
    _be_generous()
    try:
        function = solution.entry_point(_load("solution", is_called=True), mode["entry_point"])
    except BaseException as error:
        _complain(error)
        _write({"failed": objects.describe(error)})
        return 1
    for call in calls:
        args = plain.decode(call["args"])
        kwargs = plain.decode(call["kwargs"])
        try:
            answer = {"value": plain.encode(function()(*args, **kwargs), _stand_in)}
        except plain.NotPlainError as error:
            answer = {"raised": f"its result: {error}"}
        except BaseException as error:
            answer = {"raised": objects.describe(error)}
        _write(answer)
    return 0


def _stand_in(value: object) -> Any:
    """What the caller learns of an object of another type: its truth, and a number's value."""
    if isinstance(value, plain.KINDS) or (isinstance(value, type) and plain.is_builtin(value)):
        return NotImplemented
    described: dict[str, Any] = {"kind": type(value).__name__[:100], "truth": bool(value)}
    if type(value) in (fractions.Fraction, decimal.Decimal):
        number: Any = value
        described["number"] = plain.encode(int(number) if number == int(number) else float(number))
    return described


def _write(answer: dict[str, Any]) -> None:
    line = dumps(answer).encode() + b"\n"
    while line:
        line = line[write(RESULTS, line) :]


def _serve(mode: dict[str, Any]) -> int:
    server = solution.Server(3, 4, mode["needs"])
    try:
        module = _load("solution")
    except BaseException as error:
        _complain(error)
        server.refuse(error)
        return 1
    server.serve(module)
    return 0


def _check(mode: dict[str, Any]) -> int:
    checker.check(mode.get("entry_point"), results=3, requests=4, replies=5, source=6)
    return 0
