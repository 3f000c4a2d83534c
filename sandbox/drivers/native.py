"""A test behind a C or C++ program.

Guarantees: the program's own lines keep their numbers in what a compiler says. The test keeps the
meaning that its words have without the program's macros; the nonce that proves its end is in
nothing that is built, and is read before the program's code runs.
"""

import re
from dataclasses import replace
from typing import Final

from sandbox.drivers.files import command, driver
from sandbox.execution import Build
from sandbox.languages import LANGUAGES

_CONTINUED: Final = re.compile(r"\\[ \t\r\f\v]*\n")
_MACRO: Final = re.compile(r"(?:#|%:)[ \t\f\v]*define[ \t\f\v]+([A-Za-z_$][\w$]*)")
_HIDDEN_MACRO: Final = re.compile(r"(?:#|%:)[ \t\f\v]*(?:define[ \t\f\v]*)?/\*")
_NO_MACROS: Final = frozenset(  # words that cannot be undefined
    re.findall(
        r"\w+",
        "defined and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq __VA_ARGS__"
        " __VA_OPT__ __has_include __has_include_next __has_attribute __has_cpp_attribute"
        " __has_builtin",
    )
)
# A function that ends without its return would let the compiler drop the assertions about it.
HARNESS_FLAGS: Final = (
    "-I/app -Wl,--wrap=main -fsanitize=return,unreachable -fsanitize-undefined-trap-on-error"
)
HARNESS_MAIN: Final = """\
#include "/app/assert.h"
{prototypes}
#define main plumb_program_main
#include "program.{suffix}"
{undefined}
#include "harness.h"
#include "test.{suffix}"
"""
HARNESS_CHECK: Final = """\
if nm --defined-only /tmp/main | grep -qE ' ({names})$'; then
    echo 'error: the program replaces a function of the library that its test uses'; exit 1
fi
exec cat"""
# With these a test decides; that C's string functions are its own, a program could claim.
DECIDING: Final = {
    "strcmp": "int strcmp(const char *, const char *);",
    "strncmp": "int strncmp(const char *, const char *, unsigned long);",
    "strcasecmp": "int strcasecmp(const char *, const char *);",
    "memcmp": "int memcmp(const void *, const void *, unsigned long);",
    "strlen": "unsigned long strlen(const char *);",
    "abs": "int abs(int);",
    "fabs": "double fabs(double);",
    "fabsf": "float fabsf(float);",
    "exit": "void exit(int) __attribute__((__noreturn__));",
    "_exit": "void _exit(int) __attribute__((__noreturn__));",
    "_Exit": "void _Exit(int) __attribute__((__noreturn__));",
    "abort": "void abort(void) __attribute__((__noreturn__));",
}


def harness(language: str, source: str, test: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that ends well once the test is over."""
    spec = LANGUAGES[language]
    suffix = "cpp" if language == "cpp" else "c"
    decide = sorted(DECIDING.keys() & set(re.findall(r"\w+", test)))
    main = HARNESS_MAIN.format(
        suffix=suffix,
        prototypes="" if language == "cpp" else " ".join(DECIDING[name] for name in decide),
        undefined=_undefined(source),
    )
    files = {
        spec.file: "#include <bits/stdc++.h>\n" + main if language == "cpp" else main,
        f"program.{suffix}": source,
        f"test.{suffix}": test,
        f"start.{suffix}": driver("harness_start.c"),
        "harness.h": driver("harness.h"),
        "assert.h": driver("assert.h"),
    }
    assert spec.build is not None
    build = spec.build.replace(" -o ", f" {HARNESS_FLAGS} -o ", 1)
    build = build.replace("/app/main.", f"/app/start.{suffix} /app/main.", 1)
    if decide:
        check = HARNESS_CHECK.format(names="|".join(decide))
        build = build.replace(" && exec cat", f" || exit 1\n{check}", 1)
    return Build(files, replace(spec, build=build)), command(language)


def _undefined(source: str) -> str:
    """Directives that end all macros of a C or C++ program."""
    whole = _CONTINUED.sub("", source)
    names = sorted(set(_MACRO.findall(whole)) - _NO_MACROS)
    lines = [f"#undef {name}" for name in names]
    if _HIDDEN_MACRO.search(whole):
        lines.append("#error a comment within a directive of the program")
    return "\n".join(lines)
