"""Stops a run in which nothing moves, after writing down what every process of it does.

Everything that a run waits for has a deadline of its own but what a user's environment does, and
what nobody has thought of. The watchdog is a thread: it sees too that the loop itself stands still.

Guarantees: what it found is in RUN_DIR/watchdog.txt before anything is stopped; a loop that is
alive has time to save the last step, and a run whose loop stands still ends all the same.
"""

import asyncio
import faulthandler
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from rl.config import RunConfig
from rl.errors import StuckError
from rl.whereabouts import Whereabouts, stacks_of

NAME: Final = "watchdog.txt"
LOOK_SECONDS: Final = 1.0
ASK_SECONDS: Final = 60.0
"""For other hosts to say what their processes do."""
GRACE: Final = 60.0
"""A loop that has stood still for so long does not end the run by itself."""


def patience(config: RunConfig) -> float:
    """Seconds in which something has to move: `train.watchdog`, else beyond every deadline."""
    if config.train.watchdog is not None:
        return config.train.watchdog
    reward, agent = config.reward, config.agent
    routes, terms = reward.routes.values(), reward.terms.values()
    grading = [reward.deadline, *(one.deadline for one in routes), *(one.deadline for one in terms)]
    longest = [
        config.learner.deadline,
        config.rollout.start_deadline,
        config.cluster.start_deadline,
        (config.rollout.engines + 1) * config.sync.deadline,  # each may use it up
        agent.seconds if agent is not None else 0.0,
        config.episode.runner_silence,
        *(seconds or 0.0 for seconds in grading),
    ]
    return 900.0 + max(longest)


class Watchdog:
    """Watches a run.

    Args:
        run_dir: the run directory.
        seconds: in which something has to move.
        saving: seconds that the last step may take to save, once the run is stopped.
        describe: what the run waits for, a line each.
        processes: those whose stacks are written down, by name.
        stop: ends the run with an error; called from the watchdog's thread.
        end: ends this process where that does not help.
    """

    def __init__(
        self,
        run_dir: Path,
        seconds: float,
        *,
        saving: float,
        describe: Callable[[], Sequence[str]],
        processes: Callable[[], Mapping[str, Whereabouts]],
        stop: Callable[[StuckError], None],
        end: Callable[[str], None],
    ) -> None:
        self._path = run_dir / NAME
        self._seconds = seconds
        self._saving = saving
        self._describe = describe
        self._processes = processes
        self._stop = stop
        self._end = end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beat = time.monotonic()
        self._moved = time.monotonic()
        self._over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block lasts, from the thread of a loop."""
        self._loop = asyncio.get_running_loop()
        self.beat(0.0)
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()

    def beat(self, quiet: float) -> None:
        """The loop is alive, and for so many seconds nothing has moved."""
        self._beat = time.monotonic()
        self._moved = self._beat - quiet

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            now = time.monotonic()
            if now - self._moved > self._seconds:
                self._bite(blocked=now - self._beat > self._seconds)
                return

    def _bite(self, *, blocked: bool) -> None:
        what = "its event loop stands still" if blocked else "; ".join(self._described())
        error = StuckError(
            f"nothing has moved for {self._seconds:g} s: {what or 'nothing is waited for'}; what "
            f"every process does is in {self._path}"
        )
        try:
            self._path.write_text(f"{error}\n\n{self._dump()}", encoding="utf-8")
        except Exception as fault:  # what is written down must not keep the run from its end
            with suppress(OSError):
                self._path.write_text(f"{error}\n\nnot all is told: {fault!r}\n", "utf-8")
        self._stop(error)
        until = time.monotonic() + self._saving
        while not self._over.wait(min(LOOK_SECONDS, GRACE)):
            now = time.monotonic()
            if now - self._beat > GRACE or now > until:  # a loop that is alive saves the last step
                self._end(str(error))
                return

    def _described(self) -> Sequence[str]:
        # Beside the loop, what is looked at may change in the midst.
        for _ in range(3):
            with suppress(Exception):
                return self._describe()
        return ()

    def _dump(self) -> str:
        parts = [f"waits for:\n{chr(10).join(self._described())}"]
        parts.append(f"this process ({os.getpid()}), threads:\n{_threads()}")
        if self._loop is not None:
            parts.append(f"this process, tasks:\n{_tasks(self._loop)}")
        named = self._processes()
        for name, stacks in _elsewhere(named).items():
            parts.append(f"{name} ({named[name].host}, {named[name].pid}):\n{stacks}")
        return "\n\n".join(parts) + "\n"


def _threads() -> str:
    file = os.memfd_create("threads")
    try:
        faulthandler.dump_traceback(file, all_threads=True)
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")
    finally:
        os.close(file)


def _tasks(loop: asyncio.AbstractEventLoop) -> str:
    lines = []
    for task in asyncio.all_tasks(loop):
        lines += [f"task {task.get_name()!r}:", *_awaited(task.get_coro())]
    return "\n".join(lines)


def _awaited(coroutine: Any) -> Iterator[str]:
    """Where a suspended coroutine waits, and that which it waits for, and so on."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None:
            code = frame.f_code
            yield f'  File "{code.co_filename}", line {frame.f_lineno}, in {code.co_qualname}'
        waits = getattr(coroutine, "cr_await", None)
        coroutine = getattr(coroutine, "gi_yieldfrom", None) if waits is None else waits


def _elsewhere(processes: Mapping[str, Whereabouts]) -> dict[str, str]:
    """The stacks of actors, by name; each host looks at its own."""
    if not processes:
        return {}
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes: dict[str, list[str]] = {}
    for name, one in processes.items():
        nodes.setdefault(one.node, []).append(name)
    found: dict[str, str] = {}
    for node, names in nodes.items():
        asked = [(processes[name].pid, processes[name].file) for name in names]
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        looking: Any = ray.remote(stacks_of).options(num_cpus=0, scheduling_strategy=there)
        try:
            stacks = ray.get(looking.remote(asked), timeout=ASK_SECONDS)
        except Exception as error:
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            stacks = [f"its host does not say: {line}"] * len(names)
        found |= dict(zip(names, stacks, strict=True))
    return found
