"""Verifiers that do what a verifier must not, chosen by the response."""

import os
import subprocess
import sys
import time
from pathlib import Path

from rewards import Sample, Verdict


def hostile(sample: Sample) -> object:
    """Do what the response says."""
    action, _, argument = sample.response.partition(" ")
    actions = {
        "right": lambda: True,
        "wrong": lambda: False,
        "hang": lambda: time.sleep(600),
        "spin": lambda: 9 ** (9**9),
        "exit": lambda: os._exit(0),
        "leave": lambda: sys.exit(3),
        "allocate": lambda: len(bytearray(10 << 30)),
        "print": _flood,
        "raise": lambda: {}["a column"],
        "none": lambda: None,
        "number": lambda: 1,
        "nan": lambda: Verdict.correct(float("nan")),
        "orphan": lambda: _orphan(argument),
        "once": lambda: _die_once(Path(argument)),
        "escape": lambda: _escape(argument, hang=True),
        "daemon": lambda: _escape(argument, hang=False),
        "leak": _allocate_for_ever,
    }
    return actions[action]()


def _flood() -> bool:
    for stream in (sys.stdout, sys.stderr):
        for _ in range(200):
            stream.write("x" * (1 << 20))
    return True


def _orphan(note: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(note).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


def _escape(note: str, *, hang: bool) -> None:
    """Start a program that starts another in a session of its own, and ends."""
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; "
        "time.sleep(600)'], start_new_session=True, stdout=subprocess.DEVNULL); print(child.pid)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    Path(note).write_bytes(done.stdout)
    if hang:
        time.sleep(600)
    os._exit(1)


def _allocate_for_ever() -> None:
    kept = []
    while True:
        kept.append(bytearray(16 << 20))


def _die_once(mark: Path) -> bool:
    if not mark.exists():
        mark.touch()
        os._exit(1)
    return True
