"""A turn of a Python session: the state in, code run, what it wrote and the state out.

It runs in the sandbox alone. Values are pickled; imports, functions, classes and lambdas with a
name are kept as their source.
"""

import ast
import base64
import builtins
import json
import pickle
import sys
import traceback
import types
from typing import Any


def load(module: types.ModuleType, state: dict[str, Any]) -> None:
    """Definitions, then values, then definitions that wanted values."""
    for _ in range(2):
        for source in state["sources"].values():
            try:
                exec(compile(source, "<session>", "exec"), module.__dict__)
            except Exception:
                continue
        module.__dict__.update(pickle.loads(base64.b64decode(state["values"])))


def name_of(node: ast.stmt) -> str | None:
    """The name that a statement defines, if its source is to be kept."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Import | ast.ImportFrom):
        return ast.unparse(node)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        return ast.unparse(node.targets[0])
    return None


def run(module: types.ModuleType, code: str, sources: dict[str, str]) -> None:
    """Run code as an interactive interpreter would: a last expression is shown."""
    tree = ast.parse(code, "<session>")
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    for node in tree.body:
        exec(compile(ast.Module([node], []), "<session>", "exec"), module.__dict__)
        if (name := name_of(node)) is not None:
            sources.pop(name, None)
            sources[name] = ast.unparse(node)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<session>", "eval"), module.__dict__)
        if value is not None:
            print(repr(value))


def kept(module: types.ModuleType, sources: dict[str, str], most: int) -> tuple[str, list[str]]:
    """What can be kept of the module's values, and the names of the others."""
    values: dict[str, Any] = {}
    lost: list[str] = []
    size = 0
    for name, value in list(module.__dict__.items()):
        if name.startswith("__") or name in sources or isinstance(value, types.ModuleType):
            continue
        if getattr(builtins, name, None) is value or isinstance(value, type | types.FunctionType):
            continue
        try:
            own = len(pickle.dumps(value)) * 4 // 3
        except Exception:
            own = most + 1
        if size + own > most:
            lost.append(name)
            continue
        size += own
        values[name] = value
    return base64.b64encode(pickle.dumps(values)).decode(), lost


def main() -> None:
    asked = json.load(sys.stdin)
    state = json.loads(asked["state"] or '{"sources": {}, "values": null}')
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.setrecursionlimit(3000)
    if state["values"] is not None:
        load(module, state)
    sources, failed = state["sources"], False
    try:
        run(module, asked["code"], sources)
    except BaseException as error:
        failed = True
        frames = [
            one for one in traceback.extract_tb(error.__traceback__) if one.filename == "<session>"
        ]
        where = f"line {frames[-1].lineno}: " if frames else ""
        print(f"{where}{''.join(traceback.format_exception_only(error)).strip()}")
    sys.stdout.flush()
    values, lost = kept(module, sources, asked["state_bytes"])
    if lost:
        print(f"[not kept for the next call: {', '.join(lost)}]")
    out = {"state": json.dumps({"sources": sources, "values": values}), "failed": failed}
    out_stream = sys.__stdout__ or sys.stdout  # code may have replaced the latter
    out_stream.write(asked["mark"] + json.dumps(out))
    out_stream.flush()


main()
