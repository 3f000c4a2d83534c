"""Programs whose functions are called, and programs with a test behind them, in other languages.

Guarantees: the program's own lines keep their numbers in what a compiler says. A driver speaks over
descriptors above 2 alone; standard output and standard error are the program's. Python needs no
driver: its calls are made by the box's own interpreter. A test behind a program keeps the meaning
that its words have without the program's macros, patches of builtins and classes of known names;
the nonce that proves its end is in nothing that is built, and is read before the program's code
runs.

The drivers stand in `agent/drivers`; here is which of them go to /app with a program, and what is
compiled and started.
"""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from sandbox.errors import TestsError
from sandbox.execution import Build
from sandbox.languages import C_FLAGS, CPP_FLAGS, HEADERS, JAVA, LANGUAGES

FOLDER: Final = Path(__file__).parent / "agent" / "drivers"
JAVA_IMPORTS: Final = "".join(
    f"import java.{package}.*; "
    for package in ("io", "math", "util", "util.function", "util.stream")
)
MOST_NAMES: Final = 2000  # of a test, that a constant array of Java holds
JAVA_LIBRARY: Final = ("Calls.java", "Convert.java", "Descriptor.java", "Json.java")
_JAVA_IMPORT: Final = re.compile(
    r"^[ \t]*(?:import\s+(?:static\s+)?[\w.]+(?:\.\*)?\s*;[ \t]*)+", re.MULTILINE
)
_JAVA_PACKAGE: Final = re.compile(r"^[ \t]*package\s+[\w.]+\s*;", re.MULTILINE)
_JS_EXPORT: Final = re.compile(
    r"""^export\b(?:
        [ \t]*\{[^{}]*\}[ \t]*(?:;|$)
        |[ \t]+(?:default[ \t]+)?(?=(?:async[ \t]+)?function\b[ \t*]+\w|class[ \t]+(?!extends\b)\w)
        |[ \t]+(?P<value>default)\b
        |[ \t]+(?=(?:const|let|var)\b)
    )""",
    re.MULTILINE | re.VERBOSE,
)
# What is not closed goes on to the end: whatever a program holds, it is read in linear time.
_COMMENT_OR_STRING: Final = re.compile(
    r'//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*+"?', re.DOTALL
)
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

C_CALLS_BUILD: Final = f"""
flags="{C_FLAGS} -Dmain=plumb_program_main -aux-info /tmp/aux -c -o /tmp/program.o /app/program.c"
gcc -include /app/prelude.h $flags 2> /tmp/log || gcc $flags 2> /tmp/log.bare || {{
    cat /tmp/log; exit 1
}}
sed -n 's|^/\\* /app/program\\.c:[^*]*\\*/ extern \\([^;]*[ *]\\)ENTRY (\\([^;]*\\));.*|'\
'\\1plumb_entry(\\2) __asm__("ENTRY");|p' /tmp/aux > /tmp/prototype.h
if ! [ -s /tmp/prototype.h ]; then
    echo 'error: the program has no function ENTRY, or it is static'; exit 1
fi
g++ {CPP_FLAGS} -I{HEADERS} -o /tmp/main /app/main.cpp /tmp/program.o -lm || {{
    echo 'error: C functions can be called with numbers, strings and arrays of these;'\
' use stdio tests for others'; exit 1
}}
exec cat /tmp/main >&3
"""
C_CALLS_MAIN: Final = """\
#include <bits/stdc++.h>
#include "calls.hpp"
#define _Bool bool
#define restrict __restrict
extern "C" {
#include "/tmp/prototype.h"
}
int main() { return plumb::serve(&plumb_entry); }
"""
CPP_CALLS_MAIN: Final = """\
#include <bits/stdc++.h>
#include "calls.hpp"
using namespace std;
#define main plumb_program_main
#include "program.cpp"
#undef main
signed main() { return plumb::serve(&ENTRY); }
"""
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


