"""How a plain program is built and run, by its language's entry."""

from typing import Final

from sandbox.drivers.javascript_modules import as_module, is_module
from sandbox.execution import Build, Role, Run
from sandbox.languages import LANGUAGES
from sandbox.types import Limits, Program

MODULE_FILE: Final = "main.mjs"


def program_build(program: Program) -> Build:
    """What is put at /app for a program."""
    spec = LANGUAGES[program.language]
    if _is_module(program):
        return Build({MODULE_FILE: as_module(program.source)})
    return Build({spec.file: program.source}, spec if spec.output is not None else None)


def program_role(program: Program, fds: list[str], arguments: tuple[str, ...] = ()) -> Role:
    """The process in which a program runs as its author meant it."""
    spec = LANGUAGES[program.language]
    build = program_build(program)
    if spec.run is None:
        python = {"kind": "script", "arguments": list(arguments)}
        return Role(fds, build, python=python)
    run = [
        f"/app/{MODULE_FILE}" if _is_module(program) and part == "/app/main.js" else part
        for part in spec.run
    ]
    return Role(fds, build, argv=(*run, *arguments))


def _is_module(program: Program) -> bool:
    """Whether node has to be told, by the file's name, that a program is written as a module."""
    return program.language == "javascript" and is_module(program.source)


def program_run(program: Program, stdin: str, limits: Limits) -> Run:
    """A run of a program with some input."""
    role = program_role(program, ["input:0", "out", "err"])
    return Run([role], limits, LANGUAGES[program.language], [stdin])
