"""`python -m tests.bench.forecast MODEL`: what `plumb data forecast` says, beside what runs need.

MODEL is a folder that answers `builtin:arithmetic?max=99`, such as the `start_model` of a
quickstart. Its pass rates on some prompts are measured; then runs with a learning rate of nothing,
one a seed, sample those prompts anew, and the groups and tokens that they need are compared with
the forecast: exits with 1 where one differs by more than 10 %. With `--along RUN_DIR...`, runs that
learnt from the same start, the forecast follows each run's own mean pass rate, and the error of
every step is plotted: what is left is the shape of the pass rates, which the path does not say.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import DataError
from data.forecast import Evidence, Population, population
from data.forecast import Path as Course
from data.forecast_cost import course
from data.forecast_pacing import Pacing
from data.forecast_run import Plan, forecast
from data.measuring import response_tokens
from data.prompt_records import open_records
from launch.pages.page import Panel, write_page
from tests.bench.ending import complain, told

DATA = "builtin:arithmetic?max=99"
WITHIN = 0.1
BATCH, GROUP = 32, 8
SETTINGS = [
    f"sampler.prompts_per_step={BATCH}",
    f"sampler.samples_per_prompt={GROUP}",
    "rollout.max_prompt_tokens=64",
    "rollout.max_response_tokens=32",
]
COLOURS = ("--blue", "--orange", "--green", "--pink", "--grey", "--accent")


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forecast")
    parser.add_argument("model", type=Path)
    parser.add_argument("--measured", type=Path, help="pass rates of an earlier measurement")
    parser.add_argument("--prompts", type=int, default=600)
    parser.add_argument("--answers", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3, help="0: no frozen runs")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--along", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("forecast_bench.html"))
    asked = parser.parse_args()
    try:
        return told(lambda: _measure(asked))
    except DataError as error:
        return complain(str(error), 1)


def _measure(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="plumb-forecast-") as name:
        folder = Path(name)
        measured = asked.measured or folder / "measured"
        if asked.measured is None:
            source = f"{DATA}&count={asked.prompts}&seed=1"
            _plumb("data", "difficulty", source, "--out", measured, "--model", asked.model,
                   "-k", asked.answers, "--full", *SETTINGS)  # fmt: skip
        records = list(open_records(str(measured)))
        found = population(Evidence.of_records(records))
        tokens = response_tokens(records)
        print(
            f"{len(records)} prompts, mean pass rate {found.pass_rate:.1%}; groups of {GROUP} are "
            f"accepted with {found.acceptance(GROUP):.1%}, give or take "
            f"{2 * found.acceptance_error(GROUP):.1%}"
        )
        errors = [
            _frozen(asked, measured, found, tokens, seed, folder) for seed in range(asked.seeds)
        ]
    if asked.along:
        _along(found, asked.along, asked.out)
    return int(max(errors, default=0.0) > WITHIN)


def _plumb(*arguments: object) -> None:
    command = [sys.executable, "-m", "launch.cli", *map(str, arguments)]
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    if done.returncode:
        raise DataError(f"plumb {' '.join(command[3:])} ended with {done.returncode}")


def _frozen(
    asked: argparse.Namespace,
    measured: Path,
    found: Population,
    tokens: float | None,
    seed: int,
    folder: Path,
) -> float:
    """A run that learns nothing beside its forecast; the larger of the two errors."""
    run = folder / f"run_{seed}"
    config = folder / "config.yaml"
    config.write_text("{}")
    _plumb(
        "train", config, *SETTINGS, f"data.train={measured.absolute()}",
        f"model.path={asked.model}", f"run_dir={run}", f"seed={seed}", f"train.steps={asked.steps}",
        "train.eval_every=0",
        "train.checkpoint_every=0", "train.export=false", "train.log_rollouts_every=0",
        "data.eval_size=0", "learner.lr=1e-30", "learner.warmup_steps=0",
        "learner.mini_batch_size=64", "learner.micro_batch_tokens=4096",
    )  # fmt: skip
    rows = course(run)
    plan = Plan(int(found.prompts.sum()), BATCH, GROUP, steps=len(rows), response_tokens=tokens)
    expected = forecast(found, plan)
    groups = sum(row["groups_sampled"] for row in rows)
    sampled = sum(row["tokens"]["sampled"] for row in rows)
    foretold = sum(step.sampled for step in expected.steps)
    error = foretold / groups - 1
    in_tokens = sum(step.tokens or 0 for step in expected.steps) / sampled - 1
    print(
        f"frozen, seed {seed}: {len(rows)} steps sampled {groups} groups, foretold {foretold:.0f} "
        f"({error:+.1%}); {sampled} tokens ({in_tokens:+.1%})",
        flush=True,
    )
    return max(abs(error), abs(in_tokens))


def _along(found: Population, runs: Sequence[Path], out: Path) -> None:
    """The error of each step of runs that learnt, the forecast following their pass rates."""
    errors = {run.name: _errors(found, run) for run in runs}
    for name, values in errors.items():
        print(
            f"along {name}: acceptance is off by {np.mean(values):+.3f} on average, "
            f"{np.mean(np.abs(values)):.3f} in size; all groups {_of_sum(found, runs, name):+.1%}"
        )
    traces = [
        {
            "x": list(range(1, len(values) + 1)),
            "y": [round(value, 4) for value in values],
            "name": name,
            "mode": "lines+markers",
            "line": {"color": COLOURS[place % len(COLOURS)], "width": 1.5},
            "marker": {"size": 4},
        }
        for place, (name, values) in enumerate(errors.items())
    ]
    layout = {
        "showlegend": True,
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": "error of the acceptance"}, "tickformat": "+.2f"},
    }
    caption = (
        "Foretold less measured acceptance, where the forecast follows the run's own mean pass "
        "rate from the pass rates at the start. Single steps have few groups, and scatter."
    )
    panel = Panel("Error of the forecast along runs that learn", caption, traces, layout, wide=True)
    write_page(out, "page.html.j2", name="Forecast", tiles=[], panels=[panel])
    print(f"plot: {out}")


def _errors(found: Population, run: Path) -> list[float]:
    values = []
    for row in course(run):
        expected = found.moved(_rate(row)).acceptance(GROUP)
        values.append(expected - row["acceptance_rate"])
    return values


def _of_sum(found: Population, runs: Sequence[Path], name: str) -> float:
    """The error of all groups that a run sampled, as one path foretells them."""
    rows = course(next(run for run in runs if run.name == name))
    path = Course([(float(i), _rate(row)) for i, row in enumerate(rows)])
    is_lagging = any((row.get("lag_max") or 0) > 0 for row in rows)
    pacing = Pacing(BATCH, int(is_lagging))
    total = 0.0
    for step in range(len(rows)):
        total += pacing.step(found.moved(path.at(step)).acceptance(GROUP)).sampled
    return float(total / sum(row["groups_sampled"] for row in rows) - 1)


def _rate(row: Mapping[str, Any]) -> float:
    """The step's pass rate, no nearer to 0 or 1 than its answers can tell."""
    least = 0.5 / (GROUP * row["groups_sampled"])
    return float(min(max(row["accuracy"], least), 1 - least))


if __name__ == "__main__":
    sys.exit(main())
