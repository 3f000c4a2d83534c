"""Reading and writing a run's settings: YAML, what it extends, and `key.path=value` overrides.

Guarantees: what is not understood is refused, a line a fault, with the place, the key's path and,
for a misspelt one, the nearest valid name.
"""

import difflib
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rl.config import RunConfig
from rl.config_extends import EXTENDS, extended, merged
from rl.config_fields import field_paths, section_of
from rl.config_old import forget_old
from rl.errors import ConfigError

MERGE = "tag:yaml.org,2002:merge"


class SettingsLoader(yaml.SafeLoader):
    """PyYAML's safe loader, but a repeated key is refused and `1e-4` is a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys each stand once."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                if key.value in seen:
                    problem = f"the key {key.value!r} stands here a second time"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


SettingsLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _unsaid(line: str) -> None:
    """Where nobody reads it."""


def load_config(
    path: Path | None, overrides: Sequence[str] = (), *, say: Callable[[str], None] = _unsaid
) -> RunConfig:
    """Read `path` (YAML) over what it extends, apply overrides in their order, and validate.

    An override is `key.path=value`, the value YAML, or the path of a further config, which is laid
    over what is there. Without a path there are the overrides alone. `say` is given a line on what
    is extended, and on each setting of an earlier version.

    Raises:
        ConfigError: the file or an override is unusable; one line a fault, each with its path.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        tree = _laid_over(tree, path, say)
    for override in overrides:
        if _is_file(override):
            tree = _laid_over(tree, Path(override), say)
        else:
            _apply_override(tree, override)
    for line in forget_old(tree):
        say(f"{path}: {line}")
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors()]
        where = "settings" if path is None else path
        raise ConfigError("\n".join(f"{where}: {fault}" for fault in faults)) from error


def config_files(path: Path, overrides: Sequence[str] = ()) -> list[Path]:
    """A config's file, those among its overrides, and all that they extend.

    Raises:
        ConfigError: one cannot be read, or they go in a circle.
    """
    named = [path, *(Path(one) for one in overrides if _is_file(one))]
    return list(dict.fromkeys(file for one in named for file in extended(one, _read)[1]))


def _is_file(override: str) -> bool:
    """Whether an override is a further config."""
    return "=" not in override and override.endswith((".yaml", ".yml"))


def _laid_over(tree: Mapping[str, Any], path: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """The settings with those of a file over them."""
    own, files = extended(path, _read)
    if len(files) > 1:
        say(f"{files[0]} extends {', '.join(map(str, files[1:]))}")
    if own is not None and not isinstance(own, dict):
        raise ConfigError(f"{path} must hold `key: value` settings, not a {type(own).__name__}")
    return merged(tree, own or {})


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: is it a YAML config?") from error
    return _parse_yaml(text, str(path))


def dump_config(config: RunConfig) -> str:
    """The resolved configuration as YAML, loadable by `load_config`."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _parse_yaml(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=SettingsLoader)
    except RecursionError as error:
        raise ConfigError(f"{where}: is nested too deeply for a config") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise ConfigError(f"{where}{place}: {problem}") from error


def _apply_override(tree: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    parts = key.split(".")
    if not separator or not all(parts):
        raise ConfigError(
            f"override {override!r}: write it as key.path=value, e.g. train.steps=50, or name a "
            "further config, such as more.yaml"
        )
    node = tree
    for depth, part in enumerate(parts[:-1]):
        if node.get(part) is None:
            node[part] = {}
        child = node[part]
        if not isinstance(child, dict):
            raise ConfigError(f"override {override!r}: {'.'.join(parts[: depth + 1])} is a value")
        node = child
    node[parts[-1]] = _parse_yaml(value, f"override {override!r}")


def _describe(fault: ErrorDetails) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key {path}; {_nearest(fault['loc'])}"
    if fault["type"] == "value_error":
        return f"{path}: {fault['ctx']['error']}"
    if fault["type"] in {"model_type", "model_attributes_type"}:
        return f"{path} is a section: give it settings of its own, not {fault['input']!r:.80}"
    return f"{path}: {fault['msg'][0].lower()}{fault['msg'][1:]} (got {fault['input']!r:.80})"


def _nearest(location: tuple[int | str, ...]) -> str:
    """Name the valid key closest to an unknown one, first beside it, then anywhere."""
    parents, name = [str(part) for part in location[:-1]], str(location[-1])
    if name == EXTENDS and not parents:
        return "it belongs into a config file, not among overrides"
    section: type[BaseModel] = RunConfig
    for part in parents:
        child = section_of(section.model_fields[part].annotation)
        if child is None:
            return f"{'.'.join(parents)} takes a value, not keys"
        section = child
    beside = difflib.get_close_matches(name, section.model_fields, n=1, cutoff=0.6)
    if beside:
        return f"did you mean {'.'.join([*parents, beside[0]])}?"
    leaves = {path.rsplit(".", 1)[-1]: path for path in reversed(field_paths())}
    elsewhere = difflib.get_close_matches(name, leaves, n=1, cutoff=0.75)
    if elsewhere:
        return f"did you mean {leaves[elsewhere[0]]}?"
    return f"valid here: {', '.join(section.model_fields)}"
