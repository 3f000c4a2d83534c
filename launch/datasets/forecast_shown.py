"""A forecast in the terminal, and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data.forecast_cost import Cluster
    from data.forecast_run import Forecast, GroupSize, Plan

SHOWN = 6  # steps of the table


def write_json(
    path: Path, told: "Forecast", sizes: "Sequence[GroupSize]", best: "GroupSize"
) -> None:
    """The forecast as a JSON object: `steps`, `group_sizes`, and what they come to."""
    import json
    from dataclasses import asdict

    from rl.storage import write_atomically

    said = asdict(told) | {"group_sizes": [asdict(one) for one in sizes], "best_group": best.group}
    write_atomically(path, json.dumps(said, indent=1) + "\n")


def show_run(told: "Forecast", plan: "Plan", rate: float, cluster: "Cluster | None") -> None:
    from launch.datasets.progress import duration, show_counts

    print(
        f"{plan.prompts} prompts, mean pass rate {rate:.1%}; {plan.batch} groups of {plan.group} "
        f"a step, max_lag {plan.max_lag}"
    )
    some = told.steps
    places = {round(i * (len(some) - 1) / (SHOWN - 1)) for i in range(SHOWN if some else 0)}
    show_counts(
        ["step", "pass rate", "acceptance", "between", "prompts", "groups", "tokens", "seconds"],
        [
            [
                one.step,
                f"{one.pass_rate:.1%}",
                f"{one.acceptance:.1%}",
                f"{one.between[0]:.1%} {one.between[1]:.1%}",
                round(one.new),
                round(one.sampled),
                "not known" if one.tokens is None else round(one.tokens),
                "not known" if one.seconds is None else round(one.seconds, 1),
            ]
            for one in (some[place] for place in sorted(places))
        ],
    )
    if some:
        error = told.acceptance_error
        print(f"acceptance at the start {some[0].acceptance:.1%}, give or take {2 * error:.1%}")
        print(f"{len(some)} steps take {told.prompts:.0f} prompts of {plan.prompts}", end="; ")
        last = told.first_pass
        print(f"each is asked once by step {last}" if last else "not all of them are asked")
    if told.ends:
        print(f"it ends early: {told.ends}")
    if cluster is not None and told.gpu_hours is not None:
        seconds = told.gpu_hours * 3600 / cluster.gpus
        print(f"{duration(seconds)} on {cluster.gpus:g} GPUs: {told.gpu_hours:.2f} GPU-hours")


def show_sizes(sizes: "list[GroupSize]", best: "GroupSize", plan: "Plan") -> None:
    from launch.datasets.progress import show_counts

    show_counts(
        ["group", "batch", "acceptance", "sampled / trained", "steps a pass", "signal / 1000"],
        [
            [
                one.group,
                f"{one.batch:.1f}",
                f"{one.acceptance:.1%}",
                f"{one.answers:.2f}",
                f"{one.steps:.0f}",
                f"{one.per_answer:.1f}" + (" best" if one is best else ""),
            ]
            for one in sizes
        ],
    )
    print(
        f"best use of the data: groups of {best.group} "
        f"({best.batch:.0f} a step for as many trained answers; the plan has {plan.group})"
    )
