"""The data files of a path: a file, a folder of files of one kind, or a copy of a hub's data set.

Guarantees: files come by name; of a folder with several splits only one is read, and which one the
user says; what lies beside data, such as a manifest or answers of a format, is no data.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from data.compressed import COMPRESSIONS, kind_of
from data.errors import SourceError
from data.records import parts_of

KINDS: Final = (".jsonl", ".json", ".parquet")
ENDINGS: Final = (*KINDS, *(kind + how for kind in KINDS[:2] for how in COMPRESSIONS))
_SPLIT: Final = re.compile(r"(train|test|validation|valid|val|dev|eval)(?:[-_.].*)?")


def local_files(
    path: Path, *, split: str | None = None, name: str | None = None, revision: str | None = None
) -> list[Path]:
    """The data files of a path that is there.

    Args:
        path: a file or a folder.
        split: of a folder's files, by how their names begin.
        name, revision: of a hub's data set, and wrong here.

    Raises:
        SourceError: there are none, they are of several kinds or splits, or an option is wrong.
    """
    wrong = {"--split": path.is_file() and split, "--name": name, "--revision": revision}
    given = [option for option, value in wrong.items() if value]
    if given:
        raise SourceError(
            f"{path} is a path, and {', '.join(given)} is for data sets of the hub; leave it out"
        )
    if path.is_file():
        return [path]
    if any(path.glob("part_*")):
        return parts_of(path)
    found = _data_files(path) or _data_files(path / "data")
    kinds = sorted({kind_of(one) for one in found})
    if not kinds:
        folders = sorted(one.name for one in path.iterdir() if one.is_dir())
        there = f"; its folders are {', '.join(folders)}" if folders else ""
        raise SourceError(
            f"{path}: holds no data files{there}; give a folder of {', '.join(KINDS)}, or a file"
        )
    if len(kinds) > 1:
        raise SourceError(
            f"{path}: holds files of several kinds ({', '.join(kinds)}); give a folder of one, or "
            "a file"
        )
    return _of_split(path, found, split)


def _data_files(folder: Path) -> list[Path]:
    """The files of a folder by name, without hidden ones and answers beside their questions."""
    if not folder.is_dir():
        return []
    names = {one.name for one in folder.iterdir() if one.is_file()}
    return [
        folder / name
        for name in sorted(names)
        if name.lower().endswith(ENDINGS)
        and not name.startswith((".", "_"))
        and not (".answers." in name and name.replace(".answers.", ".questions.") in names)
    ]


def _of_split(folder: Path, files: Sequence[Path], split: str | None) -> list[Path]:
    splits: dict[str, list[Path]] = {}
    for file in files:
        found = _SPLIT.fullmatch(file.name.lower())
        splits.setdefault(found[1] if found else "", []).append(file)
    if split is not None:
        if split not in splits:
            raise SourceError(f"{folder}: has no split {split!r}; {_there(splits)}")
        return splits[split]
    if len(splits) > 1 and "" not in splits:
        raise SourceError(f"{folder}: has several splits; {_there(splits)}; choose with --split")
    return list(files)


def _there(splits: Mapping[str, object]) -> str:
    named = sorted(filter(None, splits))
    return f"there are {', '.join(named)}" if named else "its files are of none"
