"""What a run leaves behind step by step: metrics in every sink, and what the policy wrote.

A group is written once: one that teaches nothing in the step in which it ended, one that is trained
on in the step that does so. Groups that ended unused are written and freed as they end, and only
their counts stay. A resumed run first forgets what lies after its checkpoint, so that each step is
there once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rl.groups import Batch, Group
from rl.rollout_files import Advantages, StepFiles, forget_after
from rl.sinks import JsonLines, Sink, TensorBoard, changes, read_metrics, without_nan
from rl.step_tally import StepTally
from rl.storage import writing


class Recorder:
    """The growing files of a run directory.

    Args:
        run_dir: the run directory.
        last_step: steps after this one are forgotten; -1 for a new run.
        log_every: steps between files of what the policy wrote; 0: none.
        sinks: where metrics go beside metrics.jsonl and TensorBoard.
    """

    def __init__(
        self, run_dir: Path, *, last_step: int, log_every: int = 1, sinks: Sequence[Sink] = ()
    ) -> None:
        self._metrics = run_dir / "metrics.jsonl"
        self._evaluations = run_dir / "evaluations"
        self._rollouts = run_dir / "rollouts"
        self._log_every = log_every
        self._sinks: list[Sink] = [
            JsonLines(self._metrics, last_step),
            TensorBoard(run_dir / "tensorboard", last_step),
            *sinks,
        ]
        with writing(self._rollouts):
            self._rollouts.mkdir(exist_ok=True)
            for folder in (self._rollouts, *self._evaluations.glob("*/")):
                forget_after(folder, last_step)
        self._step = max(0, last_step)
        self.tally = StepTally()
        self._files = self._next_files()

    def ended(self, group: Group, ending: str) -> None:
        """A group has ended; where it teaches nothing, it is written and can be freed."""
        self.tally.add(group, ending)
        if ending != "accepted" and self._files is not None:
            self._files.add(group, ending)

    def trained(self, batch: Batch, advantages: Advantages) -> None:
        """A step has trained on a batch: its rollouts are whole, and the next step's begin."""
        if self._files is not None:
            for group in batch.groups:
                self._files.add(group, "trained", advantages, batch.version)
            self._files.finish()
        self._step += 1
        self.tally = StepTally()
        self._files = self._next_files()

    def evaluated(self, name: str, step: int, groups: Sequence[Group]) -> None:
        """Write the answers of an evaluation."""
        if not self._log_every:
            return
        folder = self._evaluations / name
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        files = StepFiles(folder, step)
        for group in groups:
            files.add(group, "evaluated")
        files.finish()

    def write_step(self, row: Mapping[str, Any]) -> None:
        """Add a step's metrics."""
        clean = without_nan(row)
        for sink in self._sinks:
            sink.write(clean)

    def amend(self, step: int, **values: Any) -> None:
        """Add values to a step's metrics, or replace them."""
        before = self.row(step)
        row = {**before, **without_nan(values)}
        for sink in self._sinks:
            sink.amend(row, changes(before, row))

    def row(self, step: int) -> Mapping[str, Any]:
        """A step's metrics; empty if it has none."""
        return next((row for row in read_metrics(self._metrics) if row["step"] == step), {})

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The metrics of every step, in order."""
        return read_metrics(self._metrics)

    def last(self) -> Mapping[str, Any]:
        """The last step's metrics; empty if there is none."""
        return (read_metrics(self._metrics) or [{}])[-1]

    def close(self) -> None:
        """Close the sinks; rollouts of a step that never ended are no file."""
        if self._files is not None:
            self._files.drop()
        for sink in self._sinks:
            sink.close()

    def _next_files(self) -> StepFiles | None:
        due = self._log_every and (self._step + 1) % self._log_every == 0
        return StepFiles(self._rollouts, self._step + 1) if due else None
