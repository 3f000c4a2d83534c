"""The data files of a run: known by their content when it starts, and the same when it resumes.

`data.json` in the run's folder holds, for each file that is trained or evaluated on, its SHA-256.
Guarantees: a resumed run reads what the run before it read, or ends with one line that names the
file that changed. A setting that now names another file is none of this module's: whether the
prompts are still the same is checked where they are streamed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from data.builtin import PREFIX
from data.pipeline.source import file_digest
from data.records import parts_of
from rl.config import RunConfig
from rl.errors import CheckpointError
from rl.storage import write_atomically

NAME: Final = "data.json"
_VERSION: Final = 1


def record_files(config: RunConfig, *, resume: bool) -> None:
    """Write what the run reads; where it resumes, check it against what is written first.

    Raises:
        CheckpointError: a file has changed since the run began, or the record is damaged.
        DataError: a file cannot be read.
    """
    now = fingerprints(config)
    path = config.run_dir / NAME
    held = _read(path) if resume else {}
    for place, digests in now.items():
        if place in held and held[place] != digests:
            raise CheckpointError(
                f"{_changed(held[place], digests)} is not what it was when the run in "
                f"{config.run_dir} began; restore it to continue, or start a new run"
            )
    said = {"version": _VERSION, "files": held | now}
    write_atomically(path, json.dumps(said, ensure_ascii=False, indent=1) + "\n")


def fingerprints(config: RunConfig) -> dict[str, dict[str, str]]:
    """By each source that the settings name: its files, and the SHA-256 of each.

    Raises:
        DataError: a file cannot be read.
    """
    named = [one.file for one in config.data.training.values()]
    named += [config.data.eval] if config.data.eval else []
    named += [one.file for one in config.evaluation.values() if one.file]
    return {
        source: {str(file): file_digest(file) for file in _files(Path(source))}
        for source in dict.fromkeys(named)
        if not source.startswith(PREFIX)
    }


def _files(path: Path) -> list[Path]:
    return parts_of(path) if path.is_dir() else [path]


def _changed(held: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The first file that differs."""
    for file, digest in now.items():
        if file not in held:
            return f"{file} is new, and its data set"
        if held[file] != digest:
            return file
    gone = next(file for file in held if file not in now)
    return f"{gone} is gone, and its data set"


def _read(path: Path) -> dict[str, dict[str, str]]:
    """What a run's folder says; nothing where it is of a version without it."""
    try:
        held: Any = json.loads(path.read_text("utf-8"))
        if held["version"] != _VERSION:
            return {}
        return {str(source): dict(files) for source, files in held["files"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: cannot be read: {type(error).__name__}: {error}; remove it to go on without "
            "the check of data files"
        ) from error
