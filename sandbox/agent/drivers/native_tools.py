"""What the two steps of building a C or C++ program with a test have in common.

They run in builds of their own, at /app and without the agent: first `native_program`, where the
test is not, then `native_test`, where the program is what the first made of it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

APP = "/app"
PRELUDE = f"{APP}/prelude.h"
# A function that ends without its return would run on into what follows it, or let the compiler
# drop the assertions about it.
CHECKS = ("-fsanitize=return,unreachable", "-fsanitize-undefined-trap-on-error")
STD = "using namespace std;"
WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass
class Made:
    """What is known of a program once it is compiled alone.

    Attributes:
        object: Its object file, base64.
        unit: Its own lines, preprocessed: nothing of its macros and directives is left.
        headers: The library's headers that they need, in order.
        with_prelude: Whether it was compiled behind the headers that C programs take for granted.
        with_std: Whether it takes the names of `std` for granted, as programs for LeetCode do.
        types: The types that it declares (C), as text.
        functions: Of the functions that a test could call, by name: declarations and symbols.
        own: The names of its types (C++).
        bent: What it redefines of the library, for types that are not its own (C++).
        defined: Every symbol that its object defines for others too.
        statics: Its functions that are none of these (C).
    """

    object: str
    unit: str
    headers: list[str]
    with_prelude: bool = False
    with_std: bool = False
    types: str = ""
    functions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    own: list[str] = field(default_factory=list)
    bent: list[str] = field(default_factory=list)
    defined: list[str] = field(default_factory=list)
    statics: list[str] = field(default_factory=list)


def fail(message: str) -> NoReturn:
    """End the build with a message, as a compiler would."""
    sys.stdout.buffer.write(f"{message.rstrip()}\n".encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
    sys.exit(1)


def attempt(*command: str) -> "subprocess.CompletedProcess[str]":
    """Run a tool in /tmp, with its messages in plain ASCII."""
    return subprocess.run(
        command,
        cwd="/tmp",
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def must(*command: str) -> str:
    """What a tool says; its failure ends the build with that."""
    done = attempt(*command)
    if done.returncode != 0:
        fail(done.stdout)
    return done.stdout


def symbols(file: str, *options: str) -> list[tuple[str, str]]:
    """Kind and name of each symbol, as `nm` has them; versions of shared libraries cut off."""
    lines = (line.split(" ", 1) for line in _names(file, *options))
    return [(kind, name.split("@", 1)[0]) for kind, name in lines]


def _names(file: str, *options: str) -> Sequence[str]:
    said = must("nm", "--format=posix", *filter(None, options), file)
    found = []
    for line in said.splitlines():
        name, *rest = line.split(" ")
        if rest:  # or it is the name of a member of an archive
            found.append(f"{rest[0]} {name}")
    return found


def demangled(names: Sequence[str]) -> list[str]:
    """C++ names as people write them, in the same order."""
    done = subprocess.run(
        ["c++filt"], input="\n".join(names), capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout.split("\n")[: len(names)]


def keep_only(file: str, names: Sequence[str], *options: str) -> None:
    """Make all global symbols of an object its own, but `names`."""
    list_file = "/tmp/kept"
    with open(list_file, "w", encoding="utf-8") as kept:
        kept.write("\n".join([*names, ""]))
    must("objcopy", f"--keep-global-symbols={list_file}", *options, file)


def compiler(language: str) -> str:
    """The command that compiles a language."""
    return "g++" if language == "cpp" else "gcc"


def fields_of(made: Made) -> dict[str, Any]:
    """As JSON takes it."""
    return dict(vars(made))
