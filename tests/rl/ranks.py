"""Scripts of ranks: one process imports everything and forks the ranks, case after case."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from tests.ports import free_port

REPOSITORY = Path(__file__).parents[2]


def run_script(script: Path, *arguments: str, seconds: float) -> str:
    """Run a script of ranks to its end; what it has said."""
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "DS_ACCELERATOR": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def fork_ranks(name: str, ranks: int, work: Callable[..., None], *arguments: Any) -> None:
    """Run `work(rank, ranks, port, *arguments)` in a process for each rank; exit where one fails.

    Args:
        name: of the case, for the error.
        ranks: how many there are.
        work: what each does.
        *arguments: for all of them.
    """
    fork = multiprocessing.get_context("fork")
    port = free_port()
    processes = [
        fork.Process(target=work, args=(rank, ranks, port, *arguments), daemon=True)
        for rank in range(ranks)
    ]
    for process in processes:
        process.start()
    waited = {process.sentinel: process for process in processes}
    while waited:
        for sentinel in wait(list(waited)):
            process = waited.pop(sentinel)  # type: ignore[call-overload]
            process.join()
            if process.exitcode != 0:  # the others would wait for it
                for other in waited.values():
                    other.kill()
                sys.exit(f"{name}: exit code {process.exitcode}")
