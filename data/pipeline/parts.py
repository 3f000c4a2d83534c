"""The output of one pass as the input of the next, block by block.

What the earlier pass dropped goes over into the next one's files, so that the last folder tells of
every record. Between two passes whole data sets are looked at, for duplicates for example; what
was decided there comes in by the records' positions.
"""

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.errors import PipelineError
from data.files import BadRow, Row
from data.pipeline.block import Stage
from data.pipeline.manifest import Counts, Manifest, read_manifest
from data.pipeline.output import FOLDERS, part_name
from data.pipeline.work import KEPT


@dataclass(frozen=True, slots=True)
class PartBlock:
    """A part of the earlier pass.

    Attributes:
        data: the part's bytes.
        carried: the bytes of what the earlier pass dropped, or left for review, by kind.
        own_stages: what was decided about this part.
    """

    number: int
    origin: int
    path: str
    data: bytes
    carried: Mapping[str, bytes] = field(default_factory=dict)
    own_stages: Sequence[Stage] = ()

    def moved(self, number: int, origin: int) -> "PartBlock":
        """As `Block` says."""
        return replace(self, number=number + self.number, origin=origin + self.origin)

    def part(self) -> bytes:
        """The part's bytes."""
        return self.data

    def rows(self) -> Iterator[Row | BadRow]:
        """The rows of the part."""
        from pyarrow import parquet

        values = parquet.read_table(io.BytesIO(self.data)).to_pylist()
        for number, columns in enumerate(values, start=1):
            yield Row(number, f"{self.path} row {number}", columns)


class Parts:
    """A finished folder of a pipeline as a source.

    Args:
        folder: of the earlier pass.
        decided: a stage for each part, all of one name: what was decided in between. It has to
            follow from the parts and from the configuration that the next pass records.
    """

    def __init__(self, folder: Path, decided: Sequence[Stage] = ()) -> None:
        manifest = read_manifest(folder)
        if manifest is None:
            raise PipelineError(f"{folder}: has no manifest: its pipeline has not come to its end")
        self.folder = folder
        self.manifest: Manifest = manifest
        self._decided = decided

    def identity(self) -> Sequence[Mapping[str, Any]]:
        """What the earlier pass read."""
        return [
            {name: value for name, value in said.items() if name != "rows"}
            for said in self.manifest.input
        ]

    def bad_rows(self) -> list[dict[str, Any]]:
        """The rows that the earlier pass could not read."""
        if self.manifest.bad_file is None:
            return []
        lines = (self.folder / self.manifest.bad_file.file).read_bytes().splitlines()
        return [json.loads(line) for line in lines]

    def inputs(self) -> Sequence[Mapping[str, Any]]:
        """What the earlier pass read."""
        return self.manifest.input

    def blocks(self, block_rows: int) -> Iterator[PartBlock]:
        """One block a part, whatever `block_rows` is."""
        for number in range(len(self.manifest.parts)):
            files = {
                kind: self.folder / part_name(kind, number)
                for kind in FOLDERS
                if (self.folder / part_name(kind, number)).exists()
            }
            data = {kind: path.read_bytes() for kind, path in files.items()}
            kept = data.pop(KEPT)
            own = (self._decided[number],) if self._decided else ()
            yield PartBlock(number, 0, str(files[KEPT]), kept, data, own)

    def own_stages(self) -> Sequence[str]:
        """The name of what was decided."""
        return [self._decided[0].name] if self._decided else []

    def total(self) -> int | None:
        """What the earlier pass kept."""
        return self.manifest.counts.kept


def after(first: Manifest, second: Manifest) -> Manifest:
    """The manifest of two passes: input and format are the first's, the parts the second's."""
    counts = Counts(
        read=first.counts.read,
        kept=second.counts.kept,
        bad=first.counts.bad + second.counts.bad,
        dropped=_added(first.counts.dropped, second.counts.dropped),
        review=_added(first.counts.review, second.counts.review),
    )
    same = {"input": first.input, "format": first.format, "block_rows": first.block_rows}
    return second.model_copy(
        update=same | {"counts": counts, "stages": [*first.stages, *second.stages]}
    )


def _added(
    first: Mapping[str, Mapping[str, int]], second: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    names = dict.fromkeys([*first, *second])
    return {
        name: dict(sorted((Counter(first.get(name, {})) + Counter(second.get(name, {}))).items()))
        for name in names
    }
