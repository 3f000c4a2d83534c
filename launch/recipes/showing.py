"""What `plumb recipes` prints."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from shlex import join

import yaml
from rich.console import Console
from rich.table import Table

from launch.recipes.catalog import Recipe, layers, recipes, resolved
from rl.config_file import dump_config


def show_all(*, as_json: bool) -> None:
    """Print every recipe, a line each."""
    found = recipes()
    if as_json:
        print(json.dumps([one.as_json() for one in found], indent=1))
        return
    table = Table(box=None, pad_edge=False)
    for head in ("recipe", "forms", "what it is"):
        table.add_column(head, no_wrap=head == "recipe")
    for one in found:
        table.add_row(one.name, " ".join(one.forms) or "this host", one.title)
    Console(width=None if Console().is_terminal else 140, highlight=False).print(table)
    print("plumb recipes NAME [FORM] shows a recipe: its data, how to start it, its settings")


def show(recipe: Recipe, changes: Sequence[str], *, whole: bool, as_json: bool) -> None:
    """Print a recipe as a config of its own: comments, and the settings with all changes.

    Raises:
        ConfigError: a change cannot be used.
    """
    config, differing = resolved(recipe, changes)
    command = ["plumb", "train", _near(recipe.path), *map(_near_file, layers(recipe, changes))]
    if as_json:
        values = config.model_dump(mode="json") if whole else differing
        print(
            json.dumps({**recipe.as_json(), "train": join(command), "settings": values}, indent=1)
        )
        return
    lines = [f"# {recipe.title}", f"# forms: {', '.join(recipe.forms) or 'this host'}"]
    lines += [f"# data: {recipe.data}", *(f"# get: {line}" for line in recipe.get)]
    lines.append(f"# train: {join(command)}")
    print("\n".join(lines))
    if not whole:
        print("# what differs from the defaults; --all prints everything")
    text = dump_config(config) if whole else yaml.safe_dump(differing, sort_keys=False)
    print(text, end="")


def _near_file(change: str) -> str:
    return change if "=" in change else _near(Path(change))


def _near(path: Path) -> str:
    """A path as one would type it here."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)
