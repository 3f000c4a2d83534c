"""Ranks of a script as processes beside one another, each of which the others wait for."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

REPOSITORY = Path(__file__).parents[2]


def run_ranks(script: Path, arguments: Sequence[Sequence[str]], *, seconds: float) -> list[str]:
    """Run `python SCRIPT RANK ...` for each rank to its end; what each has said.

    It is kept in files: a rank that waits until somebody reads a pipe would hold up all.

    Args:
        script: what each runs.
        arguments: of each rank, after its number.
        seconds: within which all have to end.
    """
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "DS_ACCELERATOR": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    with ExitStack() as stack:
        logs = [stack.enter_context(TemporaryFile("w+")) for _ in arguments]
        processes = []
        for rank, (own, log) in enumerate(zip(arguments, logs, strict=True)):
            process = subprocess.Popen(
                [sys.executable, str(script), str(rank), *own],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        end, late = time.monotonic() + seconds, False
        while any(process.poll() is None for process in processes):
            late = time.monotonic() > end
            if late or any(process.returncode for process in processes):
                break  # the others would wait for it
            time.sleep(0.1)
        said = []
        for log in logs:
            log.seek(0)
            said.append(log.read())
    for process, output in zip(processes, said, strict=True):
        assert not process.returncode, output[-3000:]
    assert not late, said[0][-3000:]
    return said
