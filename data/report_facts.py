"""What a pipeline's folder holds, gathered for a report.

Guarantees: parts are read one at a time, column by column; what is kept of them is counts, and
three examples a reason.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.errors import SourceError
from data.files import Row
from data.records import parts_of, record_of

if TYPE_CHECKING:
    import pyarrow

EXAMPLES: Final = 3  # of each reason
CUT: Final = 1_200  # characters of a text that is shown
STRATA: Final = ("easy", "medium", "hard", "not measured")


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the funnel: rows that came in, rows that went on, and why others did not."""

    name: str
    came: int
    kept: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Example:
    """A row that was dropped."""

    id: str
    source: str
    request: str
    reference: str
    detail: str


@dataclass(slots=True)
class Facts:
    """What the report shows."""

    manifest: Mapping[str, Any]
    steps: Sequence[Step]
    lengths: Counter[int] = field(default_factory=Counter)
    """Rows by the length of their messages in characters: the lower end of its bin."""
    languages: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    rates: Counter[float] = field(default_factory=Counter)
    """Rows by pass rate."""
    strata: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[Example]] = field(default_factory=dict)
    """By stage and reason."""
    review: dict[tuple[str, str], list[Example]] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Rows that came through."""
        return sum(self.tasks.values())


def gather(folder: Path) -> Facts:
    """Read a folder that a pipeline wrote.

    Raises:
        SourceError: It is none, or a file in it cannot be read.
    """
    manifest = _manifest(folder)
    facts = Facts(manifest, steps_of(manifest))
    for part in parts_of(folder):
        for table in _tables(part, _SHOWN):
            _count(facts, table)
    facts.examples = _examples(folder / "dropped")
    facts.review = _examples(folder / "review")
    return facts


def steps_of(manifest: Mapping[str, Any]) -> list[Step]:
    """The funnel of a manifest; reading is its first step."""
    counts = manifest["counts"]
    came = counts["read"] + counts.get("bad", 0)
    bad = {"cannot be read": counts["bad"]} if counts.get("bad") else {}
    steps = [Step("read", came, counts["read"], bad)]
    for stage in manifest.get("stages", ()):
        reasons = dict(stage.get("dropped", {}))
        reasons |= {f"review: {name}": n for name, n in stage.get("review", {}).items()}
        steps.append(Step(stage["name"], stage["in"], stage["kept"], reasons))
    return steps


_SHOWN: Final = ("task", "language", "source", "pass_rate", "messages")


def _manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SourceError(
            f"{folder}: has no manifest.json; give a folder that a plumb data command wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {error}; run the command again") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("counts"), dict):
        raise SourceError(f"{path}: is no manifest: it has no counts; run the command again")
    return manifest


def _tables(part: Path, columns: Sequence[str]) -> "Iterator[pyarrow.RecordBatch]":
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(part) as file:
            yield from file.iter_batches(columns=list(columns))
    except (OSError, pyarrow.ArrowException) as error:
        raise SourceError(f"{part}: cannot be read: {error}; run the command again") from error


def _count(facts: Facts, table: "pyarrow.RecordBatch") -> None:
    facts.tasks.update(table["task"].to_pylist())
    facts.languages.update(name or "not known" for name in table["language"].to_pylist())
    facts.sources.update(name or "not named" for name in table["source"].to_pylist())
    facts.lengths.update(map(_bin, _lengths(table["messages"])))
    for text in table["pass_rate"].to_pylist():
        if text is None:
            facts.strata["not measured"] += 1
            continue
        measured = json.loads(text)
        k, correct = measured["k"], measured["correct"]
        facts.rates[round(correct / k, 4)] += 1
        facts.strata["easy" if correct == k else "medium" if correct else "hard"] += 1


def _lengths(messages: "pyarrow.Array") -> list[int]:
    """Characters of each row's messages."""
    import numpy
    from pyarrow import compute

    contents = compute.struct_field(compute.list_flatten(messages), "content")
    sizes = compute.fill_null(compute.utf8_length(contents), 0).to_numpy(zero_copy_only=False)
    rows = compute.list_parent_indices(messages).to_numpy(zero_copy_only=False)
    found: list[int] = (
        numpy.bincount(rows, weights=sizes, minlength=len(messages)).astype(int).tolist()
    )
    return found


def _bin(length: int) -> int:
    """The lower end of the bin, of which a power of ten has twelve."""
    return math.ceil(10 ** (math.floor(12 * math.log10(max(1, length)) + 1e-9) / 12))


def _examples(folder: Path) -> dict[tuple[str, str], list[Example]]:
    """The first rows of each stage and reason."""
    found: dict[tuple[str, str], list[Example]] = {}
    if not folder.is_dir():
        return found
    for part in sorted(folder.glob("part_*.parquet")):
        for number, columns in enumerate(_rows(part), start=1):
            stage, reason = columns.pop("stage"), columns.pop("reason")
            detail = columns.pop("detail") or ""
            held = found.setdefault((stage, reason), [])
            if len(held) < EXAMPLES:
                record = record_of(Row(number, f"{part} row {number}", columns))
                reference = record.reference
                shown = reference if isinstance(reference, str) else json.dumps(reference)
                request = record.request()
                source = " ".join(filter(None, [record.source, record.source_id]))
                held.append(Example(record.id, source, request[:CUT], shown[:CUT], detail[:CUT]))
    return found


def _rows(part: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(part) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise SourceError(f"{part}: cannot be read: {error}; run the command again") from error
