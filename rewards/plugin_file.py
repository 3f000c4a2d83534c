"""Code that lives in a file of the user's: "path/to/file.py:function", or a class.

Guarantees: the file is imported once for each version of it, under a module name made from its
path and content, so that two plugins of the same file name never meet; whatever goes wrong is one
line that names the file and, if the plugin raised, the line.
"""

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from rewards.errors import PluginError, RewardError


def is_file_spec(spec: str) -> bool:
    """Whether `spec` names a file rather than a registered verifier."""
    return spec.endswith(".py") or ".py:" in spec


def absolute_spec(spec: str) -> str:
    """`spec` with its path made absolute."""
    path, function = _split(spec)
    return f"{path}:{function}"


def load_from_file(spec: str, what: str = "verifier") -> tuple[object, str]:
    """What the name stands for in the file, and a label for messages, which call it `what`.

    Raises:
        PluginError: The file is missing, does not import, or has no such name.
    """
    path, function = _split(spec)
    if not path.is_file():
        raise PluginError(
            f"there is no {what} file {path} (from '{spec}'); a relative path starts at the "
            f"current directory, {Path.cwd()}"
        )
    module = _import(path, what)
    if not hasattr(module, function):
        public = ", ".join(n for n, v in vars(module).items() if callable(v) and n[0] != "_")
        kind = "function" if what == "verifier" else what
        raise PluginError(f"{path} has no {kind} '{function}' (it has: {public or 'none'})")
    return getattr(module, function), f"'{function}' of {path}"


def _split(spec: str) -> tuple[Path, str]:
    path, colon, function = spec.rpartition(":")
    if not colon or not function.isidentifier():
        raise PluginError(f"'{spec}' names no function or class; write path/to/file.py:NAME")
    return Path(path).resolve(), function


def _import(path: Path, what: str) -> ModuleType:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise PluginError(f"the {what} file {path} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(f"{path}\0".encode() + source).hexdigest()[:16]
    name = f"plumb_plugin_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    made = importlib.util.spec_from_file_location(name, path)
    if made is None or made.loader is None:
        raise PluginError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(made)
    sys.modules[name] = module  # dataclasses and pickle look the module up while it is imported
    try:
        made.loader.exec_module(module)
    except RewardError:
        del sys.modules[name]
        raise
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise PluginError(f"{_place(path, error)} failed to import: {_line(error)}") from error
    return module


def _place(path: Path, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f"{path}, line {lines[-1]}," if lines else str(path)


def _line(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())}"
