"""An object file of what a compiler has made of a program, if nothing in it is refused.

Both steps ask here, each about all that it has compiled: functions that nobody calls and templates
that nobody names are first compiled where the test does so. Guarantee: no code of what passes runs
before the start of a program, no directive of it reaches beyond the function that it stands in, and
none of its names is one of `native_start.c`.
"""

import re

from .native_tools import fail, must, symbols

# Such directives reach into other files, or change what later instructions mean. A section's name
# is plain where the compiler writes it; relocations are the assembler's alone to write.
_DIRECTIVE = re.compile(
    r"(?i)\.(incbin|include|macro|endm|irpc?|rept|altmacro|symver|pushsection|popsection|"
    r"gnu_indirect_function|reloc|weakref|subsection|struct)\b|@gnu_indirect_function|"
    r"\.section\b(?!\s+(?!\.rel)[\w.$+-]+\s*(?:[,;]|$))"
)
_TEXT_LINE = re.compile(r'\t\.(string|ascii|asciz)\t"(?:[^"\\]|\\.)*"')
_SECTION = re.compile(
    r"[A-Za-z_]\w*|\.(text|data|bss|rodata|tbss|tdata|init_array|fini_array|eh_frame|comment|group|"
    r"gcc_except_table|note|rela?|symtab|strtab|shstrtab|ldata|lbss|lrodata)(\..*)?"
)
_OWN_MAIN = "plumb_program_main"  # what the program's main is called


def assembled(command: str, name: str) -> list[tuple[str, str]]:
    """Make /tmp/NAME.o of /tmp/NAME.s; kind and name of each symbol that it defines."""
    with open(f"/tmp/{name}.s", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            if _DIRECTIVE.search(line) and not _TEXT_LINE.fullmatch(line.rstrip("\n")):
                fail(f"error: the program gives the assembler a directive: {line.strip()!a}")
    file = f"/tmp/{name}.o"
    must(command, "-c", "-o", file, f"/tmp/{name}.s")
    for line in must("readelf", "--sections", "--wide", file).splitlines():
        shown = re.match(r"\s*\[ *\d+\] (\S+)", line)
        if shown and shown[1] != "NULL" and not _SECTION.fullmatch(shown[1]):
            fail(f"error: the program has a section {shown[1]!a} of its own")
    known = symbols(file, "--defined-only")
    for kind, symbol in known:
        if kind == "i":
            fail(f"error: {symbol!a} is resolved before the program starts (IFUNC)")
        if symbol == "_start":
            fail("error: the program has a second _start")
        if re.match("_*plumb_", symbol) and symbol.partition(".")[0] != _OWN_MAIN:
            fail(f"error: the program must not have {symbol!a}")
    return known
