"""The second step: a test is built, and joined to the program that the first step compiled.

Apart, where it can be: the test is a unit of its own, which knows the program's functions by their
declarations (and, in C, its types). Then nothing of the program's macros, operators, templates and
symbols reaches the test, and of the program's symbols only those functions stay visible. One unit,
where the test needs more than that of the program, such as its classes and templates (C++), or its
variables and static functions: the test stands behind the program's own lines.

Guarantees: `main` is that of `native_start.c`, which has the nonce before any other code runs; the
test's is known to it alone. In one unit no function of the library that the test uses is the
program's, neither are operators on the library's types, and operators of the program's types decide
only a test that names the types.

Arguments: the language, and the compiler's flags. The result goes to descriptor 3.
"""

import base64
import json
import os
import re
import sys

from .native_library import Replaced, exported
from .native_object import assembled
from .native_text import foreign_operator, mentions_any, names_type
from .native_tools import (
    APP,
    CHECKS,
    PRELUDE,
    STD,
    WORD,
    Made,
    attempt,
    compiler,
    fail,
    keep_only,
    must,
    symbols,
)

# Functions of the C++ library that tests call without a namespace. A program may have one for
# itself; apart, the test's word is the library's, if it calls others of the program.
_CPP_LIBRARY = """
abs all_of any_of atof atoi atol ceil copy count count_if distance equal erase exp fabs fill find
find_if floor fmax fmin fmod gcd hypot isalnum isalpha isdigit isfinite isinf islower isnan isspace
isupper labs lcm llabs log log10 log2 lower_bound make_pair make_tuple max max_element memcmp min
min_element minmax mismatch next none_of pow prev printf reverse rotate round size sort sprintf sqrt
stable_sort stod stoi stol stoll strcmp strlen strncmp strstr swap tie to_string tolower toupper
transform trunc unique upper_bound
"""
LIBRARY = frozenset(_CPP_LIBRARY.split())
DECLARED = (  # for C: that these are the library's, a program could deny by a label
    "int strcmp(const char *, const char *);",
    "int strncmp(const char *, const char *, unsigned long);",
    "int strcasecmp(const char *, const char *);",
    "int memcmp(const void *, const void *, unsigned long);",
    "unsigned long strlen(const char *);",
    "int abs(int);",
    "double fabs(double);",
    "float fabsf(float);",
    "void exit(int) __attribute__((__noreturn__));",
    "void _exit(int) __attribute__((__noreturn__));",
    "void _Exit(int) __attribute__((__noreturn__));",
    "void abort(void) __attribute__((__noreturn__));",
)
# A test's ways to end are those of start.c, on which no handler of the program's has a hold. Their
# names are new in each build: what of a program is compiled only with the test cannot know them.
ENDINGS = {
    "main": "plumb_test_main",
    **{name: f"plumb_{name}" for name in ("exit", "_exit", "_Exit", "quick_exit", "abort")},
}
# Names of the compiler's and the library's own, which are never given to a test as the program's.
_RESERVED = re.compile(r"__|_[A-Y]|_Z(?:N?K?|T[VISTC]N?)S[tabsiod]")
_NO_FUNCTIONS = frozenset({"if", "for", "while", "switch", "catch", "return", "sizeof", "decltype"})
_BLANK = re.compile(r'//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*"?', re.DOTALL)


