"""`python -m tests.soak`: kills runs at drawn instants, resumes them, and looks for lost prompts.

Each run is `plumb train` of the quickstart, cut short: its whole process tree gets SIGKILL at an
instant drawn over its start and its steps, and `--resume` takes it to its end. Then every prompt
that was given out must have ended once, or wait in the checkpoint; a synchronous run must have
trained on the batches of one that was never killed.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rl.sinks import read_metrics
from tests.processes import kill_tree
from tests.run_files import Ended, batches, faults

REPOSITORY = Path(__file__).parents[1]
CONFIG = REPOSITORY / "launch" / "configs" / "quickstart.yaml"
STEPS = 12
MODES = {
    "max_lag 0": ("sampler.max_lag=0",),
    "max_lag 2": ("sampler.max_lag=2",),
    "max_lag 2, 2 engines": ("sampler.max_lag=2", "rollout.engines=2"),
}
SMALL = (
    f"train.steps={STEPS}",
    "train.eval_every=5",
    "train.checkpoint_every=3",
    "train.export=false",
    "data.eval_size=16",
    "sampler.prompts_per_step=4",
    "sampler.samples_per_prompt=4",
    "learner.mini_batch_size=8",
)
DEADLINE = 600.0  # seconds that one process may take
EARLY = 0.2  # share of the kills that fall in a run's start


@dataclass(frozen=True, slots=True)
class Instant:
    """When a run is killed."""

    step: int
    """So many steps are in its metrics; -1: counted from its start."""
    seconds: float
    """After that."""

    def __str__(self) -> str:
        since = f"step {self.step}" if self.step >= 0 else "the start"
        return f"{self.seconds:.2f} s after {since}"


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of one kill."""

    mode: str
    instant: Instant
    trained: int
    """The last step in the metrics when it was killed; -1: it had not begun."""
    seconds: float
    """Of both processes."""
    faults: tuple[str, ...]
    equal: float | None
    """Share of the trained answers that are those of the run that was never killed."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A run that was never killed."""

    ready: float
    """Seconds from its start to its first step."""
    total: float
    batches: dict[int, list[Ended]]


class Soak:
    """Runs in one folder, from one start model.

    Args:
        folder: where the runs go.
        config: what is run.
        overrides: its settings.
        model: a start model; none: the first run makes one.
    """

    def __init__(
        self,
        folder: Path,
        config: Path,
        overrides: tuple[str, ...] = (),
        model: Path | None = None,
    ) -> None:
        self._folder = folder
        self._config = config
        self._overrides = overrides
        self._model = model

    def whole(self, mode: str) -> Whole:
        """A run to its end; its start model serves those that follow."""
        run_dir = self._run_dir(f"whole, {mode}")
        begun = time.monotonic()
        process = self._start(run_dir, mode, "--resume")
        ready = 0.0
        while process.poll() is None:
            if not ready and _last_step(run_dir) >= 0:
                ready = time.monotonic() - begun
            self._check_deadline(process, begun)
            time.sleep(0.1)
        self._check_end(process, run_dir)
        total = time.monotonic() - begun
        self._model = run_dir / "start_model"
        if found := faults(run_dir, epochs=False):
            raise SystemExit(f"soak: a run that was not killed is wrong: {'; '.join(found)}")
        return Whole(ready, total, batches(run_dir))

    def killed(self, name: str, mode: str, instant: Instant, whole: Whole) -> Killed:
        """A run that is killed at an instant, and resumed."""
        run_dir = self._run_dir(name)
        begun = time.monotonic()
        process = self._start(run_dir, mode, "--resume")
        while process.poll() is None and _last_step(run_dir) < instant.step:
            self._check_deadline(process, begun)
            time.sleep(0.01)
        time.sleep(instant.seconds)
        kill_tree(process.pid)
        process.wait()
        trained = _last_step(run_dir)
        process = self._start(run_dir, mode, "--resume")
        while process.poll() is None:
            self._check_deadline(process, begun)
            time.sleep(0.1)
        self._check_end(process, run_dir)
        found = faults(run_dir, epochs=False)
        equal = None
        if mode == "max_lag 0":
            found += different(batches(run_dir), whole.batches)
            equal = equal_answers(batches(run_dir), whole.batches)
        seconds = time.monotonic() - begun
        return Killed(mode, instant, trained, seconds, tuple(found), equal)

    def _run_dir(self, name: str) -> Path:
        run_dir = self._folder / name.replace(", ", "-").replace(" ", "_")
        run_dir.mkdir()
        if self._model is not None:
            shutil.copytree(self._model, run_dir / "start_model")
        return run_dir

    def _start(self, run_dir: Path, mode: str, *flags: str) -> "subprocess.Popen[bytes]":
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        environment["PYTHONPATH"] = str(REPOSITORY)
        with run_dir.with_suffix(".log").open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "launch.cli", "train", str(self._config)),
                    *(*self._overrides, *MODES[mode], f"run_dir={run_dir}", *flags),
                ],
                cwd=self._folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _check_deadline(self, process: "subprocess.Popen[bytes]", begun: float) -> None:
        if time.monotonic() > begun + DEADLINE:
            kill_tree(process.pid)

    def _check_end(self, process: "subprocess.Popen[bytes]", run_dir: Path) -> None:
        if process.returncode != 0:
            text = run_dir.with_suffix(".log").read_text(errors="replace")
            raise SystemExit(f"soak: {run_dir} ended with {process.returncode}:\n{text[-3000:]}")


