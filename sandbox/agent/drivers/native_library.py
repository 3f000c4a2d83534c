"""Functions of the library that a program has itself, where its test means the library's.

Guarantee: in one unit with its program a test calls no function of the library's name that is the
program's, be it seen by others or by the unit alone, or first compiled where the test calls it. By
a name that no header of a C test declares, the test means the program's static function.
"""

import re
from collections.abc import Collection

from .native_tools import APP, WORD, Made, attempt, compiler, fail, must, symbols

_NEW_AND_DELETE = re.compile(r"_Z(nw|na|dl|da)[A-Za-z]")
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|define[ \t]+_\w*SOURCE)\b.*", re.MULTILINE)
_OWN_MEMORY = re.compile(r"\boperator\s*(new|delete)\b")
# What the library's own comparisons, which are compiled with a unit, call.
_COMPARING = frozenset({"memcmp", "bcmp", "memchr", "strlen", "strcmp", "wmemcmp", "wcslen"})


def exported(language: str) -> set[str]:
    """What the library has."""
    names = ["libc.so.6", "libm.so.6"] + (["libstdc++.so.6"] if language == "cpp" else [])
    names += ["libgcc.a", "libgcc_s.so.1"]
    found = [must(compiler(language), f"-print-file-name={name}").strip() for name in names]
    ways = [(file, "" if file.endswith(".a") else "-D") for file in found]
    return {one for file, way in ways for _, one in symbols(file, way, "--defined-only")}


class Replaced:
    """What a test must not find of its program.

    Args:
        language: Of both.
        test: The test, without comments and texts.
        made: The program.
        file: Where the test lies.
    """

    def __init__(self, language: str, test: str, made: Made, file: str) -> None:
        self._language = language
        self._file = file
        self._compares = _COMPARING if language == "cpp" else frozenset()
        self._test = test
        self._words = set(WORD.findall(test))
        self._made = made
        self._library = exported(language)

    def refuse_seen(self) -> None:
        """Refuse what the program defines for others too, under a name that is in the test."""
        for name in self._made.defined:
            if name in self._library and (name in self._words or self._is_compiled_in(name)):
                _refuse(name)
            if _NEW_AND_DELETE.match(name):
                _refuse("operators of memory")

    def refuse_called(self, compiled: Collection[str]) -> None:
        """Refuse what is in the unit of both, under a name that the test calls and does not define.

        In a unit a call finds any label of its name, and any static function.
        """
        statics = set(self._made.statics)
        names = {*compiled, *statics}
        found = (names & self._library) - set(self._made.defined)
        if found & statics and self._language == "c":
            declared = self._declared()
            found = {one for one in found if one not in statics or one in declared}
        for name in sorted(found):
            is_called = re.search(rf"\b{re.escape(name)}\s*\(", self._test)
            if (is_called or self._is_compiled_in(name)) and not self._is_tests_own(name):
                _refuse(name)
        if any(map(_NEW_AND_DELETE.match, names)) and not _OWN_MEMORY.search(self._test):
            _refuse("operators of memory")

    def _declared(self) -> set[str]:
        """What is called or declared in the headers that the test includes."""
        with open(self._file, encoding="utf-8", errors="surrogateescape") as test:
            lines = _INCLUDE.findall(test.read())
        with open("/tmp/included.c", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n".join([*lines, ""]))
        done = attempt("gcc", f"-I{APP}", "-E", "-P", "/tmp/included.c")
        return set(re.findall(r"\b(\w+)\s*\(", done.stdout))

    def _is_compiled_in(self, name: str) -> bool:
        """Whether what is compiled with the test calls it although the test need not name it."""
        return name.startswith("__") or name in self._compares

    def _is_tests_own(self, name: str) -> bool:
        before = r"\b(?!(?:return|else|case|throw|new)\b)\w+[\s*&]+"
        return bool(re.search(rf"{before}{name}\s*\([^;{{}}()]*\)\s*\{{", self._test))


def _refuse(what: str) -> None:
    fail(f"error: the program replaces {what} of the library, which its test uses")
