"""Programs whose functions are called, and programs with a test behind them, in other languages.

Guarantees: the program's own lines keep their numbers in what a compiler says. A driver speaks over
descriptors above 2 alone; standard output and standard error are the program's. Python needs no
driver: its calls are made by the box's own interpreter.

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
JAVA_LIBRARY: Final = ("Calls.java", "Convert.java", "Descriptor.java", "Json.java")
_JAVA_IMPORT: Final = re.compile(
    r"^[ \t]*(?:import\s+(?:static\s+)?[\w.]+(?:\.\*)?\s*;[ \t]*)+", re.MULTILINE
)
_JAVA_PACKAGE: Final = re.compile(r"^[ \t]*package\s+[\w.]+\s*;", re.MULTILINE)
_COMMENT_OR_STRING: Final = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)

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
    "-Wl,--wrap=main -fsanitize=return,unreachable -fsanitize-undefined-trap-on-error"
)
HARNESS_MAIN: Final = """\
#define main plumb_program_main
#include "program.{suffix}"
#include "harness.h"
#include "test.{suffix}"
#include "harness_end.h"
"""


def calls_build(language: str, source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls of descriptor 4.

    Raises:
        TestsError: The language has no such entry point.
    """
    return _CALLS[language](source, entry_point)


def harness_build(
    language: str, source: str, harness: str, nonce: str
) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that writes `nonce` to descriptor 3 once the test is over."""
    if language == "javascript":
        files = {
            "main.js": _driver("harness.js").replace("PLUMB_NONCE", nonce),
            "program.js": source,
            "test.js": harness,
        }
        return Build(files), _command("javascript")
    if language == "java":
        return _java_harness(source, harness, nonce)
    return _native_harness(language, source, harness, nonce)


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
    files = {"main.js": _driver("calls.js"), "program.js": source}
    return Build(files), (*_command("javascript"), entry_point)


_CALLS: Final = {
    "c": _c_calls,
    "cpp": _cpp_calls,
    "java": _java_calls,
    "javascript": _javascript_calls,
}


def _native_harness(
    language: str, source: str, harness: str, nonce: str
) -> tuple[Build, tuple[str, ...]]:
    spec = LANGUAGES[language]
    suffix = "cpp" if language == "cpp" else "c"
    first = "#include <bits/stdc++.h>\n" if language == "cpp" else ""
    files = {
        spec.file: first + HARNESS_MAIN.format(suffix=suffix),
        f"program.{suffix}": source,
        f"test.{suffix}": harness,
        "harness.h": _driver("harness.h"),
        "harness_end.h": _driver("harness_end.h").replace("PLUMB_NONCE", nonce),
    }
    assert spec.build is not None
    wrapping = spec.build.replace(" -o ", f" {HARNESS_FLAGS} -o ", 1)
    return Build(files, replace(spec, build=wrapping)), _command(language)


def _java_harness(source: str, harness: str, nonce: str) -> tuple[Build, tuple[str, ...]]:
    main = _java_main(harness)
    if main and re.search(rf"\bclass\s+{main}\b", source):
        renamed = f"{main}OfTheTest"
        harness = re.sub(rf"\b{main}\b", renamed, harness)
        main = renamed
    program = _JAVA_PACKAGE.sub("", source)
    both = f"{program}\n{harness}"
    imports = [found[0].strip() for found in _JAVA_IMPORT.finditer(both)]
    wrapper = _driver("Harness.java").replace("PLUMB_NONCE", nonce).replace("PLUMB_MAIN", main)
    first = " ".join(" ".join(one.split()) for one in imports)
    # What is taken out keeps its line breaks, so that the lines after it keep their numbers.
    rest = _JAVA_IMPORT.sub(lambda found: "\n" * found[0].count("\n"), both)
    files = {"Main.java": f"{first} {rest}", "Harness.java": wrapper}
    files["Descriptor.java"] = _driver("Descriptor.java")
    return Build(files, LANGUAGES["java"]), _java("PlumbHarness", "-ea")


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
