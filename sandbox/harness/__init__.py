"""What a test would run, read from its source alone: of Python here, of JavaScript beside it.

Guarantees: nothing is run, and no answer is looked at. So a test that has nothing to run is known
before a run begins (`why_unusable`), and is the same for every program; what a program keeps from
running later is the program's failure. pytest's and unittest's rules of collection are followed;
a module's own statements count as a test where one of them can fail for what the program does.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.errors import TestsError
from sandbox.harness.derived import refuse_derived
from sandbox.harness.javascript import read_javascript
from sandbox.harness.names import Names
from sandbox.harness.patched import patchable
from sandbox.harness.suites import Suites
from sandbox.split import split_check, split_script
from sandbox.types import AnyTests, CheckTests, HarnessTests, Language

FILE: Final = "/dev/shm/test_solution.py"  # what a test's own file is called where it runs
NEEDS: Final = {
    "output": ("capsys", "capfd", "stdout", "stderr", "redirect_std"),
    "input": ("input", "stdin"),
    "files": ("tmp", "temp", "open(", "chdir", "Path(", "mkdir", "write_text", "os."),
    "environment": ("environ", "setenv", "delenv", "getenv", "argv", "chdir"),
    "warnings": ("warns", "recwarn", "catch_warnings", "assertWarns"),
    "logs": ("caplog", "assertLogs", "assertNoLogs"),
    "seed": ("random.seed", "import seed", "seed("),
}
"""What a test may arrange around the program, and the words by which it does."""
CHANGING: Final = """
    add append appendleft clear discard extend insert pop popitem popleft remove reverse rotate
    setdefault sort subtract update
"""
"""Methods by which a test may change a container that the program holds too."""
_CHANGING: Final = frozenset(CHANGING.split())


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a test.

    Attributes:
        functions: Test functions that are to be called, in order.
        has_suites: Whether there are test functions, classes or cases at all.
        needs_pytest: Whether they mean something only to pytest.
        mentions_pytest: Whether pytest is imported.
        excluded: Functions that are called like tests, and are none.
        needs: What the test arranges around the program: keys of NEEDS, and `shared` where it
            changes containers.
        program_modules: Dotted names of the modules that are the program.
        modules: Modules of the standard library that it uses without an import.
        patchable: Dotted names of the standard library that it may put something else for.
    """

    functions: Sequence[str]
    has_suites: bool
    needs_pytest: bool
    mentions_pytest: bool
    excluded: Sequence[str]
    needs: Sequence[str]
    program_modules: Sequence[str]
    modules: Sequence[str]
    patchable: Sequence[str]

    @property
    def wants_pytest(self) -> bool:
        """Whether it is to be there when the test starts."""
        return self.needs_pytest or self.mentions_pytest


def why_unusable(tests: AnyTests, language: Language = "python") -> str | None:
    """Why no program can be judged by these tests, as far as they say it themselves; else None.

    For the start of a run, before there is an answer: a test that does not compile, that has
    nothing to run, or that never uses the program.
    """
    try:
        if isinstance(tests, HarnessTests) and language == "javascript":
            read_javascript(tests.source)
        elif isinstance(tests, CheckTests | HarnessTests) and language == "python":
            _read_python(tests)
    except TestsError as error:
        return str(error)
    return None


def _read_python(tests: CheckTests | HarnessTests) -> None:
    if isinstance(tests, CheckTests):
        plan = split_check(tests.source, tests.entry_point)
    else:
        plan = split_script(tests.source)
    if plan is None:
        read_test(tests)


def read_test(tests: CheckTests | HarnessTests) -> Reading:
    """What a Python test would run.

    Raises:
        TestsError: Nothing, or nothing that uses the program, or what cannot be run here.
    """
    try:
        tree = ast.parse(tests.source)
        compile(tree, "test", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise TestsError(f"the test does not compile: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise TestsError("the test is nested too deeply to be read") from error
    names = Names(tree)
    names.program_modules.require()
    refuse_derived(tree, names.program)
    if isinstance(tests, CheckTests):
        return _read_check(tree, names, tests)
    found = Suites(tree, names)
    if not names.uses_program:
        raise TestsError("the test never uses the program: it imports nothing of it by name")
    if not found.counted and not names.can_fail(tree.body):
        if found.inert:
            raise TestsError("there is nothing to run: all of its tests are skipped")
        raise TestsError(
            "there is nothing to run: no test function, no test class, and no statement that "
            "checks anything"
        )
    if found.unknown:
        name, fixture = found.unknown
        raise TestsError(f"{name} needs the fixture '{fixture}', which is none")
    return _reading(tests.source, names, found)


def _read_check(tree: ast.Module, names: Names, tests: CheckTests) -> Reading:
    checks = [f for f in names.functions.get("check", ()) if f in tree.body]
    if not checks and "check" not in names.bound:
        raise TestsError("the test defines no function check")
    if checks:
        arguments = checks[-1].args
        given = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        names.program.update(given[:1])
        if not names.can_fail(checks[-1].body):
            raise TestsError("there is nothing to run: its function check checks nothing")
    return _reading(tests.source, names, None)


def _needs(source: str, tree: ast.Module) -> list[str]:
    needs = [need for need, words in NEEDS.items() if any(word in source for word in words)]
    return [*needs, "shared"] if any(map(_changes_something, ast.walk(tree))) else needs


def _changes_something(node: ast.AST) -> bool:
    """Whether it sets or deletes an item, or calls what changes a container."""
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr in _CHANGING


def _reading(source: str, names: Names, found: Suites | None) -> Reading:
    return Reading(
        functions=found.functions if found else (),
        has_suites=bool(found and found.counted),
        needs_pytest=bool(found and found.needs_pytest),
        mentions_pytest="pytest" in names.imports,
        excluded=sorted(found.excluded) if found else (),
        needs=_needs(source, names.tree),
        program_modules=names.program_modules.names,
        modules=names.modules,
        patchable=patchable(names.tree, names.aliases),
    )
