"""A turn of a Python session: the state in, code run, what it wrote and the state out.

It runs in the sandbox alone. Values are pickled; imports, functions, classes and lambdas with a
name are kept as their source. Whatever else is left behind is named, so that no later call fails
over it.
"""

import ast
import base64
import builtins
import contextlib
import importlib
import io
import json
import pickle
import sys
import traceback
import types
from typing import Any

MISSING = object()


class Definitions:
    """The sources that are run again in the next call, and what they have made in this one.

    Attributes:
        sources: By name; of imports, by what they say.
        made: What a name was given by a source, and which one that was.
    """

    def __init__(self, module: types.ModuleType, sources: dict[str, str]) -> None:
        self.module = module
        self.sources = sources
        self.made: dict[str, tuple[Any, str]] = {}

    def run(self, node: ast.stmt) -> None:
        """Run a statement, and keep its source if it defines something."""
        before = dict(self.module.__dict__)
        exec(compile(ast.Module([node], []), "<session>", "exec"), self.module.__dict__)
        if (key := self._key(node)) is not None:
            self.sources.pop(key, None)
            self.sources[key] = ast.unparse(node)
            self._note(key, before)

    def run_again(self) -> None:
        """Run all that was kept; what cannot be run now is passed over."""
        for key, source in self.sources.items():
            before = dict(self.module.__dict__)
            try:
                exec(compile(source, "<session>", "exec"), self.module.__dict__)
            except Exception:
                continue
            self._note(key, before)

    def covers(self, name: str) -> bool:
        """Whether a name has what a source gives it, and nothing newer."""
        return name in self.made and self.module.__dict__.get(name) is self.made[name][0]

    def forget(self) -> None:
        """Drop the sources of what has been given another value since."""
        names = self.module.__dict__
        for name, (_, key) in self.made.items():
            if key == name and name in names and not self.covers(name):
                self.sources.pop(key, None)

    def _note(self, key: str, before: dict[str, Any]) -> None:
        """What a source has made: its name, and of an import all that is new."""
        for name, value in self.module.__dict__.items():
            if (name == key or " " in key) and before.get(name, MISSING) is not value:
                self.made[name] = value, key

    def _key(self, node: ast.stmt) -> str | None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return node.name
        if isinstance(node, ast.Import | ast.ImportFrom):
            return ast.unparse(node)
        if not isinstance(node, ast.Assign) or not isinstance(target := node.targets[0], ast.Name):
            return None
        if isinstance(node.value, ast.Lambda):
            return target.id
        value = self.module.__dict__.get(target.id)
        if isinstance(value, type) and value.__module__ == "__main__":  # as a named tuple is
            return target.id if value.__qualname__ == target.id else None
        return None


class Pickler(pickle.Pickler):
    """Pickles modules too, by name."""

    def reducer_override(self, value: Any) -> Any:
        """How a module is made again; all else as it says itself."""
        if isinstance(value, types.ModuleType):
            return importlib.import_module, (value.__name__,)
        return NotImplemented


class Lenient(pickle.Unpickler):
    """Gives something in the place of what a source makes that wants values first."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands under a name."""
        try:
            return super().find_class(module, name)
        except AttributeError:
            return Undefined


class Undefined:
    """Takes whatever it is made with, and whatever is done to it then."""

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self


class Checking(pickle.Unpickler):
    """Refuses what the next call would not find: of this module what has no source."""

    def __init__(self, file: io.BytesIO, definitions: Definitions) -> None:
        super().__init__(file)
        self.definitions = definitions

    def find_class(self, module: str, name: str) -> Any:
        """What stands under a name that is there in the next call too."""
        if module == "__main__" and not self.definitions.covers(name.partition(".")[0]):
            raise pickle.UnpicklingError(f"{name} has no source")
        return super().find_class(module, name)


def dumped(value: Any) -> bytes:
    """A value as bytes."""
    file = io.BytesIO()
    Pickler(file).dump(value)
    return file.getvalue()


def load(definitions: Definitions, values: str) -> None:
    """Definitions, then values, then definitions that wanted values, and the values of those."""
    pickled = base64.b64decode(values)
    names = definitions.module.__dict__
    with contextlib.redirect_stdout(io.StringIO()):  # it was shown by the call that defined them
        definitions.run_again()
        first: dict[str, Any] = {}
        with contextlib.suppress(Exception):
            first = Lenient(io.BytesIO(pickled)).load()
        names.update(first)
        definitions.run_again()
        for name in first:
            names.pop(name, None)
        names.update(pickle.loads(pickled))


def run(definitions: Definitions, code: str) -> None:
    """Run code as an interactive interpreter would: a last expression is shown."""
    tree = ast.parse(code, "<session>")
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    for node in tree.body:
        definitions.run(node)
    if isinstance(last, ast.Expr):
        names = definitions.module.__dict__
        value = eval(compile(ast.Expression(last.value), "<session>", "eval"), names)
        if value is not None:
            print(repr(value))


def kept(definitions: Definitions, most: int) -> tuple[str, list[str]]:
    """What can be kept of the module's values, and the names of the others."""
    definitions.forget()
    values: dict[str, Any] = {}
    lost: list[str] = []
    size = 0
    for name, value in list(definitions.module.__dict__.items()):
        if name.startswith("__") or definitions.covers(name):
            continue
        if getattr(builtins, name, MISSING) is value:
            continue
        try:
            own = size_of(value, definitions, most)
        except Exception:
            own = most + 1
        if size + own > most:
            lost.append(name)
            continue
        size += own
        values[name] = value
    return base64.b64encode(dumped(values)).decode(), lost


def size_of(value: Any, definitions: Definitions, most: int) -> int:
    """Letters that a value takes; raises whatever is wrong with one that cannot be kept."""
    pickled = dumped(value)
    size = len(pickled) * 4 // 3
    if size <= most:  # a larger one may have no room beside what it makes
        with contextlib.redirect_stdout(io.StringIO()):
            Checking(io.BytesIO(pickled), definitions).load()
    return size


def main() -> None:
    asked = json.load(sys.stdin)
    state = json.loads(asked["state"] or '{"sources": {}, "values": null}')
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.setrecursionlimit(3000)
    definitions, failed = Definitions(module, state["sources"]), False
    if state["values"] is not None:
        try:
            load(definitions, state["values"])
        except Exception as error:
            print(f"[values of earlier calls are lost: {type(error).__name__}: {error}]")
    try:
        run(definitions, asked["code"])
    except BaseException as error:
        failed = True
        frames = [
            one for one in traceback.extract_tb(error.__traceback__) if one.filename == "<session>"
        ]
        where = f"line {frames[-1].lineno}: " if frames else ""
        print(f"{where}{''.join(traceback.format_exception_only(error)).strip()}")
    sys.stdout.flush()
    values, lost = kept(definitions, asked["state_bytes"])
    if lost:
        print(f"[not kept for the next call: {', '.join(lost)}]")
    after = json.dumps({"sources": definitions.sources, "values": values})
    out = {"state": after, "failed": failed}
    out_stream = sys.__stdout__ or sys.stdout  # code may have replaced the latter
    out_stream.write(asked["mark"] + json.dumps(out))
    out_stream.flush()


main()
