"""What a command that wrote a pipeline's folder says at its end."""

from pathlib import Path
from typing import TYPE_CHECKING

from launch.datasets.progress import show_counts, show_time

if TYPE_CHECKING:
    from data.pipeline.manifest import Manifest


def show_manifest(manifest: "Manifest", out: Path, began: float) -> None:
    """Rows read, kept, dropped and left for review by reason, the time, and where they are.

    Args:
        manifest: The folder's.
        out: The folder.
        began: When the command began, by the monotonic clock.
    """
    counts = manifest.counts
    rows: list[tuple[str, int, str]] = [("read", counts.read, ""), ("kept", counts.kept, "")]
    for title, reasons in (("dropped", counts.dropped), ("for review", counts.review)):
        found = [(n, f"{stage}: {why}") for stage, by in reasons.items() for why, n in by.items()]
        rows += [(title, n, why) for n, why in sorted(found, key=lambda row: (-row[0], row[1]))]
    if counts.bad:
        rows.append(("could not be read", counts.bad, f"in {out / 'bad.jsonl'}"))
    show_counts(("rows", "", "why"), rows)
    show_time(began)
    folders = [
        name
        for name, reasons in (("dropped", counts.dropped), ("review", counts.review))
        if reasons
    ]
    beside = f", and {' and '.join(f'{name}/' for name in folders)}" if folders else ""
    print(f"wrote {len(manifest.parts)} parts and manifest.json{beside} to {out}")
