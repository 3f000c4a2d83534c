"""Taking a test of plain asserts apart, so that its expected values stay outside of the sandbox.

A test can be split when every statement asserts something about one call with literal arguments:
`assert f(1, [2]) == 3`, `assert f(x) is None`, `assert not f(x)`, `assert abs(f(x) - 1.5) < 1e-6`.
Anything else is left to a checker process: then the functions here give None. The test's source is
read as a syntax tree, and never run.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.agent.plain import NotPlainError, encode
from sandbox.calls import CallPlan, Claim
from sandbox.expected import Near, Not, Related, Relation

_RELATIONS: dict[type[ast.cmpop], Relation] = {ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is"}


class _UnsplittableError(Exception):
    """The test says more than asserts about calls."""


def split_check(source: str, entry_point: str) -> CallPlan | None:
    """The calls of `def check(candidate)`; None: it cannot be split."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    check: ast.FunctionDef | None = None
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "check" and check is None:
            check = statement
        elif not _does_nothing(statement):
            return None
    if check is None or check.decorator_list or len(check.args.args) != 1:
        return None
    return _plan(check.body, check.args.args[0].arg, entry_point)


def split_script(source: str) -> CallPlan | None:
    """The calls of a script of asserts about one function; None: it cannot be split."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = {
        node.func.id
        for statement in module.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id != "abs"
    }
    if len(names) != 1:
        return None
    (name,) = names
    return _plan(module.body, name, name)


def _plan(body: Sequence[ast.stmt], name: str, entry_point: str) -> CallPlan | None:
    claims = []
    try:
        for statement in body:
            if isinstance(statement, ast.Assert):
                if not (isinstance(statement.test, ast.Constant) and statement.test.value):
                    claims.append(_claim(statement.test, name))
            elif not _does_nothing(statement):
                return None
    except (_UnsplittableError, NotPlainError, RecursionError, MemoryError):
        return None
    return CallPlan(entry_point, claims) if claims else None


def _does_nothing(statement: ast.stmt) -> bool:
    """A docstring, `pass`, or the METADATA that HumanEval's tests carry."""
    if isinstance(statement, ast.Assign):
        targets = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        return targets == ["METADATA"] and isinstance(statement.value, ast.Dict)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass)


def _claim(test: ast.expr, name: str) -> Claim:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _claim(test.operand, name)
        return Claim(inner.args, inner.kwargs, Not(inner.holds))
    if isinstance(test, ast.Call):
        return _of_call(test, name, bool)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        raise _UnsplittableError
    left, right = test.left, test.comparators[0]
    if isinstance(test.ops[0], ast.Lt | ast.LtE):
        return _near(left, right, name, strictly=isinstance(test.ops[0], ast.Lt))
    if not _is_call(left, name):
        left, right = right, left
    relation = _RELATIONS.get(type(test.ops[0]))
    expected = _literal(right)
    if relation is None or not isinstance(left, ast.Call):
        raise _UnsplittableError
    if isinstance(test.ops[0], ast.Is) and expected not in (None, True, False):
        raise _UnsplittableError
    return _of_call(left, name, Related(relation, expected))


def _near(left: ast.expr, right: ast.expr, name: str, *, strictly: bool) -> Claim:
    """`abs(f(x) - 1.5) < 1e-6`, or with both sides of the minus exchanged."""
    is_abs = (
        isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "abs"
    )
    if not is_abs or not isinstance(left, ast.Call) or len(left.args) != 1 or name == "abs":
        raise _UnsplittableError
    difference = left.args[0]
    if not isinstance(difference, ast.BinOp) or not isinstance(difference.op, ast.Sub):
        raise _UnsplittableError
    one, other = difference.left, difference.right
    if not _is_call(one, name):
        one, other = other, one
    expected, most = _literal(other), _literal(right)
    if not isinstance(one, ast.Call) or not all(
        isinstance(number, int | float) for number in (expected, most)
    ):
        raise _UnsplittableError
    return _of_call(one, name, Near(expected, most, strictly))


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _of_call(call: ast.Call, name: str, holds: Callable[[Any], bool]) -> Claim:
    if not _is_call(call, name):
        raise _UnsplittableError
    args = [_literal(arg) for arg in call.args]
    kwargs = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise _UnsplittableError
        kwargs[keyword.arg] = _literal(keyword.value)
    encode([args, kwargs])  # refuses what cannot be handed over
    return Claim(args, kwargs, holds)


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError) as error:
        raise _UnsplittableError from error
