"""JavaScript modules as scripts: `import` and `export` in the words of `require` and `exports`.

Guarantees: lines keep their numbers; text is read in time linear in its length. Declarations are
known by standing at the start of a line, as everybody writes them.
"""

import re
from typing import Final

_NAME: Final = r"[\w$]+"
_IMPORT: Final = re.compile(
    r"""^[ \t]*import\s*
        (?:(?P<clause>(?:[\w$*][\w$*, \t]*)?(?:\{[^{}'"`;()=]*\})?)\s*\bfrom\s*)?
        (?P<module>'[^'\n]*'|"[^"\n]*")(?:[ \t]+(?:with|assert)[ \t]*\{[^{}\n]*\})?[ \t]*;?""",
    re.MULTILINE | re.VERBOSE,
)
_EXPORT: Final = re.compile(
    r"""^[ \t]*export\b\s*(?:
        (?P<list>\{[^{}]*\})(?:[ \t]*from[ \t]*(?P<module>'[^'\n]*'|"[^"\n]*"))?[ \t]*;?
        |\*[^;\n]*;?
        |(?P<default>default\s+)?(?P<head>(?:async\s+)?function\b[\s*]*|class\s+(?!extends\b))(?P<named>[\w$]+)
        |(?P<value>default\b)
        |(?P<kind>(?:const|let|var)\s+)(?P<variable>[\w$]+|\{[^{}]*\})
    )""",
    re.MULTILINE | re.VERBOSE,
)
_META: Final = re.compile(r"\bimport\.meta\b")
_DYNAMIC: Final = re.compile(r"(?<![.\w$])import(?=\s*\()")
_TOP_AWAIT: Final = re.compile(
    r"^(?:(?:const|let|var)\s[^=\n]*=\s*await\b|await\b|for\s+await\b)", re.MULTILINE
)
_OWN_REQUIRE: Final = re.compile(r"\b(?:const|let|var|function)\s+require\b")
_REQUIRE: Final = (
    "import * as plumbModule from 'node:module'; "
    "const require = plumbModule.createRequire(import.meta.url); "
)
META: Final = "({url: 'file://' + __filename, filename: __filename, dirname: __dirname})"


def is_module(source: str) -> bool:
    """Whether a program is written as a module, or waits at its top level as only modules do."""
    return bool(_IMPORT.search(source) or _EXPORT.search(source) or _TOP_AWAIT.search(source))


def as_module(source: str) -> str:
    """A program as a module; it may use `require` and `__dirname` too, as bundlers let it."""
    head = ""
    if re.search(r"\brequire\s*\(", source) and not _OWN_REQUIRE.search(source):
        head += _REQUIRE
    if "__dirname" in source and not re.search(r"\b__dirname\s*=", source):
        head += "const __dirname = '/app'; "
    return head + (f"//{source[2:]}" if source.startswith("#!") else source)


def as_script(source: str) -> str:
    """A program that may be written as a module, as a script whose exports are in `exports`."""
    exported: dict[str, str] = {}  # the name outside -> the name inside
    text = _META.sub(META, _IMPORT.sub(lambda found: _required(found, ""), source))
    text = _EXPORT.sub(lambda found: _exported(found, exported), text)
    if not exported:
        return text
    ends = " ".join(
        f"try {{ exports.{outside} = {inside} }} catch {{ }}"
        for outside, inside in exported.items()
    )
    return f"{text}\n;{ends}"


def as_test(source: str) -> str:
    """A test that may be written as a module, as a script in the words of `agent/drivers`."""
    text = _META.sub(META, _IMPORT.sub(lambda found: _required(found, "plumbDefault"), source))
    text = _EXPORT.sub(lambda found: _exported(found, {}), text)
    return _DYNAMIC.sub("plumbImport", text)


def _required(found: re.Match[str], default: str) -> str:
    """An import, as constants; `default` is the function that gives a module's default."""
    lines = "\n" * found[0].count("\n")
    module = f"require({found['module']})"
    clause = found["clause"]
    if clause is None:
        return f"{module};{lines}"
    if clause.startswith("type "):
        return lines
    bindings = []
    for part in re.findall(r"\{[^{}]*\}|[^,{}]+", clause):
        bound = part.strip()
        if bound.startswith("{"):
            bindings.append(f"{_pattern(bound)} = {module}")
        elif bound.startswith("*"):
            bindings.append(f"{bound.split()[-1]} = {module}")
        elif bound:
            whole = f"{default}({module})" if default else f"(m => m && m.default || m)({module})"
            bindings.append(f"{bound} = {whole}")
    return f"const {', '.join(bindings)};{lines}"


def _pattern(names: str) -> str:
    """`{a as b, c}` as a pattern of destructuring."""
    parts = [part.split() for part in names.strip("{}").split(",") if part.strip()]
    parts = [words[1:] if words[0] == "type" and len(words) > 1 else words for words in parts]
    return "{" + ", ".join(f"{words[0]}: {words[-1]}" for words in parts) + "}"


def _exported(found: re.Match[str], exported: dict[str, str]) -> str:
    lines = "\n" * found[0].count("\n")
    if found["list"]:
        return _export_list(found, exported, lines)
    if found["named"]:
        exported["default" if found["default"] else found["named"]] = found["named"]
        return lines + " ".join(f"{found['head']}{found['named']}".split())
    if found["value"]:
        return f"{lines}exports.default = "
    if found["variable"]:
        for part in found["variable"].strip("{}").split(","):
            if name := re.search(rf"({_NAME})\s*(?:=.*)?$", part.strip(), re.DOTALL):
                exported[name[1]] = name[1]
        return lines + f"{found['kind'].strip()} {found['variable']}".replace("\n", " ")
    return lines  # export * from


def _export_list(found: re.Match[str], exported: dict[str, str], lines: str) -> str:
    parts = [part.split() for part in found["list"].strip("{}").split(",") if part.strip()]
    pairs = [(words[-1], words[0]) for words in parts if re.fullmatch(_NAME, words[0])]
    if found["module"] is None:
        exported.update(pairs)
        return lines
    module = f"require({found['module']})"
    return "".join(f"exports.{a} = {module}.{b}; " for a, b in pairs) + lines
