"""The folder of a new project, out of a template.

Guarantees: nothing that is there is written over; the folder appears whole or not at all. What it
holds works as it is: its tests pass, its verifier grades its data, `plumb train --dry-run` goes
through its config.
"""

import json
import shutil
from pathlib import Path
from string import Template
from typing import Final

import yaml

from rl.errors import ConfigError

TEMPLATES: Final = Path(__file__).parent / "template"
KINDS: Final = ("verifier", "environment")
FILLED: Final = frozenset({".md", ".yaml"})
"""Suffixes of files that say the project's name and model."""


def make_project(folder: Path, kind: str, model: str) -> list[str]:
    """Write the files of a new project; gives their names.

    Args:
        folder: is made; may be there if it is empty.
        kind: of `KINDS`.
        model: a Hugging Face id or a local folder, for its config.

    Raises:
        ConfigError: Something is in the way.
    """
    if not model.strip():
        raise ConfigError("--model is empty: name a Hugging Face id, or a local folder")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: name a folder that is new or empty")
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty: name a folder that is new or empty")
    source = TEMPLATES / kind
    folder = folder.absolute()
    temporary = folder.with_name(f".{folder.name}.new")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        names = sorted(path.name for path in source.iterdir() if path.is_file())
        for name in names:
            text = (source / name).read_text("utf-8")
            if Path(name).suffix in FILLED:
                said = {"name": folder.name, "model": model, "run_dir": f"runs/{folder.name}"}
                if Path(name).suffix == ".yaml":
                    said = {key: _scalar(value) for key, value in said.items()}
                text = Template(text).substitute(said)
            (temporary / name).write_text(text, "utf-8")
        if folder.is_dir():  # stays the same folder: it may be where the user is
            for name in names:
                (temporary / name).rename(folder / name)
            temporary.rmdir()
        else:
            temporary.rename(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise ConfigError(f"{folder} cannot be made: {error.strerror or error}") from error
    return names


def _scalar(text: str) -> str:
    """A text as YAML reads it back, in quotes where it would be read as something else."""
    try:
        is_plain = yaml.safe_load(text) == text
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain else json.dumps(text, ensure_ascii=False)
