"""From vectors to decisions: the cluster of each record, and those that say what another one says.

Guarantees: a record is dropped only for one that is kept, is as close as the threshold says, has
the same context and is the same exercise: the same answer, and the same numbers.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.duplicates.candidates import may_be_one
from data.duplicates.exact import keeper_of
from data.duplicates.exercise import is_one_exercise, math_same
from data.duplicates.gathered import Gathered
from data.duplicates.sets import DisjointSets
from data.duplicates.signatures import write_signed
from data.errors import SourceError
from data.records import table_of
from data.schema import Record
from data.semantic.clusters import close_pairs, kmeans

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_CHUNK: Final = 2048
_ROUNDING: Final = 1e-6
Vectors = Callable[[Record], "NDArray[numpy.float32] | None"]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided.

    Attributes:
        sha256: of the file that holds it.
        clusters: how many there are.
        dropped: how many records are.
        siblings: pairs as close that are other exercises.
        without: records that have no vector.
    """

    sha256: str
    clusters: int
    dropped: int
    siblings: int
    without: int


def decide(
    records: Iterable[Record],
    vector_of: Vectors,
    work: Path,
    *,
    clusters: int | None = None,
    threshold: float = 0.95,
    seed: int = 0,
) -> Decisions:
    """Decide about records and write `work/decisions.json`.

    Args:
        records: of which only the first of each id counts.
        vector_of: gives vectors of length 1, all as long.
        work: a folder; what is in it is removed.
        clusters: how many; None: the root of the records' number.
        threshold: cosine from which on two records say the same.
        seed: of the clusters.

    Raises:
        SourceError: vectors are of different lengths, or the folder cannot be written.
    """
    scratch = work / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        files, vectors, without = _gather(records, vector_of, scratch)
        gathered = Gathered(files, scratch)
        labels = kmeans(vectors, clusters or max(1, round(len(vectors) ** 0.5)), seed)
        sets = DisjointSets(gathered.rows)
        siblings = _join(gathered, vectors, labels, threshold, sets)
        ids = [one for file in files for one in _ids(file)]
        said: dict[str, list[Any]] = {
            id: [int(label), None] for id, label in zip(ids, labels, strict=True)
        }
        dropped = 0
        for rows in _members(sets):
            kept = keeper_of(gathered, rows)
            for row in rows:
                cosine = float(vectors[row] @ vectors[kept])
                if row != kept and cosine >= threshold - _ROUNDING:
                    said[ids[row]][1] = f"cosine {cosine:.2f} with {ids[kept]}"
                    dropped += 1
        gathered.close()
        data = json.dumps(said, separators=(",", ":")).encode()
        (work / "decisions.json").write_bytes(data)
    except OSError as error:
        raise SourceError(f"{work}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Decisions(
        hashlib.sha256(data).hexdigest(), len({*labels.tolist()}), dropped, siblings, without
    )


def _gather(
    records: Iterable[Record], vector_of: Vectors, scratch: Path
) -> "tuple[list[Path], NDArray[numpy.float32], int]":
    """Signatures in files, vectors in a memory map, and how many records have none."""
    import numpy as np

    seen: set[str] = set()
    files: list[Path] = []
    without = rows = width = 0
    path = scratch / "vectors"
    with path.open("wb") as file:
        waiting = iter(records)
        while chunk := list(islice(waiting, _CHUNK)):
            kept = []
            for record in chunk:
                if record.id in seen:
                    continue
                seen.add(record.id)
                vector = vector_of(record)
                if vector is None:
                    without += 1
                    continue
                if width and len(vector) != width:
                    raise SourceError(
                        f"the embeddings have {width} and {len(vector)} dimensions: the endpoint "
                        "was changed meanwhile; remove the folder of embeddings"
                    )
                width = len(vector)
                file.write(vector.astype("<f4").tobytes())
                kept.append(record)
            if kept:
                files.append(scratch / f"{len(files):06d}.arrow")
                write_signed(table_of(kept), files[-1])
                rows += len(kept)
    if not rows:
        return files, np.zeros((0, 1), np.float32), without
    return files, np.memmap(path, "<f4", "r", shape=(rows, width)), without


def _join(
    gathered: Gathered,
    vectors: "NDArray[numpy.float32]",
    labels: "NDArray[numpy.int64]",
    threshold: float,
    sets: DisjointSets,
) -> int:
    """Join what says the same; gives the number of close pairs that do not."""
    siblings = 0
    if threshold >= 1:
        return siblings
    for first, second, _ in close_pairs(vectors, labels, threshold):
        roots = sets.roots()
        is_open = (roots[first] != roots[second]) & (
            gathered.context[first] == gathered.context[second]
        )
        first, second = first[is_open], second[is_open]  # noqa: PLW2901
        may_be = may_be_one(gathered, (first, second))
        siblings += int((~may_be).sum())
        pairs = list(zip(first[may_be].tolist(), second[may_be].tolist(), strict=True))
        rows = {row for pair in pairs for row in pair}
        texts, references = gathered.texts(rows), gathered.references(rows)
        for one, other in pairs:
            if sets.root(one) == sets.root(other):
                continue
            if is_one_exercise(gathered, one, other, texts, references, math_same):
                sets.join(one, other)
            else:
                siblings += 1
    return siblings


def _members(sets: DisjointSets) -> Iterator[list[int]]:
    """The sets of two rows and more."""
    found: dict[int, list[int]] = {}
    for row, root in enumerate(sets.roots().tolist()):
        if row != root:
            found.setdefault(root, [root]).append(row)
    yield from found.values()


def _ids(file: Path) -> list[str]:
    import pyarrow

    with pyarrow.memory_map(str(file)) as source:
        ids: list[str] = pyarrow.ipc.open_file(source).read_all()["id"].to_pylist()
    return ids
