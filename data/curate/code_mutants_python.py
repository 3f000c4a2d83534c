"""Small changes to a Python program, each of which ought to make it wrong.

Guarantees: programs are read as syntax trees and written anew, never run or compiled here. A change
is of a kind that seldom leaves a program right: a condition is turned around, an operator
exchanged, a constant moved by one, a value not returned, a step left out. `<` never becomes `<=`,
which is right too often. What tests cannot see is left alone: code that the entry point does not
reach, annotations, defaults, decorators, assertions, what is raised or done about errors, and
limits of the interpreter.
"""

import ast
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from data.curate.code_mutant import Mutant

_COMPARED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_UNSEEN: Final = frozenset(("setrecursionlimit", "stack_size", "set_int_max_str_digits"))
_CHANGED_TEXT: Final = "?"
CONSTANT: Final = " is changed"

Change = tuple[str, Callable[[], None]]
"""What a change is, in words, and what makes it in the tree."""


def parsed(source: str) -> ast.Module | None:
    """The program's tree; None where it is no Python of this version, or too deep."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def written(tree: ast.Module) -> str | None:
    """The tree as a program; None where it cannot be written."""
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except (ValueError, RecursionError, MemoryError):
        return None


def python_changes(source: str, roots: frozenset[str]) -> list[bool]:
    """The changes in the order of the source: whether each is of a constant in an expression."""
    tree = parsed(source)
    return [] if tree is None else [words.endswith(CONSTANT) for words, _ in _changes(tree, roots)]


def python_mutant(source: str, roots: frozenset[str], number: int) -> Mutant | None:
    """The program with one change; None where it cannot be written.

    Args:
        source: The program.
        roots: Names that the tests use; empty: the program is run as a script.
        number: Which of the changes.
    """
    tree = parsed(source)
    if tree is None:
        return None
    for index, (words, make) in enumerate(_changes(tree, roots)):
        if index == number:
            make()
            changed = written(tree)
            return None if changed is None else Mutant(changed, words)
    return None


def _changes(tree: ast.Module, roots: frozenset[str]) -> Iterator[Change]:
    for node in _seen_by_tests(tree, roots):
        yield from _changes_of(node)


def _changes_of(node: ast.AST) -> Iterator[Change]:
    line = getattr(node, "lineno", 0)
    change = _change_of_value(node) or _change_of_step(node)
    if change is not None:
        yield f"line {line}: {change[0]}", change[1]


def _change_of_value(node: ast.AST) -> Change | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        turned = _COMPARED[type(node.ops[0])]()
        return "a comparison is turned around", partial(setattr, node, "ops", [turned])
    if isinstance(node, ast.BoolOp):
        swapped = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return "'and' and 'or' are exchanged", partial(setattr, node, "op", swapped)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = ast.UnaryOp(ast.Not(), node.operand)
        return "a 'not' is left out", partial(setattr, node, "operand", inner)
    if isinstance(node, ast.BinOp | ast.AugAssign) and not _formats(node):
        other = _COMPUTED.get(type(node.op))
        if other is not None:
            return "an operator is exchanged", partial(setattr, node, "op", other())
    if isinstance(node, ast.Constant) and (changed := _other_constant(node.value)) is not None:
        what = f"{str(node.value)[:20]!r}{CONSTANT}"
        return what, partial(setattr, node, "value", changed)
    return None


def _change_of_step(node: ast.AST) -> Change | None:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        if isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
            return None  # it has changes of its own
        turned = ast.UnaryOp(ast.Not(), node.test)
        return "a condition is turned around", partial(setattr, node, "test", turned)
    if isinstance(node, ast.Return):
        return _change_of_return(node)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return "a step is left out", partial(setattr, node, "value", ast.Constant(None))
    return None


def _change_of_return(node: ast.Return) -> Change | None:
    if node.value is None:
        return None
    if not isinstance(node.value, ast.Constant):
        return "nothing is returned", partial(setattr, node, "value", ast.Constant(None))
    changed = _other_constant(node.value.value)
    if changed is None:
        return None
    return "another value is returned", partial(setattr, node, "value", ast.Constant(changed))


def _other_constant(value: object) -> bool | int | float | str | None:
    """A constant of the same kind; None: this one is left alone."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return value + _CHANGED_TEXT if isinstance(value, str) and value else None


def _formats(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether it is `"..." % values`."""
    left = node.left if isinstance(node, ast.BinOp) else None
    return isinstance(node.op, ast.Mod) and (
        isinstance(left, ast.JoinedStr)
        or (isinstance(left, ast.Constant) and isinstance(left.value, str))
    )


def _seen_by_tests(tree: ast.Module, roots: frozenset[str]) -> Iterator[ast.AST]:
    """The nodes that may be changed, in the order of the source."""
    unseen = _unreached(tree, roots)
    pending: list[ast.AST] = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt) and (_is_hidden(node, bool(roots)) or node in unseen):
            continue
        yield node
        pending.extend(reversed(list(_inside(node))))


def _is_hidden(node: ast.stmt, is_called: bool) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.Raise):
        return True
    if isinstance(node, ast.Expr):
        hidden = _UNSEEN | {"print"} if is_called else _UNSEEN
        value = node.value  # a docstring, or a call that says nothing of the answer
        return isinstance(value, ast.Constant) or (
            isinstance(value, ast.Call) and _name_of(value) in hidden
        )
    return is_called and is_main_guard(node)


def is_main_guard(node: ast.AST) -> bool:
    """Whether it is `if __name__ == "__main__":`, which is for scripts alone."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )


def _inside(node: ast.AST) -> list[ast.AST]:
    """The parts of a node that tests can see."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return list(node.body)
    if isinstance(node, ast.Lambda):
        return [node.body]
    if isinstance(node, ast.AnnAssign | ast.FormattedValue):  # without annotation, and format
        return [node.value] if node.value is not None else []
    if isinstance(node, ast.Try):
        return [*node.body, *node.orelse, *node.finalbody]
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant):
        return []  # it has a change of its own
    return list(ast.iter_child_nodes(node))


def _unreached(tree: ast.Module, roots: frozenset[str]) -> frozenset[ast.AST]:
    """Functions and classes at the top that neither `roots` nor the module's statements use."""
    defined: dict[str, list[ast.stmt]] = {}
    loose: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.setdefault(node.name, []).append(node)
        elif not (roots and is_main_guard(node)):
            loose.append(node)
    known = roots & defined.keys()
    if roots and not known:
        return frozenset()  # the tests find the program in some other way
    pending = [*loose, *(node for name in known for node in defined[name])]
    used = set(known)
    while pending:
        for part in ast.walk(pending.pop()):
            name = part.id if isinstance(part, ast.Name) else None
            if name in defined and name not in used:
                used.add(name)
                pending.extend(defined[name])
    return frozenset(node for name in defined if name not in used for node in defined[name])


def _name_of(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
