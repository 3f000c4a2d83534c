"""The names of a test: which are its own and which the program's, and what in it can fail."""

import ast
import builtins
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from sandbox.harness.modules import PROGRAM, Modules

TELLING: Final = (
    "assert check compare ensure equal exit expect fail main raise run test valid verif"
)
"""Parts of names of functions from elsewhere that may fail for what they are given."""
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
_BUILTINS: Final = frozenset(dir(builtins))


class Names:
    """What a test binds, imports, and takes from the program."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.aliases: dict[str, str] = {}  # what imported names stand for
        self.functions: dict[str, list[Function]] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.bound: set[str] = set()
        self.imports: set[str] = set()
        self.imported: set[str] = set()
        self.loaded: list[str] = []
        self._names_program = False
        bases: set[int] = set()
        loads: list[ast.Name] = []
        for node in ast.walk(tree):
            self._note(node)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                loads.append(node)
            elif isinstance(node, ast.Attribute):
                bases.add(id(node.value))
        self.loaded = [node.id for node in loads]
        free = {node.id for node in loads} - self.bound - _BUILTINS
        called = {node.id for node in loads if id(node) not in bases}
        self.modules = sorted((free - called) & sys.stdlib_module_names)
        self.program = free - set(self.modules) - {"__file__", "__name__"}
        self.program_modules = Modules(tree, has_free_names=bool(self.program))
        self.program |= set(self._imported_from(self.program_modules))
        imports_program = self._names_program or bool(self.program_modules.names)
        self.uses_program = imports_program or bool(self.program)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, FUNCTIONS):
            self.functions.setdefault(node.name, []).append(node)
            self.bound.add(node.name)
        elif isinstance(node, ast.ClassDef):
            self.classes[node.name] = node
            self.bound.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            self.bound.add(node.id)
        elif isinstance(node, ast.arg):
            self.bound.add(node.arg)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            self.bound.add(node.name or "")
        elif isinstance(node, ast.MatchMapping):
            self.bound.add(node.rest or "")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._note_import(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._names_program |= node.value.partition(".")[0] == PROGRAM

    def _note_import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            self.imports.add((module or alias.name).partition(".")[0])
            name = alias.asname or alias.name.partition(".")[0]
            self.bound.add(name)
            self.imported.add(name)
            before = f"{module}." if module else ""
            self.aliases[name] = before + (alias.name if alias.asname or before else name)

    def _imported_from(self, modules: Modules) -> Iterator[str]:
        for name, meaning in self.aliases.items():
            if meaning.partition(".")[0] in modules.roots:
                yield name

    def can_fail(self, statements: Sequence[ast.AST]) -> bool:
        """Whether running these may fail for what the program does, as far as one can see."""
        return _CanFail(self).any_of(statements)


class _CanFail:
    """Follows the calls of a test's own functions, each once."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._seen: set[int] = set()

    def any_of(self, nodes: Sequence[ast.AST]) -> bool:
        return any(self._one(node) for start in nodes for node in _run_parts(start))

    def _one(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Assert):
            return not (isinstance(node.test, ast.Constant) and bool(node.test.value))
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Name):  # called, or handed to what calls it
            return isinstance(node.ctx, ast.Load) and self._own(node.id)
        if isinstance(node, ast.Attribute):
            return self._own(node.attr)
        return isinstance(node, ast.Call) and self._call(node.func)

    def _own(self, name: str) -> bool:
        found: list[ast.AST] = [*self._names.functions.get(name, ())]
        if name in self._names.classes:
            found.append(self._names.classes[name])
        bodies = [one for one in found if id(one) not in self._seen]
        self._seen.update(map(id, bodies))
        return any(self.any_of(_body(one)) for one in bodies)

    def _call(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Attribute):
            return root_of(function) not in self._names.program and _is_telling(function.attr)
        if not isinstance(function, ast.Name) or function.id in self._names.program:
            return False
        name = function.id
        if name in _BUILTINS and name not in self._names.bound:
            return name in ("exit", "quit", "exec", "eval")
        if name in self._names.functions or name in self._names.classes:
            return False  # it has been looked into by its name
        return _is_telling(name) or name in self._names.bound - self._names.imported


def root_of(node: ast.expr) -> str:
    """The name that a chain of attributes, calls and items begins with."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_telling(name: str) -> bool:
    return any(part in name.lower() for part in TELLING.split())


def _body(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.ClassDef):
        return [part for one in node.body for part in (_body(one) or [one])]
    return list(node.body) if isinstance(node, FUNCTIONS) else []


def _run_parts(node: ast.AST) -> Iterator[ast.AST]:
    """A statement's parts that run when it runs: not the bodies of functions and classes."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, (*FUNCTIONS, ast.ClassDef)):
            continue
        yield one
        pending.extend(ast.iter_child_nodes(one))
