"""Calls of a C program's functions."""

import re
from dataclasses import replace
from typing import Final

from sandbox.drivers.files import command, driver
from sandbox.errors import RequestError
from sandbox.execution import Build
from sandbox.languages import C_FLAGS, CPP_FLAGS, HEADERS, LANGUAGES

CALLS_BUILD: Final = f"""
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
CALLS_MAIN: Final = """\
#include <bits/stdc++.h>
#include "calls.hpp"
#define _Bool bool
#define restrict __restrict
extern "C" {
#include "/tmp/prototype.h"
}
int main() { return plumb::serve(&plumb_entry); }
"""


def calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls."""
    if not re.fullmatch(r"\w+", entry_point):
        raise RequestError(f"C has no function of the name {entry_point!r}")
    files = {"main.cpp": CALLS_MAIN, "program.c": source}
    files |= {name: driver(name) for name in ("calls.hpp", "values.hpp", "prelude.h")}
    spec = replace(LANGUAGES["c"], build=CALLS_BUILD.replace("ENTRY", entry_point))
    return Build(files, spec), command("c")
