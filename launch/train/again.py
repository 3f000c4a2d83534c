"""`plumb train --retry` as a Ray job: the command starts itself again where its process dies.

Ray starts a job's command once. So there the command's process only starts another, which trains,
and starts it again where that was killed, or ended by Ray without a word.

Guarantees: a process that says why it ends is not started again; how often within an hour one is
that does not is bounded; a signal to the first reaches the second once, and it does not outlive it.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from rl.config import RunConfig
from rl.engines.health import Restarts
from rl.errors import ClusterError
from rl.fault_log import FaultLog
from rl.status import read_status

JOB: Final = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Ray sets it for the command of a job."""
FIRST: Final = "PLUMB_FIRST_PROCESS"
"""Set for the process that trains: the number of the one that started it."""
PAUSE_SECONDS: Final = 5.0
"""For what the dead one has started to end too."""
LOOK_SECONDS: Final = 1.0
"""Between two looks at whether the first process is there."""


def starts_itself(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is to start the one that trains."""
    return JOB in environment and FIRST not in environment


def follow() -> None:
    """End, with the last step saved, when the process ends that started this one."""
    if (first := os.environ.pop(FIRST, None)) is not None:  # of this process, and of no child
        threading.Thread(target=_follow, args=[int(first)], name="follow", daemon=True).start()


def _follow(first: int) -> None:
    # Linux's own signal of a parent's death comes once for each of its threads: a second one would
    # break off what the first lets end.
    while os.getppid() == first:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def run_again(
    config: RunConfig,
    say: Callable[[str], None],
    *,
    command: tuple[str, ...] = (sys.executable, "-m", "launch.cli", *sys.argv[1:]),
) -> int:
    """Start the process that trains, again and again; returns the exit code of the last.

    Args:
        config: the run's configuration.
        say: prints a line.
        command: what is started.

    Raises:
        ClusterError: It died too often.
    """
    bound = config.cluster.max_command_restarts
    restarts, log = Restarts(bound), FaultLog(config.run_dir, say)
    while True:
        with _started(command) as process:
            code = process.wait()
        if process.is_told_to_end or not _is_without_a_word(code, process.pid, config.run_dir):
            return code if code >= 0 else 128 - code
        how = f"killed by signal {-code}" if code < 0 else "ended by Ray"
        if not restarts.lost(time.monotonic()):
            raise ClusterError(
                f"the command's process died more than cluster.max_command_restarts={bound} times "
                f"within an hour, the last time {how}"
            )
        log.note(f"the command's process {process.pid} was {how}; it is started again")
        time.sleep(PAUSE_SECONDS)


class _Process:
    """The process that trains; signals to this one reach it."""

    def __init__(self, command: tuple[str, ...]) -> None:
        environment = {**os.environ, FIRST: str(os.getpid())}
        # In a session of its own: what the job's group is sent reaches it through this one alone.
        self._process = subprocess.Popen(command, env=environment, start_new_session=True)
        self.pid = self._process.pid
        self.is_told_to_end = False

    def wait(self) -> int:
        """Its exit code; negative: the signal that killed it."""
        return self._process.wait()

    def tell(self, number: int, _: FrameType | None) -> None:
        """Pass a signal on."""
        self.is_told_to_end = True
        self._process.send_signal(number)


@contextmanager
def _started(command: tuple[str, ...]) -> Iterator[_Process]:
    process = _Process(command)
    before = {one: signal.signal(one, process.tell) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield process
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _is_without_a_word(code: int, pid: int, run_dir: Path) -> bool:
    """Whether a process did not say why it ended."""
    if code <= 0:
        return code < 0
    status = read_status(run_dir)
    if status is None or (status.pid, status.host) != (pid, socket.gethostname()):
        return False  # it has told an error before it had a status
    return status.state in ("starting", "running")
