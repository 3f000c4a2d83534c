"""Duplicates over a whole data set, as the step between a curation's two passes.

Guarantees: signatures are made part by part on a pool, and once: a file is named by its part's
digest, so that none is of other rows. What is decided follows from parts and settings alone.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from data.duplicates.join import Joined, Settings, join
from data.duplicates.signatures import sign_part
from data.duplicates.verdicts import STAGE, Verdicts, apply_verdicts
from data.pipeline.block import Outcome, Stage
from data.pipeline.executors import executed
from data.pipeline.manifest import Manifest
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Distinct:
    """What becomes of one part's records, as it was decided over all of them.

    It is no `Sieve`: a record that stands for others is changed, as its metadata says so, and those
    whose references contradict each other go to review.
    """

    name: ClassVar[str] = STAGE
    verdicts: Verdicts

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Apply the verdicts."""
        return apply_verdicts(records, self.verdicts)


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions on all parts.

    Attributes:
        stages: one a part.
        found: what the manifest says of duplicates.
    """

    stages: Sequence[Stage]
    found: Mapping[str, Any]


def decide(
    parts: Path,
    manifest: Manifest,
    work: Path,
    settings: Settings,
    *,
    workers: int,
    on_part: Callable[[int], None],
    on_share: Callable[[float], None],
) -> Decided:
    """Find the duplicates among the parts of a finished folder.

    Args:
        parts: the folder.
        manifest: the folder's.
        work: where signatures are kept.
        settings: what counts.
        workers: processes.
        on_part: told the rows of each part that is signed.
        on_share: told the share of the comparison that is done.

    Raises:
        SourceError: a part cannot be read, or a file cannot be written.
        PipelineError: a process was lost.
    """
    files = [work / f"{part.sha256}.arrow" for part in manifest.parts]
    pairs = [
        (parts / part.file, file, part.rows)
        for part, file in zip(manifest.parts, files, strict=True)
    ]
    missing = [pair for pair in pairs if not pair[1].exists()]
    with closing(executed(_sign, None, missing, workers=workers)) as signed:
        for rows in signed:
            on_part(rows)
    joined = join(files, work / "scratch", settings, on_share)
    return Decided([Distinct(one) for one in joined.verdicts], _told(joined, settings))


def _sign(_: None, pair: tuple[Path, Path, int]) -> int:
    part, out, rows = pair
    sign_part(part, out)
    return rows


def _told(joined: Joined, settings: Settings) -> dict[str, Any]:
    return {
        **asdict(settings),
        "rows": dict(sorted(joined.counts.items())),
        "clusters": {str(size): n for size, n in sorted(joined.clusters.items())},
        "siblings_kept": joined.siblings,
    }
