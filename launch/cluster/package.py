"""What a job takes along: the resolved config, and the files that it names by relative paths.

Guarantees: a file keeps its relative path, so that the job finds it as `plumb train` would here;
what is named by an absolute path stays where it is, for every node to find it there; hidden files
and caches are left out; the whole is at most `MOST` bytes.
"""

import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any, Final

from data.builtin import PREFIX
from launch.cluster.imports import imports_beside, visible_files
from rl.config import RunConfig
from rl.config_file import dump_config
from rl.errors import ConfigError

MOST: Final = 100 << 20
CONFIG: Final = "config.yaml"
PATHS: Final[Mapping[str, str]] = {
    "data.train": "data",
    "data.eval": "data",
    "data.sources.*.file": "data",
    "evaluation.*.file": "data",
    "model.path": "model",
    "rollout.template_file": "template",
    "agent.folder": "agent",
}
"""Settings that name a file or a folder, and what that is. Elsewhere a text that is the path of a
file, or of a file and a name in it, is one too."""
MUST_BE: Final = frozenset({"data", "template", "agent"})
ON_NODES: Final = ("run_dir", "agent.rootfs", "agent.readable.*")
"""Settings that name folders of the nodes."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file that goes along.

    Attributes:
        path: relative, as it is here and there.
        kind: what it is.
        size: bytes.
    """

    path: PurePosixPath
    kind: str
    size: int


@dataclass(slots=True)
class Package:
    """What a job takes along.

    Attributes:
        config: the settings.
        items: files beside them, by relative path.
        elsewhere: paths that every node must have, by the setting that names them.
        python_path: folders for Python's path beside the package's own.
    """

    config: RunConfig
    items: dict[PurePosixPath, Item] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    python_path: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes, the config's included."""
        return len(self.text.encode()) + sum(one.size for one in self.items.values())

    @property
    def text(self) -> str:
        """The settings as the job reads them."""
        return dump_config(self.config)

    def write(self, folder: Path) -> None:
        """Lay everything into an empty folder."""
        for item in self.items.values():
            target = folder / item.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(item.path), target)
        (folder / CONFIG).write_text(self.text, encoding="utf-8")


def package_of(config: RunConfig, include: Sequence[Path] = ()) -> Package:
    """Find what a run of these settings needs from this folder.

    Args:
        config: the settings, whole.
        include: further files and folders, by relative path.

    Raises:
        ConfigError: a file is missing, lies outside of this folder, or all are too large.
    """
    package = Package(config)
    for key, value in _texts(config.model_dump(mode="json")):
        _add_setting(package, key, value)
    for path in include:
        if not path.exists():
            raise ConfigError(f"--include {path}: there is no such file or folder")
        _add(package, "--include", path, "included")
    if PurePosixPath(CONFIG) in package.items:
        raise ConfigError(f"{CONFIG} is what the job's settings are called: rename yours")
    if package.size > MOST:
        raise ConfigError(_too_large(package))
    return package


def size_words(size: int) -> str:
    """A size for people."""
    if size < 1 << 10:
        return f"{size} B"
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size / (1 << 10):.1f} KiB"


def _add_setting(package: Package, key: str, value: str) -> None:
    kind = next((kind for pattern, kind in PATHS.items() if fnmatch(key, pattern)), None)
    if any(fnmatch(key, pattern) for pattern in ON_NODES):
        _must_be_absolute(key, value)
        package.elsewhere[key] = value
        return
    plugin = _plugin_file(value)
    if plugin is not None:
        _add_plugin(package, key, plugin)
        return
    if value.startswith(PREFIX):
        return
    path = Path(value)
    if path.is_absolute():
        if kind is not None or path.suffix:
            package.elsewhere[key] = value
    elif kind is not None and (path.exists() or kind in MUST_BE):
        _add(package, key, path, kind)
    elif kind is None and path.suffix and "\n" not in value and _is_file(path):
        _add(package, key, path, "file")


def _must_be_absolute(key: str, value: str) -> None:
    if not Path(value).is_absolute():
        raise ConfigError(
            f"{key}={value}: a job's own folder goes when it ends: name one on a file system that "
            f"all nodes share, such as {key}=/shared/{value}"
        )


def _plugin_file(value: str) -> Path | None:
    """The file of `path/to/file.py:NAME`."""
    path, colon, name = value.rpartition(":")
    return Path(path) if colon and path.endswith(".py") and name.isidentifier() else None


def _add_plugin(package: Package, key: str, plugin: Path) -> None:
    if plugin.is_absolute():
        package.elsewhere[key] = str(plugin)
        return
    if not plugin.is_file():
        raise ConfigError(f"{key}: there is no file {plugin} in {Path.cwd()}")
    _add(package, key, plugin, "plugin")
    for file, place in imports_beside(plugin, [Path()]).items():
        _add(package, key, file, "import")
        if place != Path() and place.as_posix() not in package.python_path:
            package.python_path.append(place.as_posix())


def _add(package: Package, key: str, path: Path, kind: str) -> None:
    """A file, or what can be seen of a folder."""
    if path.is_absolute() or ".." in path.parts:
        raise ConfigError(
            f"{key}: {path} lies outside of {Path.cwd()}: submit from a folder that holds it, or "
            "put it where all nodes find it and name its absolute path"
        )
    try:
        if not path.exists():
            raise ConfigError(f"{key}: there is no {path} in {Path.cwd()}")
        for file in visible_files(path) if path.is_dir() else [path]:
            if not stat.S_ISREG(file.stat().st_mode):
                raise ConfigError(f"{key}: {file} is no file that can be sent: take it out")
            place = PurePosixPath(file.as_posix())
            package.items.setdefault(place, Item(place, kind, file.stat().st_size))
    except OSError as error:  # a link to nothing or in a circle, or somebody else's file
        reason = error.strerror or error
        raise ConfigError(f"{key}: {error.filename or path} cannot be read: {reason}") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or no path at all
        return False


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of the settings, with its key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, f"{key}.{number}")


def _too_large(package: Package) -> str:
    largest = max(package.items.values(), key=lambda one: one.size)
    return (
        f"the package is {size_words(package.size)}, of which {largest.path} is "
        f"{size_words(largest.size)}; a job takes at most {size_words(MOST)} along: put it on a "
        f"file system that all nodes share, and name its absolute path, such as "
        f"/shared/{largest.path}"
    )
