"""`plumb status`: what a run does now, what it waits for, and what has gone wrong around it."""

import json
import os
import socket
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from rl.checkpoint import CheckpointStore
from rl.errors import ConfigError
from rl.fault_log import read_faults
from rl.status import WRITE_SECONDS, Status, read_status

STALE = 5 * WRITE_SECONDS
"""Seconds after which a run that writes nothing stands still, or is gone."""
UNDER_WAY = ("starting", "running")
LOOK_SECONDS = 0.5
FAULTS = 5
"""The last faults, as many as are shown."""


def status_of(run_dir: Path, *, now: float | None = None) -> Status:
    """What a run does, by what it has written last.

    Raises:
        ConfigError: The folder holds no run that wrote a status.
    """
    found = read_status(run_dir)
    if found is None:
        raise ConfigError(f"{run_dir} holds no status.json: name the run_dir of a run that began")
    silent = (time.time() if now is None else now) - found.time
    if found.state not in UNDER_WAY or silent <= STALE:
        return found
    here = found.host == socket.gethostname()
    if here and not _is_alive(found.pid):
        saved = CheckpointStore(run_dir, keep=1).steps()
        last = f"step {saved[-1]} is saved: add --resume" if saved else "no step is saved"
        state = f"gone: its process {found.pid} died without a word; {last}"
    else:
        where = f"process {found.pid}" if here else f"process {found.pid} on {found.host}"
        state = f"standing still: {where} has told nothing for {silent:.0f} s"
    return replace(found, state=state)


def death(run_dir: Path) -> str | None:
    """In a line, how the process ended that had the run before this one, if it could not tell."""
    try:
        found = read_status(run_dir)
    except ConfigError:  # of another version: no reason not to go on
        return None
    if found is None or found.state not in UNDER_WAY or found.host != socket.gethostname():
        return None
    if _is_alive(found.pid):
        return None
    return f"the process {found.pid} that had this run died without a word after step {found.step}"


def refuse_second(run_dir: Path) -> None:
    """Leave a run to the process that has it: two would write the same files.

    Of a process on another host, which may have died a moment ago, it waits for the next word.

    Raises:
        ConfigError: It goes on with the run.
    """
    try:
        found = read_status(run_dir)
    except ConfigError:  # of another version
        return
    if found is None or found.state not in UNDER_WAY:
        return
    here = found.host == socket.gethostname()
    if _has_written(found) if here else _writes_again(run_dir, found):
        raise ConfigError(
            f"{run_dir}: process {found.pid} on {found.host} has this run and is at step "
            f"{found.step}: stop it first, or set another run_dir"
        )


def _has_written(status: Status) -> bool:
    """Whether the process that wrote a status is alive; another may have its number by now."""
    if status.pid == os.getpid() or not _is_alive(status.pid):
        return False
    try:
        return bool(psutil.Process(status.pid).create_time() <= status.time)
    except psutil.Error:
        return False


def _writes_again(run_dir: Path, status: Status) -> bool:
    """Whether it tells more, within a time that has nothing to do with another host's clock."""
    deadline = time.monotonic() + STALE
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        later = read_status(run_dir)
        if later is None or later.state not in UNDER_WAY:
            return False
        if later.time != status.time:
            return True
    return False


def show(run_dir: Path, *, as_json: bool) -> None:
    """Print it."""
    found, faults = status_of(run_dir), read_faults(run_dir)
    if as_json:
        print(json.dumps(asdict(found) | {"faults": faults}, indent=2))
        return
    print(f"{run_dir}: {found.state}")
    if found.state == "finished":
        print(f"step {found.step} of {found.steps}")
    else:
        _show_doing(found)
    if faults:
        print(f"faults: {len(faults)}, the last:")
        for fault in faults[-FAULTS:]:
            when = datetime.fromtimestamp(fault["time"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            print(f"  {when}  {fault['line']}")


def _show_doing(found: Status) -> None:
    """Print what it does, or did last."""
    nothing = "it is being started" if found.state == "starting" else "nothing is under way"
    print(f"step {found.step} of {found.steps}; {found.doing or nothing}")
    if found.quiet > STALE:
        print(f"nothing has moved for {found.quiet:.0f} s")
    for line in found.waits_for:
        print(f"  waits for {line}")


def _is_alive(pid: int) -> bool:
    """Whether it runs; what nobody has waited for does not, as in containers without an init."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