def different(found: dict[int, list[Ended]], wanted: dict[int, list[Ended]]) -> list[str]:
    """Steps whose batch is not that of another run."""
    return [
        f"step {step} trained on {_names(found.get(step, []))}, not on {_names(wanted[step])}"
        for step in wanted
        if _names(found.get(step, [])) != _names(wanted[step])
    ]


def equal_answers(found: dict[int, list[Ended]], wanted: dict[int, list[Ended]]) -> float:
    """Share of the trained answers that are the same in both."""
    pairs = [
        (mine == theirs)
        for step in wanted
        for one, other in zip(found.get(step, []), wanted[step], strict=False)
        for mine, theirs in zip(one.answers, other.answers, strict=True)
    ]
    return sum(pairs) / len(pairs) if pairs else 0.0


def instants(seed: str, whole: Whole, runs: int) -> Iterator[Instant]:
    """When runs are killed: most in the midst of a step, the others in their start."""
    draw = random.Random(seed)
    a_step = (whole.total - whole.ready) / STEPS
    for number in range(runs):
        if number < EARLY * runs:
            yield Instant(-1, draw.uniform(0, whole.ready))
        else:
            yield Instant(draw.randrange(STEPS), draw.uniform(0, a_step))


def main() -> int:
    """Soak; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="kills of each mode")
    parser.add_argument("--seed", type=int, default=0, help="of the instants")
    parser.add_argument(
        "--start-model", type=Path, help="RUN_DIR/start_model of a quickstart; none: one is made"
    )
    parser.add_argument("--modes", nargs="*", choices=MODES, default=list(MODES)[:2])
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    done: list[Killed] = []
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        soak = Soak(Path(folder), CONFIG, SMALL, arguments.start_model)
        for mode in arguments.modes:
            whole = soak.whole(mode)
            seed = f"{arguments.seed}/{mode}"
            console.print(
                f"{mode}: ready after {whole.ready:.1f} s, {STEPS} steps after "
                f"{whole.total:.1f} s; {arguments.runs} kills, seed {seed!r}"
            )
            for number, instant in enumerate(instants(seed, whole, arguments.runs)):
                one = soak.killed(f"{mode}, {number}", mode, instant, whole)
                done.append(one)
                console.print(f"  {_line(one)}")
    console.print(_table(done))
    return 1 if any(one.faults for one in done) else 0


def _line(one: Killed) -> str:
    where = f"after step {one.trained}" if one.trained >= 0 else "before its first step"
    same = "" if one.equal is None else f", {one.equal:.0%} of the answers the same"
    verdict = "; ".join(one.faults) or "nothing lost, nothing doubled"
    return f"killed {one.instant}, {where}: {verdict}{same} ({one.seconds:.0f} s)"


def _table(done: list[Killed]) -> Table:
    table = Table(title="Runs that were killed and resumed")
    for name in (
        "mode",
        "kills",
        "in the start",
        "lost or doubled",
        "same batches",
        "same answers",
    ):
        table.add_column(name, justify="left" if name == "mode" else "right")
    for mode in dict.fromkeys(one.mode for one in done):
        own = [one for one in done if one.mode == mode]
        compared = [one.equal for one in own if one.equal is not None]
        same = [not any("trained on" in fault for fault in one.faults) for one in own]
        lost = [any("trained on" not in fault for fault in one.faults) for one in own]
        table.add_row(
            mode,
            str(len(own)),
            str(sum(one.trained < 0 for one in own)),
            str(sum(lost)),
            f"{sum(same)}/{len(own)}" if compared else "-",
            f"{sum(compared) / len(compared):.1%}" if compared else "-",
        )
    return table


def _names(groups: list[Ended]) -> list[tuple[int, str]]:
    return [(group.index, group.prompt) for group in groups]


def _last_step(run_dir: Path) -> int:
    rows = read_metrics(run_dir / "metrics.jsonl")
    return int(rows[-1]["step"]) if rows else -1


if __name__ == "__main__":
    sys.exit(main())
