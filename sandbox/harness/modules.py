"""Under which modules a test imports the program, told from the test alone.

Data sets call the program's file as they like: `solution`, `main`, `your_module`, `src.answer`.
So a module that the image cannot provide is the program, if it is the only such one; so is one
that is imported relatively, and one of the standard library of which nothing is imported that is
in it (`from code import add`). Well-known packages that are not in the image are never the program.
"""

import ast
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.errors import TestsError

PROGRAM: Final = "solution"
IMAGE: Final = """
    _pytest asynchat asyncore attr attrs distutils imp iniconfig more_itertools packaging pluggy py
    pytest smtpd
"""
"""What the image has beside the standard library of the Python that runs this."""
ELSEWHERE: Final = """
    aiohttp anyio bs4 cachetools click conftest cryptography cv2 cython dateutil django faker
    fastapi flask freezegun gensim gmpy2 google grpc hamcrest httpx hypothesis igraph jax jinja2
    joblib keras lxml marshmallow matplotlib mock mpmath msgpack nacl networkx nltk nose numba
    numexpr numpy openai openpyxl orjson pandas parameterized peewee pgmpy PIL plotly polars psutil
    pyarrow pydantic pyfakefs pygments pymongo pyparsing pyspark pytest_asyncio pytest_benchmark
    pytest_mock pytz rapidfuzz redis regex requests responses rich scipy seaborn selenium shapely
    simpy six skimage sklearn sortedcontainers spacy sqlalchemy starlette statsmodels sympy tabulate
    tensorflow testfixtures testtools torch torchvision tornado tqdm transformers trio twisted
    typeguard typing_extensions ujson urllib3 uvicorn websockets werkzeug xarray xgboost yaml z3
"""
"""Packages that tests use and the image lacks."""
CLASHING: Final = """
    array bisect calendar cmd code copy graphlib heapq numbers operator queue sched select
    statistics string struct test textwrap token types
"""
"""Modules of the standard library that a program's file is called like; loading them is safe."""
FILES: Final = ("solution", "main")  # what a program's file is called in a package
_IMAGE, _ELSEWHERE, _CLASHING = (frozenset(words.split()) for words in (IMAGE, ELSEWHERE, CLASHING))


@dataclass(frozen=True, slots=True)
class _Import:
    """One module that a test imports."""

    module: str
    names: tuple[str, ...]  # what it takes from there
    is_guarded: bool  # a failure of it is caught
    is_relative: bool = False

    @property
    def root(self) -> str:
        return self.module.partition(".")[0]


class Modules:
    """The modules of a test that are the program.

    Attributes:
        names: Their dotted names, sorted.
        roots: The first parts of those.
        missing: Modules that are needed and neither here nor the program's.
    """

    def __init__(self, tree: ast.Module, *, has_free_names: bool) -> None:
        found = list(_imports(tree))
        relative = {one.root for one in found if one.is_relative}
        unknown = [
            one for one in found if one.root not in relative and _is_unknown(one, tree, found)
        ]
        needed = _roots(one for one in unknown if not one.is_guarded)
        strangers = [root for root in needed if root in _ELSEWHERE]
        if has_free_names:  # and so a module that it does not even use is not where they are
            used = {one.root for one in unknown if one.names} | _loaded(tree)
            strangers += [root for root in needed if root not in used | _ELSEWHERE]
        possible = [root for root in needed if root not in strangers]
        guarded = _roots(one for one in unknown if one.is_guarded and one.root not in _ELSEWHERE)
        self.roots = relative | ({PROGRAM} & {*possible, *guarded})
        if not self.roots:
            first = possible[:1] or ([] if has_free_names else guarded[:1])
            self.roots = set(first if len(possible) < 2 else ())
        self.missing = strangers + [root for root in possible if root not in self.roots]
        bare = _loaded_bare(tree)
        self.names = sorted({name for one in found for name in self._dotted(one, bare)})

    def _dotted(self, one: _Import, bare: set[str]) -> Iterator[str]:
        if one.root not in self.roots or (one.is_relative and not one.names and one.root in bare):
            return
        yield one.module
        if one.module.rpartition(".")[2] not in FILES:
            modules = (name for name in one.names if name in FILES and name not in bare)
            yield from (f"{one.module}.{name}" for name in modules)

    def require(self) -> None:
        """Check that all is there.

        Raises:
            TestsError: A module is not.
        """
        if self.missing:
            raise TestsError(f"the test needs a module that is not here: {', '.join(self.missing)}")


def _loaded(tree: ast.Module) -> set[str]:
    aliases = {
        one.asname: one.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for one in node.names
        if one.asname
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {aliases.get(name, name) for name in names}


def _loaded_bare(tree: ast.Module) -> set[str]:
    """Names that are used otherwise than for an attribute of theirs, as no module is."""
    bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in names if id(node) not in bases}


def _roots(imports: Iterator[_Import]) -> list[str]:
    return list(dict.fromkeys(one.root for one in imports))


def _is_unknown(one: _Import, tree: ast.Module, found: Sequence[_Import]) -> bool:
    root = one.root
    if root in _CLASHING:
        beside = [other for other in found if other.root == root]
        return all(_is_without(other, tree) for other in beside)
    return root not in sys.stdlib_module_names | _IMAGE | {"__main__", ""}


def _is_without(one: _Import, tree: ast.Module) -> bool:
    """Whether a module of the standard library has nothing of what a test takes from it."""
    names = set(one.names) or {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == one.module
    }
    try:
        module = importlib.import_module(one.module)
    except ImportError:
        return True
    return bool(names) and "*" not in names and not any(hasattr(module, name) for name in names)


def _imports(tree: ast.Module) -> Iterator[_Import]:
    guarded = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.Try)
        for block in (outer.body, *(one.body for one in outer.handlers))
        for statement in block
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        is_guarded = id(node) in guarded
        if isinstance(node, ast.Import):
            yield from (_Import(one.name, (), is_guarded) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(one.name for one in node.names)
            if node.module:
                yield _Import(node.module, names, is_guarded, bool(node.level))
            else:
                yield from (_Import(name, (), is_guarded, True) for name in names)
        elif isinstance(node, ast.Call) and (name := _imported_by_call(node)):
            yield _Import(name, (), True)


def _imported_by_call(node: ast.Call) -> str | None:
    """The module of `importlib.import_module("main")`, or of `__import__("main")`."""
    function = node.func
    called = function.attr if isinstance(function, ast.Attribute) else ""
    called = function.id if isinstance(function, ast.Name) else called
    if called not in ("import_module", "__import__") or not node.args:
        return None
    first = node.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
