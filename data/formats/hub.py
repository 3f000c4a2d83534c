"""Rows of a data set on the Hugging Face hub, by the library `datasets`.

Guarantees: the hub is asked once, within 10 seconds, whether the data set is there, before
`datasets` tries for much longer; where `HF_HUB_OFFLINE=1` is set, only what was downloaded before
is read. The rows are those of one commit, even while the data set is being changed. Whatever fails
is one SourceError that says what to do.
"""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

from data.errors import SourceError
from data.files import Row

REACH_SECONDS: Final = 10.0
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_LONGEST: Final = 300  # characters of another library's message


def hub_rows(
    source: str,
    *,
    split: str | None,
    name: str | None,
    revision: str | None,
    streaming: bool,
) -> Iterator[Row]:
    """The rows of one split, in order.

    Raises:
        SourceError: the data set, its configuration or its split is not there, may not be read, or
            the hub cannot be reached, now or later on.
    """
    commit = revision if is_offline() else commit_of(source, revision)
    rows, chosen = _loaded(source, split, name, commit, streaming)
    number = 0
    try:
        for number, columns in enumerate(rows, start=1):
            yield Row(number, f"{source} {chosen} row {number}", columns)
    except (OSError, ValueError, RuntimeError) as error:
        raise SourceError(
            f"{source}: reading stopped after {number} rows: {_line(error)}; run it again, or "
            "download it first (without streaming)"
        ) from error


def is_offline() -> bool:
    """Whether the user said that there is no network."""
    names = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
    return any(os.environ.get(name, "").strip().lower() in _TRUE for name in names)


def commit_of(source: str, revision: str | None) -> str | None:
    """The commit that a branch, a tag or nothing stands for; raises SourceError."""
    hub = _hub()
    try:
        found = hub.HfApi().dataset_info(source, revision=revision, timeout=REACH_SECONDS)
    except hub.errors.GatedRepoError as error:
        raise SourceError(
            f"{source}: is open only to those who accepted its terms: accept them on its page, and "
            "set HF_TOKEN"
        ) from error
    except hub.errors.RevisionNotFoundError as error:
        raise SourceError(f"{source}: has no revision {revision!r}; mend --revision") from error
    except hub.errors.RepositoryNotFoundError as error:
        raise SourceError(
            f"{source}: there is no such file, and no such data set on the hub, or it is private; "
            "mend the name, or set HF_TOKEN"
        ) from error
    except Exception as error:  # whatever its network library raises
        raise SourceError(
            f"{source}: there is no such file, and the hub at {hub.constants.ENDPOINT} cannot be "
            f"reached: {_line(error)}; give a path, or set HF_HUB_OFFLINE=1 to read what was "
            "downloaded before"
        ) from error
    commit: str | None = found.sha
    return commit


def _loaded(
    source: str, split: str | None, name: str | None, revision: str | None, streaming: bool
) -> tuple[Iterator[Mapping[str, Any]], str]:
    """The rows of a split, and its name."""
    try:
        datasets: Any = import_module("datasets")  # it has no types
    except ImportError as error:
        raise SourceError(
            f"{source}: data sets of the hub need the library datasets; install it, or give a path"
        ) from error
    try:
        found = datasets.load_dataset(
            source, name, split=split, revision=revision, streaming=streaming
        )
    except Exception as error:  # its builders raise of everything
        raise SourceError(f"{source}: cannot be loaded: {_line(error)}") from error
    if split is not None:
        return iter(found), split
    splits = list(found)
    chosen = "train" if "train" in splits else splits[0] if len(splits) == 1 else None
    if chosen is None:
        raise SourceError(f"{source}: has the splits {', '.join(splits)}; choose one with --split")
    return iter(found[chosen]), chosen


def _hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.errors
    except ImportError as error:
        raise SourceError(
            "data sets of the hub need the library datasets; install it, or give a path"
        ) from error
    return huggingface_hub


def _line(error: BaseException) -> str:
    """The message of another library on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
