"""Settings that begin with those of other files: `extends: base.yaml`, or a list of them.

Guarantees: a path is relative to the file that names it. Sections merge key by key, at any depth;
every other value, a list too, takes the place of the one before. Of several files a later one wins,
and the file that extends wins over all. `null` in place of a section takes out what the files
before say there. A circle is refused with every file of it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rl.errors import ConfigError

EXTENDS: Final = "extends"
"""The key; no setting, it is gone from what is read."""

Read = Callable[[Path], Any]


def extended(path: Path, read: Read) -> tuple[Any, list[Path]]:
    """The settings of a file with those that it extends.

    Args:
        path: the file.
        read: reads one file's own.

    Returns:
        The settings, and every file that they come from: this one, then those beneath it.

    Raises:
        ConfigError: a file cannot be read, extends itself, or names what is no file.
    """
    return _extended(path, read, ())


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with what `above` says in its place."""
    found = dict(below)
    for key, value in above.items():
        there = found.get(key)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            found[key] = merged(there, value)
        elif isinstance(there, Mapping) and value is None:
            del found[key]
        else:
            found[key] = value
    return found


def _extended(path: Path, read: Read, above: tuple[Path, ...]) -> tuple[Any, list[Path]]:
    here = path.resolve()
    if here in above:
        circle = [*above[above.index(here) :], here]
        raise ConfigError(
            f"{above[-1]}: extends goes in a circle: {' -> '.join(one.name for one in circle)}; "
            "take one of them out"
        )
    tree = read(path)
    if not isinstance(tree, dict) or EXTENDS not in tree:
        return tree, [path]
    below: dict[str, Any] = {}
    files = [path]
    for name in _names(tree.pop(EXTENDS), path):
        base, of_base = _extended(path.parent / name, read, (*above, here))
        if not isinstance(base, dict | None):
            raise ConfigError(f"{path.parent / name} must hold `key: value` settings")
        below = merged(below, base or {})
        files += of_base
    return merged(below, tree), list(dict.fromkeys(files))


def _names(value: Any, path: Path) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
        raise ConfigError(
            f"{path}: extends is {value!r:.80}; write a config's path, such as base.yaml, or a "
            "list of them"
        )
    return names
