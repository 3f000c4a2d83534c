"""Processes that a test has started."""

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


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs still; one that nobody has waited for has ended."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
