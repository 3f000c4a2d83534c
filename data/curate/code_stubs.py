"""Programs that solve nothing: where one of them passes, the tests ask for nothing.

An empty program does nothing, or has the reference's functions without what is in them. A constant
program answers the same to everything, an echo gives back what it is given. Constants are such as
a policy would guess, and are tried only where there is an input that the answer could depend on.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from data.curate.code_functions import emptied
from data.curate.code_mutants_python import parsed, written
from sandbox import Program
from sandbox.types import AnyTests, CallTests, CheckTests, HarnessTests, Language, StdioTests

EMPTY: Final = "an empty program passes"
CONSTANT: Final = "a constant program passes"
ECHO: Final = "an echo of the input passes"
_VALUES: Final[tuple[Any, ...]] = (
    True,
    False,
    0,
    1,
    -1,
    "",
    [],
)  # None is what an empty function gives
_LINES: Final = ("0", "1", "-1", "YES", "NO", "Yes", "No", "yes", "no", "True", "False")
_ECHO_OUTPUT: Final = "import sys\nprint(sys.stdin.read())"
_ECHO_VALUE: Final = "args[0] if args else None"


@dataclass(frozen=True, slots=True)
class Stub:
    """A program that solves nothing.

    Attributes:
        program: What is run.
        reason: What it means where it passes.
        words: What it does.
    """

    program: Program
    reason: str
    words: str


def stubs(tests: AnyTests, language: Language, reference: Program | None) -> Iterator[Stub]:
    """Programs that ought to fail `tests`.

    Args:
        tests: What they are to be tried on.
        language: What a test script is in.
        reference: A solution, whose functions the tests know; None: there is none.
    """
    if isinstance(tests, HarnessTests):
        yield from _for_script(language, reference)
        return
    if isinstance(tests, StdioTests):
        yield Stub(Program(source=""), EMPTY, "it does nothing")
        yield from _for_output(tests)
        return
    yield Stub(_function(tests.entry_point, "None"), EMPTY, "its function does nothing")
    if isinstance(tests, CheckTests) or any(call.args or call.kwargs for call in tests.cases):
        yield from _for_value(tests)


def _for_output(tests: StdioTests) -> Iterator[Stub]:
    if not any(case.stdin.strip() for case in tests.cases):
        return
    expected = {tuple(case.stdout.split()) for case in tests.cases}
    for line in _LINES:
        if tests.checker is not None or expected == {(line,)}:
            yield Stub(Program(source=f"print({line!r})"), CONSTANT, f"it always prints {line}")
    yield Stub(Program(source=_ECHO_OUTPUT), ECHO, "it prints what it reads")


def _for_value(tests: CallTests | CheckTests) -> Iterator[Stub]:
    for value in _VALUES:
        if isinstance(tests, CheckTests) or _always(tests, value):
            program = _function(tests.entry_point, repr(value))
            yield Stub(program, CONSTANT, f"it always returns {value!r}")
    yield Stub(_function(tests.entry_point, _ECHO_VALUE), ECHO, "it returns its first argument")


def _always(tests: CallTests, value: object) -> bool:
    """Whether every call must return `value`."""
    return all(json.dumps(call.returns) == json.dumps(value) for call in tests.cases)


def _function(entry_point: str, answer: str) -> Program:
    """A function, or a method, that gives one answer."""
    owner, _, name = entry_point.rpartition(".")
    if not owner:
        return Program(source=f"def {name}(*args, **kwargs):\n    return {answer}\n")
    method = f"    def {name}(self, *args, **kwargs):\n        return {answer}\n"
    return Program(source=f"class {owner}:\n{method}")


def _for_script(language: Language, reference: Program | None) -> Iterator[Stub]:
    if reference is None or reference.language != language:
        return
    if language != "python":
        source = emptied(reference.source, language)
        if source is not None:
            program = Program(source=source, language=language)
            yield Stub(program, EMPTY, "its functions do nothing")
        return
    for value in (None, *_VALUES):
        source = _answering(reference.source, value)
        if source is not None:
            what = "do nothing" if value is None else f"always return {value!r}"
            reason = EMPTY if value is None else CONSTANT
            yield Stub(Program(source=source), reason, f"its functions {what}")


def _answering(source: str, value: object) -> str | None:
    """The program with functions that all return `value`; None: it has none, or takes nothing."""
    tree = parsed(source)
    if tree is None:
        return None
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not (node.name.startswith("__") and node.name.endswith("__"))
    ]
    takes = any(function.args.args or function.args.vararg for function in functions)
    if not functions or not (takes or value is None):
        return None
    for function in functions:
        function.body = [ast.parse(f"return {value!r}").body[0]]
    return written(tree)