class Builder:
    """One test, and the program before it."""

    def __init__(self, language: str, flags: list[str], made: Made) -> None:
        self.made = made
        self.language = language
        self.command = [compiler(language), *flags, *CHECKS, f"-I{APP}"]
        self.test = f"{APP}/test.{language}"
        with open(self.test, encoding="utf-8", errors="surrogateescape") as file:
            self.bare = _BLANK.sub(" ", file.read())
        self.words = set(WORD.findall(self.bare))
        tag = os.urandom(8).hex()
        self.endings = {name: f"{symbol}_{tag}" for name, symbol in ENDINGS.items()}

    def build(self) -> None:
        """Leave the executable at /tmp/main."""
        with open("/tmp/program.o", "wb") as file:
            file.write(base64.b64decode(self.made.object))
        said = self._apart()
        if said is not None:
            self._one_unit(said)

    # ---- apart ----

    def _apart(self) -> "str | None":
        """Build test and program apart; what the compiler says if that is impossible."""
        used = self._used()
        if not used or mentions_any(self.bare, self.made.own):
            return ""
        declared = [text for name in used for text, _ in self.made.functions[name]]
        said = self._compile_apart(declared)
        if said is not None:
            return said
        needed = {name for _, name in symbols("/tmp/test.o", "--undefined-only")}
        given = {symbol for name in used for _, symbol in self.made.functions[name]}
        offered = {name for name in self.made.defined if not _RESERVED.match(name)}
        self._isolate(sorted(needed & (given | (offered - exported(self.language)))))
        return self._link("/tmp/test.o", "/tmp/program.o")

    def _compile_apart(self, declared: list[str]) -> "str | None":
        """Compile the test with what is known of the program; what is wrong, if nothing helps."""
        said = ""
        heads = [[f'#include "{PRELUDE}"'], []]
        if self.language == "cpp":
            heads = [["#include <bits/stdc++.h>", std] for std in ("", STD)]
        for types in dict.fromkeys((self.made.types, "")):
            for head in heads:
                lines = [*head, types, *declared, *self._ending()]
                done = self._compile(lines, "/tmp/test.o")
                if done is None:
                    return None
                said = said or done
        return said

    def _used(self) -> list[str]:
        """The program's functions that the test names.

        Not those that have a name of the library's, unless the test names no others.
        """
        named = sorted(self.made.functions.keys() & self.words)
        library = LIBRARY if self.language == "cpp" else exported(self.language)
        return [name for name in named if name not in library] or named

    def _ending(self) -> list[str]:
        return [f'#include "{APP}/assert.h"', f'#include "{self.test}"']

    def _isolate(self, kept: list[str]) -> None:
        """Leave nothing of the program's object to be seen but `kept`."""
        _whole("/tmp/program.o")
        keep_only("/tmp/program.o", kept)

    # ---- one unit ----

    def _one_unit(self, before: str) -> None:
        replaced = Replaced(self.language, self.bare, self.made, self.test)
        replaced.refuse_seen()
        made = self.made
        lines = []
        if self.language == "cpp":
            lines += ["#include <bits/stdc++.h>", STD if made.with_std else ""]
        if self.language == "c":
            lines += [f'#include "{PRELUDE}"'] if made.with_prelude else self._declared()
        lines += [f'#include "{APP}/assert.h"']
        lines += [f'#include "{header}"' for header in made.headers]
        lines += ["#pragma GCC push_options", made.unit, '# 1 "test"', "#pragma GCC pop_options"]
        if self.language == "c":
            lines += ["#include <stdbool.h>"]
        lines += self._endings()
        said = ""
        for std in ("", STD) if self.language == "cpp" else ("",):
            unit = [*lines, std, *self._ending()]
            done = self._compile(unit, "/tmp/test.s", "-S", "-fdump-tree-original=/tmp/all")
            if done is None:
                break
            said = said or done
        else:
            fail(before or said)
        replaced.refuse_called([name for _, name in assembled(self.command[0], "test")])
        if self.language == "cpp":
            self._check_types()
        done = self._link("/tmp/test.o")
        if done is not None:
            fail(before or done)

    def _endings(self) -> list[str]:
        """Give the test its own ways to end, where their names can be no members of a class."""
        lines = []
        for name in sorted(self.words & self.endings.keys() - {"main"}):
            if re.search(rf"(?:\.|->|(?<!\bstd)::)\s*{name}\b", self.bare):
                continue
            ending = self.endings[name]
            declared = f"void {ending}({'void' if name == 'abort' else 'int'})"
            declared += " __attribute__((__noreturn__));"
            if self.language == "cpp":
                declared = f'extern "C" {declared} namespace std {{ using ::{ending}; }}'
            lines += [declared, f"#define {name} {ending}"]
        return lines

    def _declared(self) -> list[str]:
        """What C's own functions are, for a program that defines some of them itself."""
        return [line for line in DECLARED if self.words & set(WORD.findall(line.partition("(")[0]))]

    def _check_types(self) -> None:
        """Refuse operators of the program's types that decide a test which does not name the types.

        What operators a function calls is read from the compiler's own account of it.
        """
        made = self.made
        if made.bent:
            fail(f"error: the program redefines what is the library's: {made.bent[0]}")
        named = [name for name in made.own if names_type(self.bare, name)]
        with open("/tmp/all", encoding="utf-8", errors="replace") as file:
            found = foreign_operator(file.read(), self._defined(), made.own, named, made.unit)
        if found:
            fail(f"error: the test decides by {found} of a type that it does not name")

    def _defined(self) -> list[str]:
        """The functions that the test defines."""
        found = re.findall(r"(\w+)\s*\([^;{}]*\)[^;(){}=]*\{", self.bare)
        return sorted({name for name in found if name not in _NO_FUNCTIONS})

    # ---- both ----

    def _compile(self, lines: list[str], target: str, how: str = "-c", *more: str) -> "str | None":
        """Compile a unit; what is wrong with it, if it does not."""
        unit = f"/tmp/main.{self.language}"
        with open(unit, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n".join([*lines, ""]))
        done = attempt(*self.command, *more, how, "-o", target, unit)
        return None if done.returncode == 0 else done.stdout

    def _link(self, test: str, *others: str) -> "str | None":
        """Join the test to its start, of which nothing but main is seen, and all to an executable.

        What the linker says, if something is missing.
        """
        start = f"{APP}/native_start.c"
        must("gcc", "-O2", "-fno-stack-protector", "-c", "-o", "/tmp/start.o", start)
        _rename("/tmp/start.o", dict(zip(ENDINGS.values(), self.endings.values(), strict=True)))
        _rename(test, self.endings if others else {"main": self.endings["main"]})
        must("ld", "-r", "-o", "/tmp/judge.o", "/tmp/start.o", test)
        own = [name for kind, name in symbols("/tmp/judge.o") if name.startswith("plumb_")]
        if not others:
            _whole("/tmp/judge.o")
            keep_only("/tmp/judge.o", ["main"])
        elif own:
            must("objcopy", *(f"--localize-symbol={name}" for name in own), "/tmp/judge.o")
        flags = ("-Wl,-z,relro,-z,now", "-s", "-o", "/tmp/main")
        # The program's constructors run first, as those of a program do that a test follows.
        done = attempt(self.command[0], *flags, *others, "/tmp/judge.o", "-lm")
        return None if done.returncode == 0 else done.stdout


def _rename(file: str, names: dict[str, str]) -> None:
    must("objcopy", *(f"--redefine-sym={old}={new}" for old, new in names.items()), file)


def _whole(file: str) -> None:
    """Settle an object's groups, which a linker would take from another object instead."""
    must("ld", "-r", "--force-group-allocation", "-o", "/tmp/whole.o", file)
    os.replace("/tmp/whole.o", file)


def main() -> None:
    """Build, and write the executable."""
    language, *flags = sys.argv[1:]
    with open(f"{APP}/program.json", encoding="utf-8") as file:
        made = Made(**json.load(file))
    Builder(language, flags, made).build()
    with open("/tmp/main", "rb") as file, os.fdopen(3, "wb") as out:
        out.write(file.read())
