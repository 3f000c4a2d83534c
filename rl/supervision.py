"""What looks after a run beside its loop: status, watchdog, Ray's head, services, grading workers.

Guarantees: whoever looks at status.json knows what the run waits for; a run in which nothing moves,
or whose cluster has lost its head, ends with one line; a grading worker that was replaced is noted.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from rl.config import RunConfig
from rl.errors import HeadLostError, PlumbError
from rl.fault_log import FaultLog
from rl.guardian import leave
from rl.knock import answers
from rl.services import Services, services_of
from rl.status import Status, StatusFile, moved, status_now
from rl.stopping import Stopper
from rl.trainer import Trainer
from rl.watchdog import Watchdog, patience
from rl.whereabouts import Whereabouts

HEAD_LOOK_SECONDS = 2.0
GRADING_LOOK_SECONDS = 1.0
TELL_SECONDS = 2.0
"""For the last status of a run whose loop stands still."""


@asynccontextmanager
async def supervised(
    config: RunConfig, trainer: Trainer, faults: FaultLog, *, head: str
) -> AsyncIterator[None]:
    """Look after a run while the block lasts.

    Args:
        config: the run's configuration.
        trainer: runs in the block.
        faults: takes down what is found.
        head: the address of Ray's head, host:port.
    """
    services = Services(services_of(config), lambda: trainer.parts.dispatcher, faults.note)

    def look(quiet: float, state: str = "running") -> Status:
        return status_now(
            trainer.parts,
            step=trainer.step,
            steps=config.train.steps,
            doing=trainer.status,
            quiet=quiet,
            beside=services.waits_for(),
            state=state,
        )

    stopper = Stopper()
    watchdog = Watchdog(
        config.run_dir,
        patience(config),
        saving=config.learner.deadline,
        describe=lambda: look(0.0).waits_for,
        processes=lambda: _processes(trainer),
        stop=stopper.stop,
        end=_ending(lambda state: file.write(look(0.0, state))),
    )
    file = StatusFile(
        config.run_dir, look, lambda: moved(trainer.parts, trainer.phase), watchdog.beat
    )
    away = config.cluster.head_silence
    state = "finished"
    with watchdog.watching():
        beside = [
            asyncio.create_task(file.keep()),
            asyncio.create_task(watch_head(head, away, stopper.stop, faults.note)),
            asyncio.create_task(_watch_grading(trainer, faults.note)),
            asyncio.create_task(services.watch()),
        ]
        try:
            with stopper:
                yield
        except BaseException as error:
            state = f"stopped: {str(error) or type(error).__name__}"
            raise
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            file.write(look(0.0, state))


async def watch_head(
    address: str,
    seconds: float,
    stop: Callable[[PlumbError], None],
    say: Callable[[str], None],
) -> None:
    """Knock at Ray's head for ever; stop the run once it has been away for so many seconds."""
    host, _, port = address.rpartition(":")
    since: float | None = None
    while True:
        if await answers(host, int(port)):
            if since is not None:
                say(f"Ray's head at {address} is back")
            since = None
        elif since is None:
            since = time.monotonic()
            say(f"Ray's head at {address} does not answer")
        elif time.monotonic() - since > seconds:
            stop(
                HeadLostError(
                    f"Ray's head at {address} has been away for cluster.head_silence={seconds:g} "
                    "s: start the cluster again"
                )
            )
            return
        await asyncio.sleep(HEAD_LOOK_SECONDS)


async def _watch_grading(trainer: Trainer, say: Callable[[str], None]) -> None:
    pool = trainer.parts.pool
    kinds = {"workers_replaced": "grading worker", "nodes_replaced": "grading node"}
    known = dict.fromkeys(kinds, 0.0)
    while True:
        metrics = pool.metrics()
        for key, name in kinds.items():
            count = metrics.get(key, 0.0)
            if count > known[key]:
                say(f"{count - known[key]:g} {name}(s) died or passed a deadline, and are replaced")
            known[key] = max(known[key], count)
        await asyncio.sleep(GRADING_LOOK_SECONDS)


def _ending(tell: Callable[[str], None]) -> Callable[[str], None]:
    """What ends this process, whose loop does not; its status says why."""

    def told(state: str) -> None:
        with suppress(Exception):  # beside the loop, what is looked at may change in the midst
            tell(state)

    def end(message: str) -> None:
        telling = threading.Thread(target=told, args=[f"stopped: {message}"], daemon=True)
        telling.start()
        telling.join(TELL_SECONDS)  # the disk may stand still too
        leave(message)

    return end


def _processes(trainer: Trainer) -> dict[str, Whereabouts]:
    parts = trainer.parts
    found = {f"learner rank {i}": one for i, one in enumerate(parts.learner.whereabouts)}
    for engine in parts.fleet.handles:
        if engine.whereabouts is not None:
            found[engine.name] = engine.whereabouts
    for runner in parts.runners.handles if parts.runners is not None else ():
        if runner.whereabouts is not None:
            found[runner.name] = runner.whereabouts
    return found
