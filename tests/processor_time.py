"""Processor time of one call, for tests that compare a long text with a short one."""

import gc
import time
from collections.abc import Callable


def least_seconds(work: Callable[[], object], times: int = 3) -> float:
    """The least processor time of several calls, in seconds.

    Without the garbage collector's walks over what other tests have left; the least of several,
    because others may take the caches meanwhile, while what is quadratic is so every time.
    """
    spent = []
    gc.disable()
    try:
        for _ in range(times):
            began = time.process_time()
            work()
            spent.append(time.process_time() - began)
    finally:
        gc.enable()
    return min(spent)
