"""What a JavaScript test would run, as far as its source says so by itself.

Guarantees: nothing is run, and no answer is looked at; text is read in linear time. What is found
is certain: a test that holds no claim, whose every case is skipped, or that needs a library that
is not there. What cannot be told from the text is left to the run.
"""

import re
from typing import Final

from sandbox.errors import TestsError

_SKIPPED: Final = re.compile(
    r"""
    //[^\n]*|/\*.*?(?:\*/|\Z)                                # comments
    |'(?:[^'\\\n]|\\.)*+'?|"(?:[^"\\\n]|\\.)*+"?|`(?:[^`\\]|\\.)*+`?  # texts
    |(?<=[(,=:\[!&|?{};\n])[ \t]*/(?:[^/\\\n]|\\.)++/  # patterns
    """,
    re.DOTALL | re.VERBOSE,
)
_CLAIM: Final = re.compile(
    r"\b(?:assert\w*|expect\w*|should|throw|reject\w*|fail\w*|done|exit|exitCode|abort)\b",
    re.IGNORECASE,
)
_MODULE: Final = re.compile(
    r"""(?:\brequire\s*\(|\bimport\s*\(|\bfrom|^\s*import)\s*(['"])(?P<name>[^'"\n]+)\1""",
    re.MULTILINE,
)
_CASE: Final = re.compile(
    r"""(?<![.\w$])(?P<name>[fx]?(?:it|test)|specify)(?P<modes>(?:\.\w+)*)\s*
        (?:\(\s*(?P<quote>['"`])|`)""",
    re.VERBOSE,
)
_GROUP: Final = re.compile(r"""(?<![.\w$])[fx]?(?:describe|suite|context)(?:\.\w+)*\s*\(\s*['"`]""")
_MODULE_MOCK: Final = re.compile(
    r"\b(?:jest|vi)\.\w*(?:[mM]ock(?:Module)?|Actual|Modules)\s*\(\s*['\"`]"
)
_SNAPSHOT: Final = re.compile(r"\.to\w*Snapshot\s*\(")
CLAIMING: Final = frozenset({"assert", "assert/strict", "chai", "expect"})
LIBRARIES: Final = CLAIMING | {"@jest/globals", "vitest", "mocha", "jest", "bun:test", "test"}
NODE: Final = frozenset(
    re.findall(
        r"\w+",
        "assert async_hooks buffer child_process cluster console constants crypto dgram"
        " diagnostics_channel dns domain events fs http http2 https inspector module net os path"
        " perf_hooks process punycode querystring readline repl stream string_decoder sys test"
        " timers tls trace_events tty url util v8 vm wasi worker_threads zlib",
    )
)
PROGRAM: Final = re.compile(
    r"(?:\.{0,2}/|[A-Za-z]:\\)|(?:solution|program|main|index|app|code|answer|submission|src|lib)"
    r"(?:[./]|$)",
    re.IGNORECASE,
)


def read_javascript(source: str) -> None:
    """Look through a test.

    Raises:
        TestsError: No program can be judged by it.
    """
    code = _SKIPPED.sub(" ", source)
    modules = [found["name"].removeprefix("node:") for found in _MODULE.finditer(source)]
    if not _CLAIM.search(code) and not CLAIMING & set(modules):
        raise TestsError("the test makes no claim that could fail")
    if _SNAPSHOT.search(code):
        raise TestsError("the test compares with a snapshot, which is not here")
    if _MODULE_MOCK.search(source):
        raise TestsError("the test replaces a module, and the program is one file")
    for name in modules:
        is_known = name in LIBRARIES or name.partition("/")[0] in NODE or PROGRAM.match(name)
        if not is_known and "try" not in code:
            raise TestsError(f"the test needs a module that is not here: {name}")
    cases = list(_CASE.finditer(source))
    if _GROUP.search(source) and not cases:
        raise TestsError("the test has groups of cases and no case")
    if cases and all(_is_skipped(case) for case in cases) and not _claims_outside(code):
        raise TestsError("every case of the test is skipped")


def _is_skipped(case: re.Match[str]) -> bool:
    modes = case["modes"].split(".")
    return case["name"].startswith("x") or "skip" in modes or "todo" in modes


def _claims_outside(code: str) -> bool:
    """Whether a claim stands at the start of a line, as one of a script does."""
    return bool(re.search(r"^(?:assert|expect|console\.assert|if)\b", code, re.MULTILINE))
