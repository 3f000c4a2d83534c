"""`python -m tests.chaos`: the quickstart while a process of it dies every 90 s, under seeds.

The command itself, its learner, engines, grading workers, Ray's raylet, head and agent, and the
guardian: each death is drawn under the seed, the command is started again where it ended, as a
scheduler would. Then the log must have named every death, every prompt must be in one place, and
the mean of the last five evaluations must be within 3 points of the undisturbed run's.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.runs import LAST, MODES, Ran, Run

POINTS = 3.0


def wrong(calm: Ran, chaos: Ran) -> list[str]:
    """What a disturbed run has to answer for."""
    found = list(chaos.faults)
    found += [
        f"the log did not name the death of: {d.kind}" for d in chaos.deaths if d.named is None
    ]
    if not chaos.deaths:
        found.append("nothing died: raise --steps or lower --every")
    change = abs(chaos.accuracy - calm.accuracy) * 100
    if change > POINTS:
        found.append(f"accuracy differs by {change:.1f} points")
    return found


def table(pairs: Sequence[tuple[Ran, Ran]]) -> Table:
    """A row for each pair of runs."""
    shown = Table(title=f"Runs under which processes died (accuracy: mean of the last {LAST})")
    names = ("mode", "seed", "deaths", "starts", "longest until named", "undisturbed", "disturbed")
    for name in (*names, "wrong"):
        shown.add_column(name, justify="left" if name in ("mode", "deaths", "wrong") else "right")
    for calm, chaos in pairs:
        kinds = Counter(death.kind for death in chaos.deaths)
        named = [death.named for death in chaos.deaths if death.named is not None]
        shown.add_row(
            chaos.mode,
            str(chaos.seed),
            ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
            str(chaos.starts),
            f"{max(named):.1f} s" if named else "-",
            f"{calm.accuracy:.1%} ({calm.seconds:.0f} s)",
            f"{chaos.accuracy:.1%} ({chaos.seconds:.0f} s)",
            "; ".join(wrong(calm, chaos)) or "nothing",
        )
    return shown


def main() -> int:
    """Run them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--modes", nargs="*", choices=MODES, default=list(MODES))
    parser.add_argument("--every", type=float, default=90.0, help="seconds between two deaths")
    parser.add_argument("--steps", type=int, default=180, help="steps of a run")
    parser.add_argument("--eval-every", type=int, default=10, help="steps between evaluations")
    parser.add_argument("--start-model", type=Path, help="RUN_DIR/start_model of a quickstart")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    overrides = (
        f"train.steps={arguments.steps}",
        f"train.eval_every={arguments.eval_every}",
        "train.export=false",
    )
    pairs = []
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        model: Path | None = arguments.start_model
        for mode in arguments.modes:
            for seed in arguments.seeds:
                place = Path(folder) / f"{mode}-{seed}"
                calm_run = Run(place / "calm", mode, seed, overrides, model)
                calm = calm_run.to_end(None)
                model = model or calm_run.run_dir / "start_model"
                chaos = Run(place / "chaos", mode, seed, overrides, model).to_end(arguments.every)
                pairs.append((calm, chaos))
                console.print(f"{mode}, seed {seed}: {calm.accuracy:.1%} undisturbed")
                for death in chaos.deaths:
                    named = (
                        "not named" if death.named is None else f"named {death.named:.1f} s later"
                    )
                    console.print(f"  a {death.kind} died after step {death.step}: {named}")
                lines = wrong(calm, chaos) or ["nothing lost, nothing doubled, all named"]
                console.print(f"  {chaos.accuracy:.1%} disturbed: {'; '.join(lines)}")
    console.print(table(pairs))
    return 1 if any(wrong(*pair) for pair in pairs) else 0


if __name__ == "__main__":
    sys.exit(main())
