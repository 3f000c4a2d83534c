"""Connecting a process to Ray: to a cluster, or to one of its own on this machine."""

import os
from typing import Final

import psutil

STARTS: Final = 3
"""Tries to start a local cluster: Ray gives one 30 s, too short at times on a busy machine."""
_OWN: Final = "/ray/"  # in the command line of each process that Ray starts


def start_ray(address: str | None) -> None:
    """Join the cluster at an address, or start a local one; nothing is left of a start that failed.

    Raises:
        Exception: Whatever Ray raises.
    """
    import ray

    # Ray lowers its workers' priority to 15 otherwise; on a laptop that halves the speed.
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # it warns otherwise
    for start in range(1, STARTS + 1):
        before = set(psutil.Process().children(recursive=True))
        try:
            ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                logging_level="ERROR",
                log_to_driver=False,
            )
            return
        except Exception as error:
            # That is what Ray raises after its 30 s, or where its new head did not answer in time.
            is_slow = type(error) is Exception or (
                not address and isinstance(error, ray.exceptions.RaySystemError)
            )
            ray.shutdown()  # knows nothing of a node whose start it did not see to the end
            _end(set(psutil.Process().children(recursive=True)) - before)
            if not is_slow or start == STARTS:
                raise


def _end(processes: set[psutil.Process]) -> None:
    """End those of Ray."""
    ended = []
    for process in processes:
        try:
            if any(_OWN in part for part in process.cmdline()):
                process.kill()
                ended.append(process)
        except psutil.Error:
            continue
    psutil.wait_procs(ended, timeout=5)