def calls_build(language: str, source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls of descriptor 4.

    Raises:
        TestsError: The language has no such entry point.
    """
    return _CALLS[language](source, entry_point)


def harness_build(language: str, source: str, harness: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that copies descriptor 4 to 3 once the test is over."""
    if language == "javascript":
        files = {"main.js": _driver("harness.js"), "pristine.js": _driver("pristine.js")}
        files |= {"program.js": _without_exports(source), "test.js": harness}
        return Build(files), _command("javascript")
    if language == "java":
        return _java_harness(source, harness)
    return _native_harness(language, source, harness)


def _c_calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    if not re.fullmatch(r"\w+", entry_point):
        raise TestsError(f"C has no function of the name {entry_point!r}")
    files = {"main.cpp": C_CALLS_MAIN, "program.c": source}
    files |= {name: _driver(name) for name in ("calls.hpp", "values.hpp", "prelude.h")}
    spec = replace(LANGUAGES["c"], build=C_CALLS_BUILD.replace("ENTRY", entry_point))
    return Build(files, spec), _command("c")


def _cpp_calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    entry = entry_point.replace(".", "::")
    bare = _COMMENT_OR_STRING.sub(" ", source)
    if "." not in entry_point and re.search(r"\b(class|struct)\s+Solution\b", bare):
        entry = f"Solution::{entry}"
    files = {"main.cpp": CPP_CALLS_MAIN.replace("ENTRY", f"::{entry}"), "program.cpp": source}
    files |= {name: _driver(name) for name in ("calls.hpp", "values.hpp")}
    return Build(files, LANGUAGES["cpp"]), _command("cpp")


def _java_calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    imports = "" if _JAVA_PACKAGE.search(source) else JAVA_IMPORTS
    files = {"Main.java": imports + source}
    files |= {f"library/{name}": _driver(name) for name in JAVA_LIBRARY}
    return Build(files, LANGUAGES["java"]), (*_java("PlumbCalls"), entry_point)


def _javascript_calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    files = {"main.js": _driver("calls.js"), "program.js": _without_exports(source)}
    return Build(files), (*_command("javascript"), entry_point)


def _without_exports(source: str) -> str:
    """A program that is written as a module, as a script; its lines keep their numbers."""
    return _JS_EXPORT.sub(
        lambda found: "module.exports = " if found["value"] else "\n" * found[0].count("\n"), source
    )


_CALLS: Final = {
    "c": _c_calls,
    "cpp": _cpp_calls,
    "java": _java_calls,
    "javascript": _javascript_calls,
}


def _native_harness(language: str, source: str, harness: str) -> tuple[Build, tuple[str, ...]]:
    spec = LANGUAGES[language]
    suffix = "cpp" if language == "cpp" else "c"
    decide = sorted(DECIDING.keys() & set(re.findall(r"\w+", harness)))
    main = HARNESS_MAIN.format(
        suffix=suffix,
        prototypes="" if language == "cpp" else " ".join(DECIDING[name] for name in decide),
        undefined=_undefined(source),
    )
    files = {
        spec.file: "#include <bits/stdc++.h>\n" + main if language == "cpp" else main,
        f"program.{suffix}": source,
        f"test.{suffix}": harness,
        f"start.{suffix}": _driver("harness_start.c"),
        "harness.h": _driver("harness.h"),
        "assert.h": _driver("assert.h"),
    }
    assert spec.build is not None
    build = spec.build.replace(" -o ", f" {HARNESS_FLAGS} -o ", 1)
    build = build.replace("/app/main.", f"/app/start.{suffix} /app/main.", 1)
    if decide:
        check = HARNESS_CHECK.format(names="|".join(decide))
        build = build.replace(" && exec cat", f" || exit 1\n{check}", 1)
    return Build(files, replace(spec, build=build)), _command(language)


def _undefined(source: str) -> str:
    """Directives that end all macros of a C or C++ program."""
    whole = _CONTINUED.sub("", source)
    names = sorted(set(_MACRO.findall(whole)) - _NO_MACROS)
    lines = [f"#undef {name}" for name in names]
    if _HIDDEN_MACRO.search(whole):
        lines.append("#error a comment within a directive of the program")
    return "\n".join(lines)


def _java_harness(source: str, harness: str) -> tuple[Build, tuple[str, ...]]:
    main = _java_main(harness)
    if main and re.search(rf"\bclass\s+{main}\b", source):
        renamed = f"{main}OfTheTest"
        harness = re.sub(rf"\b{main}\b", renamed, harness)
        main = renamed
    program = _JAVA_PACKAGE.sub("", source)
    both = f"{program}\n{harness}"
    imports = [found[0].strip() for found in _JAVA_IMPORT.finditer(both)]
    first = " ".join(" ".join(one.split()) for one in imports)
    # What is taken out keeps its line breaks, so that the lines after it keep their numbers.
    rest = _JAVA_IMPORT.sub(lambda found: "\n" * found[0].count("\n"), both)
    declared = set(re.findall(r"\b(?:class|interface|enum|record)\s+(\w+)", harness))
    used = sorted(set(re.findall(r"\b[A-Z]\w*", harness)) - declared)[:MOST_NAMES]
    packages = {"java.lang", *re.findall(r"import ([\w.]+)\.(?:\*|[A-Z]\w*) ?;", first)}
    wrapper = _driver("Harness.java").replace("PLUMB_MAIN", main)
    wrapper = wrapper.replace("PLUMB_PACKAGES", _java_strings(sorted(packages)))
    wrapper = wrapper.replace("PLUMB_NAMES", _java_strings(used))
    files = {"Main.java": f"{first} {rest}", "Harness.java": wrapper}
    files["Descriptor.java"] = _driver("Descriptor.java")
    return Build(files, LANGUAGES["java"]), _java("PlumbHarness", "-ea")


def _java_strings(words: list[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _java_main(harness: str) -> str:
    """The class of a test that has the main method; empty: the program's class goes on in it."""
    start = re.search(r"\bvoid\s+main\s*\(", harness)
    classes = re.findall(r"\bclass\s+(\w+)", harness[: start.start()] if start else "")
    return classes[-1] if classes else ""


def _java(main: str, *switches: str) -> tuple[str, ...]:
    return (*JAVA, *switches, "-Xmx{heap}m", "-cp", "/app/main.jar", main)


def _command(language: str) -> tuple[str, ...]:
    run = LANGUAGES[language].run
    assert run is not None
    return run


@cache
def _driver(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
