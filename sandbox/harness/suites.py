"""The test functions, classes and cases of a file, as pytest and unittest collect them."""

import ast
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sandbox.harness.names import FUNCTIONS, Function, Names

BUILTIN_FIXTURES: Final = """
    cache capfd capfdbinary caplog capsys capsysbinary capteesys doctest_namespace monkeypatch
    pytestconfig record_property record_testsuite_property record_xml_attribute recwarn request
    subtests tmp_path tmp_path_factory tmpdir tmpdir_factory
"""
INERT: Final = ("skip", "xfail", "expectedFailure")
SETUPS: Final = frozenset(
    f"{when}_{what}" for when in ("setup", "teardown") for what in ("module", "function")
)


class Suites:
    """The test functions, classes and cases of a file."""

    def __init__(self, tree: ast.Module, names: Names) -> None:
        self._names = names
        self.functions: list[str] = []
        self.excluded: set[str] = set()
        self.inert = False
        self.counted = 0
        self.needs_pytest = False
        self.unknown: tuple[str, str] | None = None
        self._fixtures = set(BUILTIN_FIXTURES.split()) | {
            name
            for name, found in names.functions.items()
            if any(_is_fixture(one) for one in found)
        }
        self._is_inert = any(_marks_inert(one) for one in tree.body)
        own_calls = set(_unconditional_calls(tree.body))
        for one in _definitions(tree.body):
            if isinstance(one, ast.ClassDef):
                self._class(one)
            elif one.name.startswith("test") and not _is_fixture(one):
                self._function(one, own_calls)
            elif one.name in SETUPS or (_is_fixture(one) and _is_automatic(one)):
                self.needs_pytest = True
        self.functions = list(dict.fromkeys(self.functions))

    def _function(self, node: Function, own_calls: set[str]) -> None:
        missing = self._missing(node)
        if missing and self._names.loaded.count(node.name):
            self.excluded.add(node.name)  # a helper, which the file calls itself
            return
        if node.name in own_calls:
            self.excluded.add(node.name)
            return
        if missing:
            self.unknown = (node.name, missing)
        if node.args.args or node.decorator_list or isinstance(node, ast.AsyncFunctionDef):
            self.needs_pytest = True
        self.functions.append(node.name)
        self._count(node, is_inert=self._is_inert)

    def _class(self, node: ast.ClassDef, *, is_inert: bool = False) -> None:
        chain = [node, *self._bases(node)]
        methods = [
            one
            for kind in chain
            for one in kind.body
            if isinstance(one, FUNCTIONS) and one.name.startswith("test")
        ]
        is_inert = is_inert or self._is_inert or any(map(_is_inert_mark, node.decorator_list))
        is_inert = is_inert or any(_marks_inert(one) for one in node.body)
        is_case = any(_last(base).endswith("TestCase") for kind in chain for base in kind.bases)
        if is_case:
            if any(_is_fixture(one) for one in node.body if isinstance(one, FUNCTIONS)):
                self.needs_pytest = True
            if any("pytest" in _dotted(mark) for one in (node, *methods) for mark in _marks(one)):
                self.needs_pytest = True
        elif not node.name.startswith("Test") or _has_init(node):
            return
        else:
            self.needs_pytest = True
            for one in node.body:
                if isinstance(one, ast.ClassDef):
                    self._class(one, is_inert=is_inert)
        for method in methods:
            self._count(method, is_inert=is_inert)

    def _count(self, node: Function, *, is_inert: bool) -> None:
        if is_inert or any(map(_is_inert_mark, node.decorator_list)):
            self.inert = True
        elif any(not _does_nothing(one) for one in node.body):
            self.counted += 1

    def _bases(self, node: ast.ClassDef) -> list[ast.ClassDef]:
        found: list[ast.ClassDef] = []
        pending = [node]
        while pending:
            for base in pending.pop().bases:
                one = self._names.classes.get(_last(base))
                if one is not None and one is not node and one not in found:
                    found.append(one)
                    pending.append(one)
        return found

    def _missing(self, node: Function) -> str | None:
        """An argument that no fixture and no mark gives."""
        arguments = node.args
        plain = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        wanted = plain[: len(plain) - len(arguments.defaults)]
        wanted += [
            one.arg
            for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is None
        ]
        given = set(self._fixtures)
        for mark in node.decorator_list:
            names = _parametrized(mark)
            if names is None:
                return None
            given |= names
        return next((name for name in wanted if name not in given), None)


