"""A page that shows how a judge agrees with labels."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from launch.pages import page
from launch.pages.page import Panel, Tile
from rewards.judge import Judge
from rewards.judge.calibration import ComparedRow, GradeAgreement, GradedRow, PairAgreement
from rewards.judge.results import Winner

WORST: Final = 15  # rows that the table shows
BLUE, ORANGE, GREEN, GREY = "--blue", "--orange", "--green", "--grey"
BINS: Final = {"start": -100.25, "end": 100.25, "size": 0.5}  # whole points are in the middle
WINNERS: Final[tuple[Winner, ...]] = ("first", "tie", "second")


def write_page(
    path: Path,
    *,
    name: str,
    graded: Sequence[GradedRow],
    compared: Sequence[ComparedRow],
    grades: GradeAgreement,
    pairs: PairAgreement,
    ungradable: Mapping[str, int],
    judge: Judge,
) -> None:
    """Write the page.

    Raises:
        StorageError: It cannot be written.
    """
    page.write_page(
        path,
        "judge.html.j2",
        name=name,
        tiles=[*_grade_tiles(graded, grades, judge), *_pair_tiles(compared, pairs)],
        panels=[*_grade_panels(graded, grades, judge), *_pair_panels(compared, pairs)],
        model=judge.settings.model or ", ".join(judge.settings.urls),
        rubrics=_rubrics(graded, compared, judge),
        worst=sorted(graded, key=lambda row: -abs(row.error))[:WORST],
        ungradable=ungradable,
    )


def _rubrics(graded: Sequence[GradedRow], compared: Sequence[ComparedRow], judge: Judge) -> str:
    named = [judge.rubric.header.name] if graded else []
    return " and ".join([*named, *([judge.pair_rubric.header.name] if compared else [])])


def _grade_tiles(graded: Sequence[GradedRow], grades: GradeAgreement, judge: Judge) -> list[Tile]:
    if not graded:
        return []
    return [
        Tile("Correlation", _number(grades.pearson), f"Spearman {_number(grades.spearman)}"),
        Tile(
            "Error",
            _number(grades.mean_absolute_error),
            f"points; {_share(grades.within_one)} within one",
        ),
        Tile(
            "Leniency",
            _number(grades.mean_error, sign=True),
            "points, judge minus label",
        ),
        Tile("Kappa", _number(grades.kappa), f"at the threshold {judge.threshold:g}"),
        Tile(
            "Length bias",
            _number(grades.length_slope, sign=True),
            "points for twice the length",
        ),
    ]


def _pair_tiles(compared: Sequence[ComparedRow], pairs: PairAgreement) -> list[Tile]:
    if not compared:
        return []
    return [
        Tile("Pairs agreed", _share(pairs.agreed), f"{_share(pairs.agreed_decided)} where decided"),
        Tile("First preferred", _share(pairs.first_preferred), "50% is fair"),
        Tile("Flipped", _share(pairs.flipped), "of the pairs, by their order"),
    ]


def _grade_panels(graded: Sequence[GradedRow], grades: GradeAgreement, judge: Judge) -> list[Panel]:
    if not graded:
        return []
    panels = [_scatter(graded, judge), _errors(graded), _by_length(graded, grades)]
    if grades.vote_deviation is not None:
        panels.append(_by_votes(graded))
    return panels


def _scatter(graded: Sequence[GradedRow], judge: Judge) -> Panel:
    counts = Counter((row.label, row.score) for row in graded)
    places = sorted(counts)
    largest = max(counts.values())
    ends = [judge.rubric.scale.min, judge.rubric.scale.max]
    room = (ends[1] - ends[0]) * 0.05
    limits = [ends[0] - room, ends[1] + room]
    dashed = {"color": GREY, "width": 1, "dash": "dot"}
    threshold = judge.threshold
    return Panel(
        "Judge and label",
        "Each circle is an answer, a larger one several. On the line the judge says what the label "
        "says. Dotted: the threshold; upper left and lower right are answers on its wrong side.",
        [
            {
                "x": ends,
                "y": ends,
                "mode": "lines",
                "line": {"color": GREY, "width": 1.5},
                "hoverinfo": "skip",
            },
            {
                "x": [label for label, _ in places],
                "y": [score for _, score in places],
                "text": [f"{counts[place]} answers" for place in places],
                "mode": "markers",
                "marker": {
                    "color": BLUE,
                    "opacity": 0.6,
                    "size": [8 + 16 * math.sqrt(counts[one] / largest) for one in places],
                },
                "hovertemplate": "label %{x}, judge %{y}: %{text}<extra></extra>",
            },
        ],
        {
            "xaxis": {"title": {"text": "label"}, "range": limits},
            "yaxis": {"title": {"text": "judge"}, "range": limits},
            "shapes": [
                {"type": "line", "x0": threshold, "x1": threshold, "yref": "paper", "y0": 0}
                | {"y1": 1, "line": dashed},
                {"type": "line", "y0": threshold, "y1": threshold, "xref": "paper", "x0": 0}
                | {"x1": 1, "line": dashed},
            ],
        },
    )


def _errors(graded: Sequence[GradedRow]) -> Panel:
    return Panel(
        "Judge minus label",
        "How far grades are off. Right of 0 the judge is lenient, left of it strict.",
        [
            {
                "x": [row.error for row in graded],
                "type": "histogram",
                "xbins": BINS,
                "marker": {"color": BLUE, "line": {"color": "--card", "width": 1}},
                "hovertemplate": "%{x}: %{y} answers<extra></extra>",
            }
        ],
        {
            "xaxis": {"title": {"text": "points"}},
            "yaxis": {"title": {"text": "answers"}},
            "shapes": [_zero("x")],
        },
    )


def _by_length(graded: Sequence[GradedRow], grades: GradeAgreement) -> Panel:
    lengths = [max(1, row.length) for row in graded]
    traces: list[Mapping[str, Any]] = [
        {
            "x": lengths,
            "y": [row.error for row in graded],
            "text": [row.id for row in graded],
            "mode": "markers",
            "marker": {"color": BLUE, "size": 7, "opacity": 0.55},
            "hovertemplate": "%{text}: %{x} characters, %{y:+.2f}<extra></extra>",
        }
    ]
    if grades.length_slope is not None and grades.mean_error is not None:
        middle = math.fsum(map(math.log2, lengths)) / len(lengths)
        ends = [min(lengths), max(lengths)]
        fitted = [
            grades.mean_error + grades.length_slope * (math.log2(end) - middle) for end in ends
        ]
        line = {"color": ORANGE, "width": 3}
        traces.append({"x": ends, "y": fitted, "mode": "lines", "line": line, "hoverinfo": "skip"})
    return Panel(
        "Bias by length",
        f"A line that rises: longer answers get more than they deserve. Correlation "
        f"{_number(grades.length_correlation)}.",
        traces,
        {
            "xaxis": {"title": {"text": "characters of the answer"}, "type": "log", "dtick": "D2"},
            "yaxis": {"title": {"text": "judge minus label"}},
            "shapes": [_zero("y")],
        },
    )


def _by_votes(graded: Sequence[GradedRow]) -> Panel:
    spreads = [max(row.votes) - min(row.votes) for row in graded]
    return Panel(
        "Spread of the votes",
        "The highest minus the lowest vote of an answer. Wide spreads: take more votes.",
        [
            {
                "x": spreads,
                "type": "histogram",
                "xbins": BINS,
                "marker": {"color": GREEN, "line": {"color": "--card", "width": 1}},
                "hovertemplate": "%{x}: %{y} answers<extra></extra>",
            }
        ],
        {"xaxis": {"title": {"text": "points"}}, "yaxis": {"title": {"text": "answers"}}},
    )


def _pair_panels(compared: Sequence[ComparedRow], pairs: PairAgreement) -> list[Panel]:
    if not compared:
        return []
    counts = Counter((row.label, row.winner) for row in compared)
    table = [[counts[label, winner] for winner in WINNERS] for label in WINNERS]
    shown = Counter(row.shown_first for row in compared)
    back: Mapping[Winner, Winner] = {"first": "second", "second": "first", "tie": "tie"}
    shown += Counter(back[row.shown_second] for row in compared)
    return [
        Panel(
            "Which is better",
            "Pairs by the label's winner and the judge's. On the diagonal they agree.",
            [
                {
                    "type": "heatmap",
                    "z": table,
                    "x": WINNERS,
                    "y": WINNERS,
                    "colorscale": [[0, "--pale"], [1, BLUE]],
                    "showscale": False,
                    "texttemplate": "%{z}",
                    "hovertemplate": "label %{y}, judge %{x}: %{z} pairs<extra></extra>",
                }
            ],
            {
                "xaxis": {"title": {"text": "judge"}},
                "yaxis": {"title": {"text": "label"}, "autorange": "reversed"},
            },
        ),
        Panel(
            "Bias by position",
            f"What single comparisons prefer. Equal bars are fair; the order decided "
            f"{_share(pairs.flipped)} of the pairs.",
            [
                {
                    "type": "bar",
                    "x": ["shown first", "tie", "shown second"],
                    "y": [shown[one] for one in WINNERS],
                    "marker": {"color": [ORANGE, GREY, ORANGE]},
                    "texttemplate": "%{y}",
                    "hovertemplate": "%{x}: %{y}<extra></extra>",
                }
            ],
            {"yaxis": {"title": {"text": "comparisons"}}},
        ),
    ]


def _zero(axis: str) -> Mapping[str, Any]:
    """A line at 0 across the chart."""
    other = "y" if axis == "x" else "x"
    ends = {f"{axis}0": 0, f"{axis}1": 0, f"{other}ref": "paper", f"{other}0": 0, f"{other}1": 1}
    return {"type": "line", **ends, "line": {"color": GREY, "width": 1, "dash": "dot"}}


def _number(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.2f}" if sign else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
