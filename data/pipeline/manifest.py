"""What a pipeline's folder says about itself: `manifest.json`, and what identifies its work.

Nothing of time, host or order of completion is in it: the same work gives the same bytes.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from data.errors import PipelineError
from data.pipeline.block import Stage
from data.pipeline.work import Flow, Reader

VERSION: Final = 1
NAME: Final = "manifest.json"
RECORDED: Final = "recorded"
"""In the metadata of a stage's field, False: it is no part of what identifies the work, such as
the place of a file whose digest is another field."""


class Part(BaseModel):
    """A file of the folder, by its path below it."""

    model_config = ConfigDict(frozen=True)

    file: str
    sha256: str
    rows: int


class Counts(BaseModel):
    """Rows read, and what became of them; `dropped` and `review` by stage and reason."""

    read: int = 0
    kept: int = 0
    bad: int = 0
    review: dict[str, dict[str, int]] = Field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = Field(default_factory=dict)


class StageCounts(BaseModel):
    """What one stage took in and gave."""

    name: str
    taken: int = Field(alias="in")
    kept: int
    dropped: dict[str, int]
    review: dict[str, int] = Field(default_factory=dict)


class Manifest(BaseModel):
    """All of a folder; a command may add keys of its own."""

    model_config = ConfigDict(extra="allow")

    version: int = VERSION
    command: str
    input: list[dict[str, Any]]
    format: dict[str, Any]
    config_sha256: str
    config: dict[str, Any]
    block_rows: int
    parts: list[Part]
    dropped_parts: list[Part] = Field(default_factory=list)
    review_parts: list[Part] = Field(default_factory=list)
    bad_file: Part | None = None
    counts: Counts
    stages: list[StageCounts]

    def text(self) -> str:
        """The file's text."""
        said = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(said, ensure_ascii=False, indent=1) + "\n"

    def files(self) -> list[Part]:
        """Every file of the folder but the manifest."""
        bad = [self.bad_file] if self.bad_file else []
        return [*self.parts, *self.dropped_parts, *self.review_parts, *bad]


def read_manifest(folder: Path) -> Manifest | None:
    """A folder's manifest; None where it has none.

    Raises:
        PipelineError: it cannot be read, or is of another version.
    """
    path = folder / NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise PipelineError(f"{folder}: is, or is in, a file; give a folder") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PipelineError(f"{path}: cannot be read: {reason}; give another folder") from error
    try:
        held = json.loads(text)
        if held.get("version") != VERSION:
            raise PipelineError(
                f"{path}: is of version {held.get('version')!r}, and this Plumb reads {VERSION}; "
                "make the folder again"
            )
        return Manifest.model_validate(held)
    except (ValueError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise PipelineError(f"{path}: is damaged: {reason}; make the folder again") from error


def config_of(
    readers: Sequence[Reader], stages: Sequence[Stage], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What readers and stages are and how they are set, as JSON values."""
    return {
        "readers": [_described(reader) for reader in readers],
        "stages": [{"name": stage.name} | _described(stage) for stage in stages],
        **(more or {}),
    }


def digest(value: object) -> str:
    """SHA-256 of a JSON value."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def summed(flows: Iterable[Flow], order: Sequence[str]) -> list[StageCounts]:
    """The counts of each stage over all blocks, in the order the stages run in."""
    taken: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    dropped: dict[str, Counter[str]] = {name: Counter() for name in order}
    review: dict[str, Counter[str]] = {name: Counter() for name in order}
    for flow in flows:
        taken[flow.stage] += flow.taken
        kept[flow.stage] += flow.kept
        dropped[flow.stage].update(flow.dropped)
        review[flow.stage].update(flow.review)
    return [
        StageCounts.model_validate(
            {
                "name": name,
                "in": taken[name],
                "kept": kept[name],
                "dropped": dict(sorted(dropped[name].items())),
                "review": dict(sorted(review[name].items())),
            }
        )
        for name in order
    ]


def _described(value: object) -> dict[str, Any]:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise PipelineError(f"{value!r} is no dataclass: its configuration cannot be recorded")
    return {"class": type(value).__qualname__} | {
        field.name: plain(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if field.metadata.get(RECORDED, True)
    }


def plain(value: Any) -> Any:
    """A configuration's value as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _described(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        inner = [plain(one) for one in value]
        return sorted(inner) if isinstance(value, set | frozenset) else inner
    if not isinstance(value, str | int | float | Path | None):
        raise PipelineError(f"{value!r} in a stage's configuration has no stable text")
    return str(value) if isinstance(value, Path) else value
