"""How a plain program is built and run, by its language's entry."""

from sandbox.execution import Build, Role, Run
from sandbox.languages import LANGUAGES
from sandbox.types import Limits, Program


def program_build(program: Program) -> Build:
    """What is put at /app for a program."""
    spec = LANGUAGES[program.language]
    return Build({spec.file: program.source}, spec if spec.output is not None else None)


def program_role(program: Program, fds: list[str], arguments: tuple[str, ...] = ()) -> Role:
    """The process in which a program runs as its author meant it."""
    spec = LANGUAGES[program.language]
    build = program_build(program)
    if spec.run is None:
        python = {"kind": "script", "arguments": list(arguments)}
        return Role(fds, build, python=python)
    return Role(fds, build, argv=(*spec.run, *arguments))


def program_run(program: Program, stdin: str, limits: Limits) -> Run:
    """A run of a program with some input."""
    role = program_role(program, ["input:0", "out", "err"])
    return Run([role], limits, LANGUAGES[program.language], [stdin])
