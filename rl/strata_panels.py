"""Charts of how hard the prompts were that a run sampled and trained on, of all and by source.

They have the form of `templates/panels.yaml`. The numbers are a step's `strata`, as shares.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rl.report_records import finite, lookup
from rl.strata import NAMES, UNKNOWN

SHARES: Final = "strata_share"
"""Under which key `strata_shares` stand in a row."""
_COLOURS: Final = {"easy": 3, "medium": 1, "hard": 2, UNKNOWN: 7}
_WHAT: Final = {
    ("sampled", "now"): (
        "Difficulty sampled",
        "Share of a step's groups by their own answers: all right (easy), some, or none (hard).",
    ),
    ("trained", "now"): (
        "Difficulty trained",
        "Share of the groups that a step trained on, by their own answers.",
    ),
    ("sampled", "measured"): (
        "Measured strata sampled",
        "Share of a step's groups by the pass rate that was measured before the run: easy is 1, "
        "hard is 0.",
    ),
    ("trained", "measured"): (
        "Measured strata trained",
        "Share of the groups that a step trained on, by the pass rate that was measured before.",
    ),
}


def strata_shares(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A step's counts as shares: of all under `all`, of each source under `of`."""
    by_source = row.get("strata_by_source")
    return {
        "all": _shares(row.get("strata")),
        "of": {
            name: _shares(counts)
            for name, counts in (by_source.items() if isinstance(by_source, Mapping) else ())
        },
    }


def strata_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The charts that have something to show; `rows` have the shares."""
    sources = sorted({name for row in rows for name in lookup(row, f"{SHARES}.of") or ()})
    found = list(_panels(rows, f"{SHARES}.all", ""))
    if len(sources) > 1:
        for name in sources:
            found += _panels(rows, f"{SHARES}.of.{name}", f": {name}")
    return found


def _panels(rows: Sequence[Mapping[str, Any]], prefix: str, of: str) -> Iterator[Mapping[str, Any]]:
    for (what, basis), (title, caption) in _WHAT.items():
        keys = {name: f"{prefix}.{what}.{basis}.{name}" for name in NAMES}
        shares = [one for row in rows if (one := lookup(row, f"{prefix}.{what}.{basis}"))]
        seen = [name for name in NAMES if any(finite(one.get(name)) for one in shares)]
        # Nothing but what was never measured, or what the filter lets through, says nothing.
        if not seen or seen == [UNKNOWN] or (what, basis, seen) == ("trained", "now", ["medium"]):
            continue
        yield {
            "title": f"{title}{of}",
            "caption": caption,
            "unit": "share",
            "full_scale": True,
            "series": [
                {"key": keys[name], "label": name, "style": "stack", "colour": _COLOURS[name]}
                for name in seen
            ],
        }


def _shares(strata: Any) -> Mapping[str, Any]:
    return {
        what: {basis: _share(lookup(strata, f"{what}.{basis}")) for basis in ("now", "measured")}
        for what in ("sampled", "trained")
        if isinstance(strata, Mapping)
    }


def _share(counts: Any) -> Mapping[str, float]:
    known = {name: finite(lookup(counts, name)) or 0.0 for name in NAMES if counts}
    total = sum(known.values())
    return {name: count / total for name, count in known.items()} if total else {}
