"""The run's end of its trackers: starts a process for each, rings, and ends them in bounded time.

Guarantees: nothing here waits for a tracker but `end`, and that for `trackers.wait` seconds at
most; what a tracker was not sent is said in one line, with the command that sends it.
"""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from rl.config import RunConfig
from rl.errors import StorageError
from rl.sinks import Row
from rl.storage import writing
from rl.trackers.ledger import FOLDER, Ledger, unsent
from rl.trackers.pythons import NOT_FROM_HERE, pythons_of
from rl.trackers.service import Ending

ROOT: Final = Path(__file__).parents[2]
# Behind what the other Python has, so that it takes nothing from here but Plumb.
_START: Final = NOT_FROM_HERE + (
    "sys.path.append(sys.argv[1]); from rl.trackers.process import main; "
    "sys.exit(main(*sys.argv[2:]))"
)
_LETTERS: Final[dict[Ending, bytes]] = {"finished": b"f", "failed": b"x", "killed": b""}
_MOST_LOG: Final = 1 << 20  # bytes of what libraries have printed, beyond which it begins anew


class Tracking:
    """All trackers of a run; a `rl.sinks.Sink`.

    Args:
        config: the run's settings.
        say: prints a line.

    Raises:
        ConfigError: the package of one is missing.
    """

    def __init__(self, config: RunConfig, say: Callable[[str], None]) -> None:
        self._config = config
        self._say = say
        folder = config.run_dir.absolute() / FOLDER
        pythons = pythons_of(config.trackers)
        if pythons:
            with writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
        self._trackers = [
            _Tracker(name, python, config, folder / f"{name}.log", say)
            for name, python in pythons.items()
        ]

    def write(self, row: Row) -> None:
        """Ring: the step is in metrics.jsonl."""
        self._ring()

    def amend(self, row: Row, changed: Row) -> None:
        """Ring."""
        self._ring()

    def close(self) -> None:
        """Ring: the run may go on, from a checkpoint, or has still to write its report."""
        self._ring()

    def end(self, ending: Ending) -> bool:
        """Have the rest sent, for a bounded time; whether all of it was."""
        deadline = time.monotonic() + self._config.trackers.wait
        try:
            for tracker in self._trackers:
                tracker.begin_end(ending)
            done = [tracker.wait(deadline) for tracker in self._trackers]
        finally:
            for tracker in self._trackers:
                tracker.stop()
        told = [self._tell(*one) for one in zip(self._trackers, done, strict=True)]
        return all(told)

    def _ring(self) -> None:
        for tracker in self._trackers:
            tracker.ring()

    def _tell(self, tracker: "_Tracker", is_done: bool) -> bool:
        """Say what was not sent."""
        name, run_dir = tracker.name, self._config.run_dir
        try:
            ledger, missing = Ledger(run_dir, name), unsent(run_dir, name)
        except StorageError as error:
            self._say(f"{name}: {error}")
            return False
        again = f"plumb track {shlex.quote(str(run_dir))} sends it"
        if missing:
            if ledger.later:
                again += f", and {ledger.later} what it holds already"
            self._say(f"{name}: {missing} not sent{tracker.why(is_done)}; {again}")
        elif not ledger.is_closed:
            how = f"{ledger.later} sends what is missing" if ledger.later else again
            self._say(f"{name}: the end is not confirmed{tracker.why(is_done)}; {how}")
        elif ledger.later:
            self._say(f"{name}: kept on this machine; {ledger.later} sends it")
        return not missing and ledger.is_closed


class _Tracker:
    """The process of one tracker."""

    def __init__(
        self, name: str, python: Path, config: RunConfig, log: Path, say: Callable[[str], None]
    ) -> None:
        self.name = name
        self._say = say
        self._log = log
        self._wait = config.trackers.wait
        trackers = config.trackers.model_dump_json()
        with writing(log):
            is_long = log.exists() and log.stat().st_size > _MOST_LOG
            with log.open("w" if is_long else "a") as errors:
                self._process = subprocess.Popen(
                    [
                        str(python),
                        "-c",
                        _START,
                        str(ROOT),
                        name,
                        str(config.run_dir.absolute()),
                        trackers,
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,  # Ctrl-C is the run's
                )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._bell, self._lines = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._lines, False)
        self._rest = ""
        self._is_ended = False

    def ring(self) -> None:
        """Say that there is something new; a full pipe says so already."""
        self._write(b".")
        self._hear()

    def begin_end(self, ending: Ending) -> None:
        """Say how the run has ended, and that nothing more comes."""
        self._write(_LETTERS[ending])
        self._is_ended = True
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def wait(self, deadline: float) -> bool:
        """Whether the process ends in time."""
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
            self._hear()
        self._hear()
        return self._process.poll() is not None

    def stop(self) -> None:
        """End the process, and what it has started."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def why(self, is_done: bool) -> str:
        """Why something is missing, as far as this end knows."""
        if not is_done:
            return f" within trackers.wait={self._wait:g} s"
        return f" (its log: {self._log})"

    def _write(self, letters: bytes) -> None:
        if self._is_ended:
            return
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._bell, letters)

    def _hear(self) -> None:
        """Say the lines that the process has for a person."""
        with suppress(BlockingIOError):
            while heard := os.read(self._lines, 65536):
                *lines, self._rest = (self._rest + heard.decode("utf-8", "replace")).split("\n")
                for line in lines:
                    self._say(line)
