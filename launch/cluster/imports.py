"""What a plugin file imports from beside it, found without running it."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rl.errors import ConfigError

OURS: Final = frozenset({"rl", "rewards", "sandbox", "data", "launch"})
"""Installed on every node, even where the job is submitted from Plumb's own checkout."""
LEFT_OUT: Final = frozenset({"__pycache__", "node_modules"})


def imports_beside(plugin: Path, roots: Sequence[Path] = ()) -> dict[Path, Path]:
    """Files that a plugin imports from its folder or a root, and what these import in turn.

    A package is taken whole, with the data in it. Imports by a name that is only known as the
    program runs cannot be seen.

    Returns:
        Each file, and the folder that has to be on Python's path for it.

    Raises:
        ConfigError: a file cannot be read as Python.
    """
    found: dict[Path, Path] = {}
    waiting = [plugin]
    places = list(dict.fromkeys([plugin.parent, *roots]))
    while waiting:
        file = waiting.pop()
        for name in _imported(file):
            for place in places:
                files = _files_of(place, name)
                new = [one for one in files if one not in found and one != plugin]
                found |= dict.fromkeys(new, place)
                waiting += [one for one in new if one.suffix == ".py"]
                if files:
                    break
    return found


def visible_files(folder: Path) -> Iterator[Path]:
    """Every file beneath, in order, without hidden ones and caches."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in LEFT_OUT:
            continue
        if path.is_dir():
            yield from visible_files(path)
        else:
            yield path


def _imported(file: Path) -> set[str]:
    """First parts of the names of modules that a file imports anywhere in it."""
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ConfigError(f"{file}{line}: is no Python: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names - OURS


def _files_of(place: Path, name: str) -> list[Path]:
    """The files of a module that lies in a folder; none where it does not."""
    alone, package = place / f"{name}.py", place / name
    if package.is_dir() and any(package.glob("*.py")):
        return list(visible_files(package))
    return [alone] if alone.is_file() else []