def _definitions(body: Sequence[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    for one in body:
        if isinstance(one, (*FUNCTIONS, ast.ClassDef)):
            yield one
        for block in ("body", "orelse", "handlers", "finalbody"):
            if not isinstance(one, (*FUNCTIONS, ast.ClassDef)):
                yield from _definitions(getattr(one, block, ()))


def _unconditional_calls(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Functions without arguments that the file calls itself, with nothing to catch a failure."""
    for one in body:
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
            function = one.value.func
            if isinstance(function, ast.Name) and not one.value.args:
                yield function.id
        elif isinstance(one, ast.If) and "__main__" in ast.dump(one.test):
            yield from _unconditional_calls(one.body)


def _is_fixture(node: Function) -> bool:
    return any(_dotted(one).split(".")[-1] == "fixture" for one in _marks(node))


def _is_automatic(node: Function) -> bool:
    return any("autouse" in ast.dump(one) for one in node.decorator_list)


def _marks(node: Function | ast.ClassDef) -> list[ast.expr]:
    return [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]


def _is_inert_mark(node: ast.expr) -> bool:
    """Whether a mark keeps a test from showing anything, whatever the program is."""
    mark = node.func if isinstance(node, ast.Call) else node
    if _last(mark) in INERT:
        given = (
            [*node.args, *(k.value for k in node.keywords if k.arg == "condition")]
            if (isinstance(node, ast.Call) and _last(mark) == "xfail")
            else []
        )
        return not given
    if _last(mark) not in ("skipif", "skipIf", "skipUnless") or not isinstance(node, ast.Call):
        return False
    condition = node.args[0] if node.args else None
    return isinstance(condition, ast.Constant) and bool(condition.value) is (
        _last(mark) != "skipUnless"
    )


def _marks_inert(node: ast.stmt) -> bool:
    """Whether a statement skips all of its module or class."""
    if isinstance(node, ast.Assign) and any(_last(one) == "pytestmark" for one in node.targets):
        value = node.value
        marks = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        return any(map(_is_inert_mark, marks))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _dotted(node.value.func) == "pytest.skip"
    return isinstance(node, ast.Raise) and "SkipTest" in ast.dump(node)


def _parametrized(mark: ast.expr) -> set[str] | None:
    """The arguments that a mark gives; None: nobody knows which."""
    if not isinstance(mark, ast.Call):
        return set() if "mark" in _dotted(mark) or _last(mark) in INERT else None
    if _last(mark.func) != "parametrize":
        return set() if "mark" in _dotted(mark.func) or "skip" in _dotted(mark.func) else None
    first: Any = mark.args[0] if mark.args else None
    for keyword in mark.keywords:
        first = keyword.value if keyword.arg == "argnames" else first
    try:
        value = ast.literal_eval(first)
    except (ValueError, TypeError, SyntaxError):
        return None
    if isinstance(value, str):
        return {one.strip() for one in value.split(",")}
    return set(value) if isinstance(value, list | tuple) else None


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript | ast.Call):
        return _last(node.value if isinstance(node, ast.Subscript) else node.func)
    return _dotted(node).rpartition(".")[2]


def _has_init(node: ast.ClassDef) -> bool:
    return any(
        isinstance(one, FUNCTIONS) and one.name in ("__init__", "__new__") for one in node.body
    )


def _does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass | ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
