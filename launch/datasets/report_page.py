"""The page of `plumb data report`: one HTML file about a folder that a pipeline wrote."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from data.report_facts import STRATA, Facts, Step, gather
from launch.pages.page import Panel, Tile, write_page

MOST: Final = 15  # bars of a chart
SMALL: Final = 0.004  # share of all rows below which reasons share one flow of the funnel
_DUPLICATES = {
    "threshold": "Jaccard similarity from which rows are near duplicates",
    "siblings": "Rows that differ from another in their values alone",
    "siblings_kept": "Of these, kept",
    "rows": "Rows that repeat another",
    "clusters": "Clusters of rows, as size: how many",
}
_STRATUM_COLOURS: Final = dict(
    zip(STRATA, ("--green", "--blue", "--orange", "--grey"), strict=True)
)


def write_report(folder: Path, path: Path) -> None:
    """Write the page.

    Raises:
        SourceError: The folder is none of a pipeline.
        StorageError: The page cannot be written.
    """
    facts = gather(folder)
    write_page(
        path,
        "data.html.j2",
        name=folder.resolve().name,
        tiles=_tiles(facts),
        panels=_panels(facts),
        command=facts.manifest.get("command", "plumb data"),
        inputs=facts.manifest.get("input", []),
        format=_formats(facts.manifest.get("format") or {}),
        groups=_groups(facts, facts.examples),
        review=_groups(facts, facts.review, prefix="review: "),
        clusters=_clusters(facts.manifest.get("duplicates")),
        hits=facts.manifest.get("contamination") or {},
    )


def _tiles(facts: Facts) -> list[Tile]:
    came, kept = facts.steps[0].came, facts.kept
    dropped = sum(sum(step.reasons.values()) for step in facts.steps)
    measured = sum(facts.rates.values())
    tiles = [
        Tile("Kept", f"{kept:,}", f"of {came:,} rows, {_share(kept, came)}"),
        Tile("Not kept", f"{dropped:,}", f"{len(_reasons(facts))} reasons"),
        Tile("Sources", f"{len(facts.sources)}", ", ".join(list(facts.sources)[:3])),
    ]
    if measured:
        mean = sum(rate * rows for rate, rows in facts.rates.items()) / measured
        tiles.append(Tile("Pass rate", f"{mean:.0%}", f"mean of {measured:,} measured rows"))
    return tiles


def _reasons(facts: Facts) -> list[tuple[str, str, int]]:
    return [(s.name, reason, n) for s in facts.steps for reason, n in s.reasons.items()]


def _panels(facts: Facts) -> list[Panel]:
    panels = [_funnel(facts.steps)]
    if facts.kept:
        panels.append(_lengths(facts))
        panels.append(
            _bars("Languages", "Rows kept, by the language of the request.", facts.languages)
        )
        panels.append(
            _bars("Sources", "Rows kept, by the data set that they are from.", facts.sources)
        )
        if len(facts.tasks) > 1:
            panels.append(_bars("Tasks", "Rows kept, by what verifies an answer.", facts.tasks))
    if facts.rates:
        panels += [_strata(facts), _rates(facts)]
    return panels


def _funnel(steps: Sequence[Step]) -> Panel:
    """A Sankey diagram: stages from left to right, and from each a flow for every reason."""
    came = max(1, steps[0].came)
    labels, colours = [f"rows<br>{steps[0].came:,}"], ["--blue"]
    links: dict[str, list[Any]] = {"source": [], "target": [], "value": [], "color": []}

    def link(source: int, label: str, value: int, colour: str) -> int:
        apart = "<br>" if colour == "--blue" else ": "
        labels.append(f"{label}{apart}{value:,}")
        colours.append(colour)
        links["source"].append(source)
        links["target"].append(len(labels) - 1)
        links["value"].append(value)
        links["color"].append(f"{colour}/35")
        return len(labels) - 1

    at = 0
    for step in steps:
        if not step.reasons and step is not steps[-1]:
            continue
        large = {r: n for r, n in step.reasons.items() if n / came >= SMALL}
        rest = sum(step.reasons.values()) - sum(large.values())
        name = "kept" if step is steps[-1] else step.name
        following = link(at, name, step.kept, "--blue") if step.kept else at
        for reason, rows in sorted(large.items(), key=lambda one: -one[1]):
            link(at, reason, rows, "--orange")
        if rest:
            others = len(step.reasons) - len(large)
            link(at, f"{others} rare reasons" if large else "rare reasons", rest, "--orange")
        at = following
    return Panel(
        "Where the rows went",
        "What each stage kept; orange rows left it, by reason.",
        [
            {
                "type": "sankey",
                "arrangement": "snap",
                "node": {
                    "label": labels,
                    "color": colours,
                    "pad": 20,
                    "align": "left",
                    "thickness": 14,
                    "line": {"width": 0},
                },
                "link": links,
                "textfont": {"color": "--ink", "size": 12},
            }
        ],
        {"margin": {"l": 10, "r": 10, "t": 14, "b": 14}},
        wide=True,
    )


def _lengths(facts: Facts) -> Panel:
    sizes = sorted(facts.lengths)
    return Panel(
        "Length of the request",
        "Characters of the messages, on a scale of powers of ten.",
        [
            {
                "type": "scatter",
                "mode": "lines",
                "fill": "tozeroy",
                "line": {"color": "--blue", "width": 1.5, "shape": "hv"},
                "fillcolor": "--blue/30",
                "x": [max(1, size) for size in sizes],
                "y": [facts.lengths[size] for size in sizes],
                "hovertemplate": "from %{x:,} characters: %{y:,} rows<extra></extra>",
            }
        ],
        {
            "xaxis": {"type": "log", "title": {"text": "characters"}, "dtick": "D2"},
            "yaxis": {"title": {"text": "rows"}, "rangemode": "tozero"},
        },
    )


def _bars(title: str, caption: str, counts: Mapping[str, int]) -> Panel:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    shown, rest = ordered[:MOST], sum(n for _, n in ordered[MOST:])
    if rest:
        shown = [*shown, (f"{len(ordered) - MOST} others", rest)]
    return Panel(
        title,
        caption,
        [
            {
                "type": "bar",
                "orientation": "h",
                "x": [rows for _, rows in shown],
                "y": [name or "none" for name, _ in shown],
                "marker": {"color": "--blue"},
                "texttemplate": "%{x:,}",
                "hovertemplate": "%{y}: %{x:,} rows<extra></extra>",
            }
        ],
        {
            "yaxis": {"autorange": "reversed", "type": "category", "showgrid": False},
            "xaxis": {"title": {"text": "rows"}, "rangemode": "tozero"},
        },
    )


def _strata(facts: Facts) -> Panel:
    shown = [name for name in STRATA if facts.strata[name]]
    return Panel(
        "Difficulty",
        "Easy: every answer was right. Hard: none was. Medium: in between.",
        [
            {
                "type": "bar",
                "x": shown,
                "y": [facts.strata[name] for name in shown],
                "marker": {"color": [_STRATUM_COLOURS[name] for name in shown]},
                "texttemplate": "%{y:,}",
                "hovertemplate": "%{x}: %{y:,} rows<extra></extra>",
            }
        ],
        {"yaxis": {"title": {"text": "rows"}}},
    )


def _rates(facts: Facts) -> Panel:
    rates = sorted(facts.rates)
    return Panel(
        "Pass rates",
        "Share of the graded answers that were right.",
        [
            {
                "type": "bar",
                "x": rates,
                "y": [facts.rates[rate] for rate in rates],
                "width": 0.03,
                "marker": {"color": "--blue"},
                "hovertemplate": "%{x:.0%}: %{y:,} rows<extra></extra>",
            }
        ],
        {
            "xaxis": {"title": {"text": "pass rate"}, "range": [-0.05, 1.05], "tickformat": ".0%"},
            "yaxis": {"title": {"text": "rows"}},
        },
    )


def _groups(
    facts: Facts, examples: Mapping[tuple[str, str], Sequence[Any]], prefix: str = ""
) -> list[dict[str, Any]]:
    """Reasons with their examples, the most frequent first."""
    counts = {(stage, reason): n for stage, reason, n in _reasons(facts)}
    found = [
        {
            "stage": stage,
            "reason": reason,
            "rows": counts.get((stage, prefix + reason), len(held)),
            "examples": held,
        }
        for (stage, reason), held in examples.items()
    ]
    return sorted(found, key=lambda group: (-group["rows"], group["stage"], group["reason"]))


def _formats(said: Mapping[str, Any]) -> str:
    """The names of the formats that rows were read in."""
    names = [one.get("name", "") for one in said.get("inputs", ())] or [said.get("name", "")]
    return " and ".join(dict.fromkeys(filter(None, names)))


def _clusters(duplicates: Any) -> list[tuple[str, str]]:
    """What a manifest says of duplicates, as lines of a table."""
    if not isinstance(duplicates, Mapping):
        return []
    return [(_DUPLICATES.get(name, str(name)), _said(value)) for name, value in duplicates.items()]


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_said(inner)}" for name, inner in list(value.items())[:MOST])
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)[:400]


def _share(part: int, whole: int) -> str:
    """A share that says 100 % only where nothing is missing."""
    return f"{math.floor(1000 * part / whole) / 10:g} %" if whole else "none"
