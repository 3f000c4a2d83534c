"""Where work is done: in this process, on a pool of processes, or on a Ray cluster.

Each calls a function with what is shared by all calls, and with one item after the other. It gives
the results in any order, and holds few items at a time. Processes of the pool end with this one,
however it ends.
"""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

from data.errors import PipelineError
from rewards.grading.ray_start import start_ray

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD: Final = 2
"""Items that wait for each worker, besides the one it works on."""
_PRELOADED: Final = ("pyarrow.parquet", "data.curate.curation")
"""What processes are forked from has these loaded already."""


def executed(
    work: Callable[[Shared, Item], Result],
    shared: Shared,
    items: Iterable[Item],
    *,
    workers: int = 1,
    cluster: bool = False,
) -> Generator[Result]:
    """The results of `work`, a function of a module; one worker is this process.

    Raises:
        PipelineError: a process was lost, or the cluster cannot be used.
    """
    if cluster:
        return _on_cluster(work, shared, items)
    if workers == 1:
        return (work(shared, item) for item in items)
    return _on_pool(work, shared, items, workers)


def _on_pool(
    work: Callable[[Shared, Item], Result], shared: Shared, items: Iterable[Item], workers: int
) -> Generator[Result]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_PRELOADED, work.__module__])
    watched, lifeline = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        workers, context, initializer=_start, initargs=(pickle.dumps((work, shared)), watched)
    )
    try:
        running: set[Future[Result]] = set()
        for item in items:
            running.add(pool.submit(_work, item))
            if len(running) >= workers * (1 + AHEAD):
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in finished)
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in finished)
        pool.shutdown()
    except BrokenProcessPool as error:
        raise PipelineError(
            "a working process was killed, for want of memory perhaps; run the command again, "
            "with fewer --workers: it goes on where it stood"
        ) from error
    finally:
        lifeline.close()  # whatever still works has no one to work for
        pool.shutdown(wait=False, cancel_futures=True)
        watched.close()


def _on_cluster(
    work: Callable[[Shared, Item], Result], shared: Shared, items: Iterable[Item]
) -> Generator[Result]:
    """Tasks of the Ray cluster at RAY_ADDRESS, one a core; without it, of a local cluster."""
    ray = _connected()
    held = ray.put(shared)
    task = ray.remote(num_cpus=1, max_retries=3)(work)
    most = max(1, int(ray.cluster_resources().get("CPU", 1))) * (1 + AHEAD)
    running: list[Any] = []
    for item in items:
        running.append(task.remote(held, item))
        if len(running) >= most:
            finished, running = ray.wait(running, num_returns=1)
            yield from _results(ray, finished)
    while running:
        finished, running = ray.wait(running, num_returns=1)
        yield from _results(ray, finished)


def _results(ray: Any, finished: list[Any]) -> Iterator[Any]:
    try:
        yield from ray.get(finished)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise (cause if isinstance(cause, Exception) else error) from None
    except ray.exceptions.RayError as error:
        reason = str(error).strip().partition("\n")[0]
        raise PipelineError(
            f"the cluster lost a task: {reason}; run the command again: it goes on where it stood"
        ) from error


def _connected() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise PipelineError(
            "ray is not installed: install plumb-rl[train], or leave out --cluster"
        ) from error
    if not ray.is_initialized():
        _connect(os.environ.get("RAY_ADDRESS"))
    return ray


def _connect(address: str | None) -> None:
    try:
        start_ray(address)
    except Exception as error:
        where = f"the Ray cluster at {address}" if address else "a local Ray cluster"
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
        raise PipelineError(
            f"{where} cannot be used: {reason}; check RAY_ADDRESS and `ray status`, or leave "
            "out --cluster"
        ) from error


_given: list[Any] = []  # the function and what is shared, set once as a process of the pool starts


def _start(given: bytes, lifeline: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _given[:] = pickle.loads(given)


def _end_with(lifeline: Connection) -> None:
    lifeline.poll(None)
    os._exit(1)


def _work(item: Any) -> Any:
    work, shared = _given
    return work(shared, item)
