"""Calls of a C++ program's functions and methods."""

import re
from typing import Final

from sandbox.drivers.files import command, driver
from sandbox.execution import Build
from sandbox.languages import LANGUAGES

# What is not closed goes on to the end: whatever a program holds, it is read in linear time.
_COMMENT_OR_STRING: Final = re.compile(
    r'//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*+"?', re.DOTALL
)
CALLS_MAIN: Final = """\
#include <bits/stdc++.h>
#include "calls.hpp"
using namespace std;
#define main plumb_program_main
#include "program.cpp"
#undef main
signed main() { return plumb::serve(&ENTRY); }
"""


def calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls."""
    entry = entry_point.replace(".", "::")
    bare = _COMMENT_OR_STRING.sub(" ", source)
    if "." not in entry_point and re.search(r"\b(class|struct)\s+Solution\b", bare):
        entry = f"Solution::{entry}"
    files = {"main.cpp": CALLS_MAIN.replace("ENTRY", f"::{entry}"), "program.cpp": source}
    files |= {name: driver(name) for name in ("calls.hpp", "values.hpp")}
    return Build(files, LANGUAGES["cpp"]), command("cpp")
