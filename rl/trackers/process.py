"""The process of one tracker: waits for the bell, sends what is new, ends when the run does.

Run as `main()` by `rl.trackers.tracking`, maybe under another Python. Standard input is the bell:
any byte says that there is something new, a letter of `ENDINGS` how the run ended, and its end that
the run is gone. Standard output are lines for a person. Guarantees: it takes at most a tenth of a
core; it ends within bounded time after the run, also where a server hangs; two of them never send
the same run.
"""

import fcntl
import json
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TextIO

import yaml

from rl.errors import PlumbError
from rl.secret_words import Scrubber
from rl.trackers.feed import Feed, Open, in_a_line
from rl.trackers.ledger import FOLDER
from rl.trackers.service import Ending, Opening, Service

ENDINGS: Final[Mapping[str, Ending]] = {"f": "finished", "x": "failed"}
RETRY_SECONDS: Final = 20.0
"""Between two tries while a service fails."""
SHARE: Final = 9
"""The process rests for so many times as long as it has worked."""
GRACE_SECONDS: Final = 5.0
"""Beyond `trackers.wait`, until the process ends itself."""
LOCK_SECONDS: Final = 60.0
"""Beyond both, until the process of a run before must have ended."""
QUIET: Final = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Of the services' own variables, where the user has not set them."""


class Bell:
    """What the run says, from a thread of its own.

    Args:
        wait: seconds after the run's end until this process ends, whatever it does.
    """

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._rung = threading.Event()
        self._ended = threading.Event()
        self.ending: Ending = "killed"
        threading.Thread(target=self._listen, name="bell", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Whether the run has."""
        return self._ended.is_set()

    def rest(self, seconds: float) -> None:
        """Let time pass, unless the run ends."""
        self._ended.wait(seconds)

    def heard(self, seconds: float | None) -> None:
        """Wait until it rings, the run ends, or time is up."""
        self._rung.wait(seconds)
        if not self.has_ended:
            self._rung.clear()

    def _listen(self) -> None:
        while heard := os.read(0, 4096):
            for letter in heard.decode("ascii", "replace"):
                self.ending = ENDINGS.get(letter, self.ending)
            self._rung.set()
        timer = threading.Timer(self._wait + GRACE_SECONDS, os._exit, [2])
        timer.daemon = True
        timer.start()
        self._ended.set()
        self._rung.set()


def open_wandb(opening: Opening) -> Service:
    """A run at W&B."""
    from rl.trackers.wandb_service import WandbService

    return WandbService(opening)


def open_mlflow(opening: Opening) -> Service:
    """A run at MLflow."""
    from rl.trackers.mlflow_service import MlflowService

    return MlflowService(opening)


def open_trackio(opening: Opening) -> Service:
    """A run of trackio."""
    from rl.trackers.trackio_service import TrackioService

    return TrackioService(opening)


OPENERS: Final[Mapping[str, Open]] = {
    "wandb": open_wandb,
    "mlflow": open_mlflow,
    "trackio": open_trackio,
}


def main(name: str, run_dir: str, trackers: str) -> int:
    """Show a run in one tracker until the run ends.

    Args:
        name: the tracker's.
        run_dir: the run directory.
        trackers: the section of the run's settings, JSON.

    Returns:
        0: everything was sent, and the service has confirmed it.
    """
    people = _own_output()
    os.nice(10)
    for number in (signal.SIGINT, signal.SIGTERM):  # the run's; it says how it ends
        signal.signal(number, signal.SIG_IGN)
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    warnings.simplefilter("ignore")
    settings = json.loads(trackers)
    folder = Path(run_dir)
    wait = float(settings["wait"])
    bell = Bell(wait)

    scrub = Scrubber(os.environ).text

    def say(line: str) -> None:
        with suppress(BrokenPipeError):
            print(f"{name}: {scrub(line)}", file=people, flush=True)

    with _alone(folder / FOLDER / f"{name}.lock", wait) as is_alone:
        if not is_alone:
            say(f"another process still sends {folder}")
            return 1
        try:
            feed = Feed(folder, name, settings, _config(folder), OPENERS[name], say)
        except PlumbError as error:
            say(str(error))
            return 1
        return _serve(feed, bell, say)


def _serve(feed: Feed, bell: Bell, say: Callable[[str], None]) -> int:
    """Send again and again; once more after the end."""
    told = False
    while not bell.has_ended:
        worked = time.process_time()
        try:
            due = feed.send(whole=False)
        except Exception as error:
            due = RETRY_SECONDS
            if not told:
                say(f"{in_a_line(error)}; the run goes on, and this is tried again")
                told = True
        bell.rest(SHARE * (time.process_time() - worked))
        bell.heard(due)
        if due == RETRY_SECONDS:
            bell.rest(RETRY_SECONDS / 2)
    try:
        feed.send(whole=True)
        feed.close(bell.ending)
    except Exception as error:
        if not told:
            say(in_a_line(error))
        return 1
    return 0


def _own_output() -> TextIO:
    """Standard output for people alone: what libraries print goes to the log."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.dup2(2, 1)
    return own


def _config(run_dir: Path) -> dict[str, Any]:
    """The run's settings as it wrote them."""
    try:
        return dict(yaml.safe_load((run_dir / "config.yaml").read_text("utf-8")))
    except FileNotFoundError:
        return {}


@contextmanager
def _alone(path: Path, wait: float) -> Iterator[bool]:
    """Whether this process is the only one; one of a killed run ends soon."""
    deadline = time.monotonic() + wait + GRACE_SECONDS + LOCK_SECONDS
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > deadline:
                    yield False
                    return
                time.sleep(0.2)
                continue
            yield True
            return
