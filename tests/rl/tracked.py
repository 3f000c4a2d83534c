"""A run that is shown in stand-ins for the trackers' packages, and what they noted."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rl.config import RunConfig
from rl.config_file import dump_config
from rl.groups import Batch
from rl.recorder import Recorder
from rl.sinks import Sink
from rl.trackers.service import Ending
from rl.trackers.tracking import Tracking
from tests.rl.test_recorder import group

FAKES = Path(__file__).parent / "tracker_fakes"
NAMES = ("wandb", "mlflow", "trackio")
ALL: dict[str, Any] = {"wandb": {}, "mlflow": {"uri": "http://mlflow.example"}, "trackio": {}}


class Tracked:
    """A run of some steps, in pieces as it is resumed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run_dir = folder / "run"
        self.run_dir.mkdir()
        self.lines: list[str] = []
        self.well = folder / "well"
        self._log = folder / "log.jsonl"
        self._monkeypatch = monkeypatch
        self._set(PYTHONPATH=str(FAKES), TRACKER_LOG=str(self._log), TRACKER_WELL=str(self.well))
        for name in ("WANDB_MODE", "WANDB_BASE_URL", "HF_HUB_OFFLINE", "TRACKER_DOES"):
            monkeypatch.delenv(name, raising=False)

    def does(self, what: str) -> None:
        """Have the services misbehave."""
        self._set(TRACKER_DOES=what)

    def begin(self, **trackers: Any) -> Tracking:
        """Write the config and start the trackers."""
        section = {"python": sys.executable, "wait": 240.0, **(trackers or ALL)}
        config = RunConfig.model_validate({"run_dir": self.run_dir, "trackers": section})
        (self.run_dir / "config.yaml").write_text(dump_config(config))
        return Tracking(config, self.lines.append)

    def steps(
        self, steps: Iterable[int], sink: Sink, *, last_step: int = -1, answers: bool = False
    ) -> None:
        """Write steps as the loop does, and an evaluation of each beside the next one."""
        every = int(answers)
        recorder = Recorder(self.run_dir, last_step=last_step, log_every=every, sinks=[sink])
        for step in steps:
            if step and answers:
                recorder.ended(group(step), "rejected_correct")
                recorder.trained(Batch(step - 1, ()), {})
            recorder.write_step({"step": step, "time": time.time(), "loss": step / 8, "kl": None})
            if recorder.row(step - 1):
                recorder.amend(step - 1, evaluations={"aime 24 é": {"accuracy": step / 16}})
        recorder.close()

    def whole(self, steps: Iterable[int], ending: Ending = "finished", **trackers: Any) -> bool:
        """A run from begin to end."""
        tracking = self.begin(**trackers)
        self.steps(steps, tracking)
        (self.run_dir / "report.html").write_text("<p>report</p>")
        return tracking.end(ending)

    def noted(self, tracker: str, kind: str) -> list[dict[str, Any]]:
        """What a service was told, in order."""
        if not self._log.exists():
            return []
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [one for one in lines if one["tracker"] == tracker and one["kind"] == kind]

    def sent(self, tracker: str) -> Counter[tuple[int, str]]:
        """How often each number of a step was sent."""
        rows = self.noted(tracker, "row")
        return Counter((row["step"], tag) for row in rows for tag in row["values"])

    def _set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)
