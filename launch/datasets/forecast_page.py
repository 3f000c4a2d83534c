"""The page of `plumb data forecast`: pass rates, the run's steps, group sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.forecast import Path as Course
from data.forecast import Population
from data.forecast_cost import Cluster
from data.forecast_run import Forecast, GroupSize, Plan, Step
from launch.datasets.progress import duration
from launch.pages.page import Panel, Tile, write_page

BINS = 20


def write_forecast(
    path: Path,
    *,
    name: str,
    found: Population,
    plan: Plan,
    told: Forecast,
    sizes: Sequence[GroupSize],
    best: GroupSize,
    cluster: Cluster | None,
    course: Course | None = None,
) -> None:
    """Write the page.

    Raises:
        StorageError: It cannot be written.
    """
    write_page(
        path,
        "forecast.html.j2",
        name=name,
        tiles=_tiles(found, plan, told, best, cluster),
        panels=[_rates(found), *_course(told, cluster), *_sizes(sizes, best)],
        plan=plan,
        course=course,
        ends=told.ends,
    )


def _tiles(
    found: Population, plan: Plan, told: Forecast, best: GroupSize, cluster: Cluster | None
) -> list[Tile]:
    acceptance = found.acceptance(plan.group)
    tiles = [
        Tile("Pass rate", f"{found.pass_rate:.1%}", f"of {plan.prompts:,} prompts"),
        Tile(
            "Acceptance",
            f"{acceptance:.1%}",
            f"of groups of {plan.group}, give or take {2 * told.acceptance_error:.1%}",
        ),
    ]
    if told.steps:
        first = told.steps[0]
        last = told.first_pass
        tiles += [
            Tile("Prompts a step", f"{first.new:.0f}", f"for {plan.batch} that teach something"),
            Tile(
                "Data lasts",
                f"{last:,} steps" if last else "all steps",
                "until each prompt was asked once"
                if last
                else f"{told.prompts:,.0f} prompts in {len(told.steps)} steps",
            ),
        ]
    if cluster is not None and told.gpu_hours is not None:
        hours = duration(told.gpu_hours * 3600 / cluster.gpus)
        tiles.append(
            Tile("GPU-hours", f"{told.gpu_hours:,.2f}", f"{hours} on {cluster.gpus:g} GPUs")
        )
    return [
        *tiles,
        Tile("Best group size", f"{best.group}", f"the plan has {plan.group}"),
    ]


def _rates(found: Population) -> Panel:
    rates, shares = found.density()
    places = np.minimum((rates * BINS).astype(int), BINS - 1)
    bars = np.bincount(places, weights=shares, minlength=BINS)
    middles = [(place + 0.5) / BINS for place in range(BINS)]
    return Panel(
        "Pass rates",
        "Share of the prompts by how often the model is right, as far as the answers tell. Those "
        "at both ends teach nothing.",
        [
            {
                "type": "bar",
                "x": middles,
                "y": [_short(bar) for bar in bars],
                "marker": {"color": "--blue"},
                "hovertemplate": "%{x:.2f}: %{y:.1%} of the prompts<extra></extra>",
            }
        ],
        {
            "xaxis": {"title": {"text": "pass rate"}, "range": [0, 1]},
            "yaxis": {"title": {"text": "share"}, "tickformat": ".0%"},
        },
    )


def _course(told: Forecast, cluster: Cluster | None) -> list[Panel]:
    steps = told.steps
    if not steps:
        return []
    found = [
        Panel(
            "What becomes of prompts",
            "Of every prompt that is asked: all answers right, all wrong, or some of both, which "
            "is what is trained on.",
            [
                _area(steps, "easy", [s.easy for s in steps], "--grey"),
                _area(steps, "teaches", [s.acceptance for s in steps], "--green"),
                _area(steps, "hard", [s.hard for s in steps], "--orange"),
            ],
            {
                "showlegend": True,
                "xaxis": {"title": {"text": "step"}},
                "yaxis": {"title": {"text": "share"}, "tickformat": ".0%", "range": [0, 1]},
            },
        ),
        Panel(
            "Prompts a step",
            "New prompts that the data gives, and all groups that are sampled, those included that "
            "are sampled again.",
            [
                _line(steps, "groups", [s.sampled for s in steps], "--orange"),
                _line(steps, "new prompts", [s.new for s in steps], "--blue"),
            ],
            {
                "showlegend": True,
                "xaxis": {"title": {"text": "step"}},
                "yaxis": {"title": {"text": "prompts"}, "rangemode": "tozero"},
            },
        ),
    ]
    seconds = [s.seconds for s in steps if s.seconds is not None]
    if cluster is not None and seconds:
        hours = np.cumsum(seconds) * cluster.gpus / 3600
        found.append(
            Panel(
                "GPU-hours",
                "Used by the end of each step.",
                [_line(steps, "GPU-hours", hours.tolist(), "--blue")],
                {
                    "xaxis": {"title": {"text": "step"}},
                    "yaxis": {"title": {"text": "GPU-hours"}, "rangemode": "tozero"},
                },
            )
        )
    return found


def _sizes(sizes: Sequence[GroupSize], best: GroupSize) -> list[Panel]:
    groups = [one.group for one in sizes]
    marks = ["--orange" if one is best else "--blue" for one in sizes]
    axis = {"title": {"text": "answers a prompt"}, "type": "log", "tickvals": groups}
    return [
        Panel(
            "Group sizes: signal",
            "What a thousand sampled answers tell of their prompts' gradients. Orange: the best of "
            "those with which the data lasts.",
            [
                {
                    "x": groups,
                    "y": [_short(one.per_answer) for one in sizes],
                    "mode": "lines+markers",
                    "line": {"color": "--grey", "width": 1.5},
                    "marker": {"color": marks, "size": 10},
                    "hovertemplate": "groups of %{x}: %{y:.1f}<extra></extra>",
                }
            ],
            {"xaxis": axis, "yaxis": {"title": {"text": "signal"}, "rangemode": "tozero"}},
        ),
        Panel(
            "Group sizes: data",
            "Steps that one pass over the data lasts, at as many trained answers a step.",
            [
                {
                    "x": groups,
                    "y": [_short(one.steps) for one in sizes],
                    "mode": "lines+markers",
                    "line": {"color": "--grey", "width": 1.5},
                    "marker": {"color": marks, "size": 10},
                    "hovertemplate": "groups of %{x}: %{y:.0f} steps<extra></extra>",
                }
            ],
            {"xaxis": axis, "yaxis": {"title": {"text": "steps"}, "rangemode": "tozero"}},
        ),
    ]


def _line(
    steps: Sequence[Step], name: str, values: Sequence[float], colour: str
) -> Mapping[str, Any]:
    return {
        "x": [one.step for one in steps],
        "y": [_short(value) for value in values],
        "name": name,
        "mode": "lines",
        "line": {"color": colour, "width": 2},
        "hovertemplate": f"step %{{x}}: %{{y:.4g}} {name}<extra></extra>",
    }


def _area(
    steps: Sequence[Step], name: str, values: Sequence[float], colour: str
) -> Mapping[str, Any]:
    return {
        "x": [one.step for one in steps],
        "y": [_short(value) for value in values],
        "name": name,
        "mode": "lines",
        "stackgroup": "all",
        "line": {"color": colour, "width": 1},
        "fillcolor": f"{colour}/60",
        "hovertemplate": f"step %{{x}}: %{{y:.1%}} {name}<extra></extra>",
    }


def _short(value: float) -> float:
    return float(f"{value:.5g}")
