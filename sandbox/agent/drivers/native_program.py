"""The first step: a C or C++ program is compiled alone, in a build where its test is not.

Guarantees: nothing that the program includes, embeds or asks for at compile time can be its test.
What leaves this step is an object, declarations of its functions, and its own lines without any
directive. Refused are a second `main` by any name, NUL bytes, and what `native_object` refuses.

Arguments: the language, and the compiler's flags. The result goes to descriptor 3.
"""

import base64
import json
import os
import re
import sys

from .native_object import assembled
from .native_text import bent, type_names, types_of
from .native_tools import (
    APP,
    CHECKS,
    PRELUDE,
    STD,
    WORD,
    Made,
    attempt,
    compiler,
    demangled,
    fail,
    fields_of,
    must,
    symbols,
)

MAIN = "-Dmain=plumb_program_main"
HEADERS = ("/usr/", "/opt/plumb/include/")
MOST_PROBES = 64  # functions whose declarations are looked for
_MARKER = re.compile(r'# (\d+) "((?:[^"\\]|\\.)*)"((?: \d)*)')


def main() -> None:
    """Build, and write what came of it."""
    language, *flags = sys.argv[1:]
    source = f"{APP}/program.{language}"
    with open(source, "rb") as file:
        if b"\0" in file.read():
            fail("error: there is a NUL byte in the program")
    made = _cpp(source, flags) if language == "cpp" else _c(source, flags)
    data = json.dumps(fields_of(made)).encode()
    with os.fdopen(3, "wb") as out:
        out.write(data)


def _c(source: str, flags: list[str]) -> Made:
    common = ["gcc", *flags, *CHECKS, MAIN, "-aux-info", "/tmp/aux", "-S", "-o", "/tmp/program.s"]
    before = ["-include", PRELUDE]
    first = attempt(*common, *before, source)
    if first.returncode != 0:
        before = []
        if attempt(*common, source).returncode != 0:
            fail(first.stdout)
    made = _assembled("c")
    made.with_prelude = bool(before)
    made.unit, made.headers = _own_lines(source, ["gcc", *flags, MAIN, *before])
    made.types = types_of(made.unit, "c")
    with open("/tmp/aux", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = re.match(rf"/\* {re.escape(source)}:\d+:\w+ \*/ (extern|static) (.*?);", line)
            name = found and re.search(r"(\w+)(?=[\s)]*\()", found[2])
            if found and name and found[1] == "static":
                made.statics.append(name[1])
            elif found and name and name[1] in made.defined:
                made.functions[name[1]] = [(f"extern {found[2]};", name[1])]
    return made


def _cpp(source: str, flags: list[str]) -> Made:
    said = ""
    for std in ("", STD):
        text = f"#include <bits/stdc++.h>\n{std}\n#define main plumb_program_main\n"
        text += f'#include "{source}"\n'
        _write("/tmp/main.cpp", text)
        done = attempt("g++", *flags, *CHECKS, "-S", "-o", "/tmp/program.s", "/tmp/main.cpp")
        if done.returncode == 0:
            break
        said = said or done.stdout
    else:
        fail(said)
    made = _assembled("cpp")
    made.with_std = bool(std)
    before = ["-include", "bits/stdc++.h", "-fpch-preprocess"]
    made.unit, made.headers = _own_lines(source, ["g++", *flags, MAIN, *before])
    made.own = type_names(made.unit)
    made.types = types_of(made.unit, "cpp")
    made.bent = bent(made.unit, made.own)
    made.functions = _declarations(text, flags)
    return made


def _assembled(language: str) -> Made:
    """The object of /tmp/program.s, if nothing in it is refused."""
    known = assembled(compiler(language), "program")
    if any(name == "main" for _, name in known):
        fail("error: the program has a second main")
    for _, name in symbols("/tmp/program.o", "--undefined-only"):
        if re.match("_*plumb_", name):
            fail(f"error: the program has no {name!a}")
    with open("/tmp/program.o", "rb") as file:
        data = base64.b64encode(file.read()).decode()
    made = Made(data, "", [])
    made.defined = sorted({name for kind, name in known if kind.isupper() or kind == "u"})
    return made


def _own_lines(source: str, command: list[str]) -> tuple[str, list[str]]:
    """The program's own lines, preprocessed, and the headers that it includes itself."""
    kept, headers = [], []
    current = outer = ""
    for line in must(*command, "-E", source).split("\n"):
        marker = _MARKER.fullmatch(line)
        if marker is None:
            if current == source and not (line.startswith("#") and _is_unwanted(line)):
                kept.append(line)
            continue
        outer, current = current, marker[2]
        if current == source:
            kept.append(f'# {marker[1]} "{source}"')
        elif outer == source and " 1" in marker[3]:
            if not current.startswith(HEADERS) or "/../" in current:
                fail(f"error: the program includes {current!a}, which is no header")
            headers.append(current)
    return "\n".join(kept), headers


def _is_unwanted(line: str) -> bool:
    """Whether a line that is left for the compiler is to be dropped."""
    found = re.match(r"#\s*pragma\s+(\w+)\s*(\w*)", line)
    if found is None:
        return True
    return (found[1], found[2]) not in (("GCC", "optimize"), ("GCC", "target"), ("pack", ""))


def _declarations(text: str, flags: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Of the functions that a test names: their declarations, with types by their own names."""
    with open(f"{APP}/words", encoding="utf-8") as file:
        wanted = set(file.read().split())
    mangled = [name for kind, name in symbols("/tmp/program.o", "--defined-only") if kind == "T"]
    probes: list[str] = []
    shown: list[tuple[str, str]] = []
    for symbol, name in zip(mangled, demangled(mangled), strict=True):
        head, bracket, parameters = name.replace("[abi:cxx11]", "").partition("(")
        if bracket and head in wanted and WORD.fullmatch(head) and parameters.endswith(")"):
            shown.append((head, symbol))
            probes.append(
                f"template void plumb_show<{len(probes)}, decltype(plumb_signature<"
                f"{parameters[:-1]}>::of(&::{head}))>();"
            )
    if not probes or len(probes) > MOST_PROBES:
        return {}
    prefix = "template <int, class T> void plumb_show() {}\ntemplate <class... P> struct"
    prefix += " plumb_signature { template <class R> static R (*of(R (*)(P...)))(P...); };\n"
    _write("/tmp/probe.cpp", f"{text}\n{prefix}" + "\n".join(probes))
    done = attempt("g++", *flags, "-S", "-o", "/tmp/probe.s", "/tmp/probe.cpp")
    if done.returncode != 0:
        return {}
    with open("/tmp/probe.s", encoding="utf-8", errors="replace") as lines:
        names = [line.rstrip(":\n") for line in lines if line.startswith("_Z10plumb_showI")]
    functions: dict[str, list[tuple[str, str]]] = {}
    for name in demangled(names):
        found = re.fullmatch(r"void plumb_show<(\d+), (.*) \(\*\)(\(.*\))>\(\)", name)
        if found:
            head, symbol = shown[int(found[1])]
            declared = f"{found[2]} {head}{found[3]};"
            functions.setdefault(head, []).append((declared, symbol))
    return functions


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
