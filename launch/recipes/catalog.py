"""The configs that come along, as their own first lines describe them.

A config begins with comments: a line that says what it is, and lines `# forms:` (the overlays of
hardware that it fits, by name), `# data:` and `# get:` (what it is trained on, and the command that
gets it; several lines are several commands). What it does not say, a file that it extends does.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rl.config import RunConfig
from rl.config_file import config_files, load_config
from rl.errors import ConfigError

CONFIGS: Final = Path(__file__).parents[1] / "configs"
RECIPES: Final = CONFIGS / "recipes"
FORMS: Final = RECIPES / "forms"
_SAID: Final = re.compile(r"# (forms|data|get): (.+)")
_BUILT_IN: Final = "built in: nothing to get"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A config that comes along.

    Attributes:
        name: of its file.
        path: its file.
        title: what it is, in a line.
        forms: overlays of hardware that it fits, by name; none: it runs as it is.
        data: what it is trained on.
        get: the commands that get that.
    """

    name: str
    path: Path
    title: str
    forms: tuple[str, ...]
    data: str
    get: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "name": self.name,
            "path": str(self.path),
            "title": self.title,
            "forms": list(self.forms),
            "data": self.data,
            "get": list(self.get),
        }


def recipes() -> list[Recipe]:
    """All of them: what runs on a laptop first, then by family, size and task."""
    return [_recipe(path) for path in _paths().values()]


def recipe_named(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    known = _paths()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "; plumb recipes lists them"
        raise ConfigError(f"there is no recipe {name!r}{hint}")
    return _recipe(known[name])


def _paths() -> dict[str, Path]:
    """Their files by name."""
    found = (*sorted(CONFIGS.glob("*.yaml")), *sorted(RECIPES.glob("*.yaml"), key=_order))
    return {path.stem: path for path in found}


def form_named(recipe: Recipe, name: str) -> Path:
    """The overlay of a form.

    Raises:
        ConfigError: the recipe does not have it.
    """
    if name not in recipe.forms:
        has = f"it has {', '.join(recipe.forms)}" if recipe.forms else "it has none"
        raise ConfigError(f"{recipe.name} has no form {name!r}; {has}")
    return FORMS / f"{name}.yaml"


def layers(recipe: Recipe, changes: Sequence[str]) -> list[str]:
    """What the command line puts over a recipe, as `plumb train` takes it: forms are files.

    Raises:
        ConfigError: something is neither a form nor a setting.
    """
    return [
        one if "=" in one or one.endswith((".yaml", ".yml")) else str(form_named(recipe, one))
        for one in changes
    ]


def resolved(recipe: Recipe, changes: Sequence[str]) -> tuple[RunConfig, dict[str, Any]]:
    """A recipe with changes: the whole configuration, and what of it differs from the defaults.

    Raises:
        ConfigError: a change cannot be used.
    """
    config = load_config(recipe.path, layers(recipe, changes))
    return config, config.model_dump(mode="json", exclude_defaults=True)


def _recipe(path: Path) -> Recipe:
    files = config_files(path)
    said = [_header(file) for file in files]
    title = said[0].pop("", [""])[0]

    def first(name: str) -> list[str]:
        return next((one[name] for one in said if name in one), [])

    forms = [form.strip() for line in first("forms") for form in line.split(",")]
    return Recipe(
        name=path.stem,
        path=path,
        title=title,
        forms=tuple(forms),
        data=" ".join(first("data")) or _BUILT_IN,
        get=tuple(first("get")),
    )


def _header(path: Path) -> dict[str, list[str]]:
    """What the comments at a file's beginning say; its first sentence under the empty name."""
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        match = _SAID.fullmatch(line)
        if match is None:
            words.append(line.lstrip("# "))
        else:
            found.setdefault(match[1], []).append(match[2])
    sentence = re.match(r".+?(?<!\d)\.(?= |$)", " ".join(words))
    return {"": [sentence[0].rstrip(".") if sentence else " ".join(words)], **found}


def _order(path: Path) -> tuple[str, list[float], str]:
    """By family, size and task."""
    numbers = [float(one) for one in re.findall(r"(\d+(?:\.\d+)?)b", path.stem)]
    return path.stem.partition("-")[0], numbers, path.stem
