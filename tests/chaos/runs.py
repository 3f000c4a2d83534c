"""One run to its end, undisturbed or with a death every so many seconds."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from rl.sinks import read_metrics
from rl.status import read_status
from tests.chaos.victims import Victim, drawn
from tests.processes import kill_tree
from tests.run_files import faults

REPOSITORY = Path(__file__).parents[2]
CONFIG = REPOSITORY / "launch" / "configs" / "quickstart.yaml"
LAST = 5
"""Evaluations over which accuracy is taken."""
NAMED_SECONDS = 60.0
"""Seconds within which a death is named."""
DEADLINE = 3600.0
"""Seconds that one run may take."""
UNBOUNDED = ("rollout.restarts=1000", "cluster.max_learner_restarts=1000")
MODES = {
    "sync": ("sampler.max_lag=0",),
    "async": ("sampler.max_lag=2", "rollout.engines=2"),
}


@dataclass(slots=True)
class Death:
    """A process that was killed."""

    kind: str
    words: tuple[str, ...]
    """One of them names it."""
    step: int
    """The last in the metrics by then; -1: none."""
    said: int
    """Letters of the log by then."""
    at: float
    named: float | None = None
    """Seconds until the log named it; None: it did not."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run."""

    mode: str
    seed: int
    seconds: float
    starts: int
    """Of the command."""
    deaths: tuple[Death, ...]
    accuracy: float
    """Mean of the last evaluations."""
    faults: tuple[str, ...]
    """What is wrong with its ledger of prompts."""


class Run:
    """A run of the quickstart in a folder of its own.

    Args:
        folder: where it goes.
        mode: one of `MODES`.
        seed: of the run, and of who dies.
        overrides: settings beside the mode's.
        model: a start model; none: the run makes one.
    """

    def __init__(
        self, folder: Path, mode: str, seed: int, overrides: Sequence[str], model: Path | None
    ) -> None:
        folder.mkdir(parents=True)
        self.run_dir = folder / "run"
        self._log = folder / "log.txt"
        self._mode = mode
        self._seed = seed
        self._overrides = (*MODES[mode], *UNBOUNDED, f"seed={seed}", *overrides)
        self._deaths: list[Death] = []
        self._starts = 0
        if model is not None:
            shutil.copytree(model, self.run_dir / "start_model")

    def to_end(self, every: float | None) -> Ran:
        """Run; every so many seconds a process is killed, and the command started again if it ends.

        Raises:
            SystemExit: It takes too long, or ends with an error though nothing was killed.
        """
        draw = random.Random(f"{self._seed}/{self._mode}")
        began = last = time.monotonic()
        process = self._start()
        while True:
            self._look()
            if process.poll() is None:
                time.sleep(0.1)
            elif process.returncode == 0:
                break
            elif every is None:
                raise SystemExit(f"chaos: an undisturbed run failed:\n{self._text()[-3000:]}")
            else:
                kill_tree(process.pid)  # a guardian that was killed has left things behind
                process = self._start()
            now = time.monotonic()
            if now - began > DEADLINE:
                kill_tree(process.pid)
                raise SystemExit(f"chaos: {self.run_dir} took longer than {DEADLINE:g} s")
            if every is not None and now - last > every and not self._is_over():
                last = now
                if (victim := drawn(process.pid, draw)) is not None:
                    self._kill(victim)
        self._look()
        return self._result(time.monotonic() - began)

    def _start(self) -> "subprocess.Popen[bytes]":
        self._starts += 1
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        environment["PYTHONPATH"] = str(REPOSITORY)
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "launch.cli", "train", str(CONFIG)),
                    *(*self._overrides, f"run_dir={self.run_dir}", "--retry"),
                ],
                cwd=self._log.parent,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _kill(self, victim: Victim) -> None:
        death = Death(victim.kind, victim.words, self._step(), len(self._text()), time.monotonic())
        self._deaths.append(death)
        with suppress(psutil.NoSuchProcess):
            victim.process.kill()

    def _look(self) -> None:
        """Whether the log, perhaps of the command started again, names those that died lately."""
        now = time.monotonic()
        recent = [d for d in self._deaths if d.named is None and now - d.at < NAMED_SECONDS]
        text = self._text() if recent else ""
        for death in recent:
            if any(words in text[death.said :] for words in death.words):
                death.named = now - death.at

    def _result(self, seconds: float) -> Ran:
        rows = read_metrics(self.run_dir / "metrics.jsonl")
        measured = [row["eval_accuracy"] for row in rows if row.get("eval_accuracy") is not None]
        last = measured[-LAST:]
        return Ran(
            self._mode,
            self._seed,
            seconds,
            self._starts,
            tuple(self._deaths),
            sum(last) / len(last),
            tuple(faults(self.run_dir)),
        )

    def _is_over(self) -> bool:
        """Whether it has trained, and ends what it started: nothing that dies now is missed."""
        status = read_status(self.run_dir)
        return status is not None and status.state == "finished"

    def _step(self) -> int:
        rows = read_metrics(self.run_dir / "metrics.jsonl")
        return int(rows[-1]["step"]) if rows else -1

    def _text(self) -> str:
        """What the command has said."""
        return self._log.read_text(encoding="utf-8", errors="replace")
