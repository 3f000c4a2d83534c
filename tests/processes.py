"""Processes that a test has started."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def descendants(start: str = "") -> list[psutil.Process]:
    """Descendants of this process whose command line begins with `start`."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile, or its parent has not waited for it
            if " ".join(process.cmdline()).startswith(start):
                found.append(process)
    return found


def tree(root: int) -> list[psutil.Process]:
    """A process and its descendants, itself first."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    return []


def kill_tree(root: int) -> None:
    """SIGKILL to a process and all its descendants, those too that are born meanwhile."""
    known: dict[int, psutil.Process] = {}
    while new := [process for process in _all_below(root, known.values()) if is_alive(process)]:
        known |= {process.pid: process for process in new}
        for process in new:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(new, timeout=5)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs still; one that nobody has waited for has ended."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _all_below(root: int, known: Iterable[psutil.Process]) -> list[psutil.Process]:
    found = {process.pid: process for process in tree(root)}
    for process in known:
        found |= {one.pid: one for one in tree(process.pid)}
    return list(found.values())
