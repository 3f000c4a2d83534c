"""Runs of the real `plumb` command, each in its own folder, and what they leave behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from rl.sinks import read_metrics

REPOSITORY = Path(__file__).parents[2]
MARK = "PLUMB_TEST"  # processes inherit it from the run that they are of
OURS = (
    "EngineCore",
    "ray::",
    "raylet",
    "gcs_server",
    "rewards.grading.worker",
)

LETTERS = """
from rewards import Sample, Verdict, verifier


@verifier("many-digits")
def many_digits(sample: Sample) -> Verdict:
    digits = sum(c.isdigit() for c in sample.response)
    return Verdict.correct(digits) if digits >= 3 else Verdict.incorrect(digits)
"""


def leftovers(mark: str) -> set[tuple[int, str]]:
    """Processes of a test's runs that are alive now."""
    found = set()
    for process in psutil.process_iter(["pid", "name", "cmdline", "status"]):
        line = " ".join([process.info["name"] or "", *(process.info["cmdline"] or [])])
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(name in line for name in OURS):
            with suppress(psutil.Error):
                if process.environ().get(MARK) == mark:
                    found.add((process.info["pid"], line))
    return found


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Poll `condition`; fail the test when it stays false."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.2)


def last_step(run_dir: Path) -> int:
    """The last step in a run's metrics; -1 where there is none."""
    rows = read_metrics(run_dir / "metrics.jsonl")
    return int(rows[-1]["step"]) if rows else -1


def wait_for_step(run_dir: Path, step: int) -> None:
    """Wait until a run has made this step."""
    wait_until(lambda: last_step(run_dir) >= step, 300, f"step {step}")


def drained(process: "subprocess.Popen[str]") -> None:
    """Print what a run says as it comes, so that its pipe never fills."""

    def listen() -> None:
        for line in process.stdout or ():
            print(line, end="")  # for whoever reads of a failure

    threading.Thread(target=listen, daemon=True).start()


def only_line(errors: str) -> str:
    """The message, after checking that it is alone: no traceback, no second line."""
    lines = [line for line in errors.splitlines() if line.startswith("plumb: ")]
    assert len(lines) == 1, errors
    assert "Traceback" not in errors
    return lines[0]


class Plumb:
    """Starts `plumb` in a folder of its own."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder = folder
        self._model = model
        self._started: list[subprocess.Popen[str]] = []
        self.environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        self.environment["PYTHONPATH"] = str(REPOSITORY)
        self.environment[MARK] = str(folder)

    def write_config(self, **sections: object) -> Path:
        """A small, quick run; `sections` are merged over its settings."""
        (self.folder / "digits.py").write_text(LETTERS)
        settings: dict[str, object] = {
            "run_dir": str(self.folder / "run"),
            "model": {"path": str(self._model)},
            "data": {"train": str(self.write_data()), "eval_size": 4},
            "reward": {"verifier": "digits.py:many_digits"},
            "sampler": {"prompts_per_step": 4, "samples_per_prompt": 4, "filter": "none"},
            "rollout": {
                "max_prompt_tokens": 32,
                "max_response_tokens": 12,
                "spare_after": None,  # processes that tests kill are engines
            },
            "learner": {"lr": 1e-3, "warmup_steps": 0, "mini_batch_size": 8},
            "train": {"steps": 2, "eval_every": 0, "checkpoint_every": 2, "export": False},
        }
        for name, section in sections.items():
            old = settings.get(name)
            merged = {**old, **section} if isinstance(old, dict) and section else section
            settings[name] = merged
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(settings))
        return path

    def write_data(self, rows: int = 40) -> Path:
        """Prompts without any answer of ours."""
        path = self.folder / "data.jsonl"
        path.write_text(
            "".join(f'{{"prompt": "digits {i}", "reference": ""}}\n' for i in range(rows))
        )
        return path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `plumb train` with these arguments."""
        process = subprocess.Popen(
            [sys.executable, "-m", "launch.cli", "train", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """Kill what a failed test has left running."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)

    def run(self, *arguments: str, timeout: float = 560) -> subprocess.CompletedProcess[str]:
        """Run `plumb train` to its end."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `builtin:tiny` is without a warm start, so that each run need not make it anew."""
    from rl.tiny import make_model, make_tokenizer, save

    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=0), tokenizer, folder)
    return folder


@pytest.fixture
def plumb(tmp_path: Path, tiny_model: Path) -> Iterator[Plumb]:
    """The command in a fresh folder; the test fails if it leaves a process behind."""
    command = Plumb(tmp_path, tiny_model)
    yield command
    command.stop()
    end = time.monotonic() + 60
    while left := leftovers(str(tmp_path)):
        assert time.monotonic() < end, f"left running: {left}"
        time.sleep(0.2)
