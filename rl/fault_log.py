"""faults.jsonl: what went wrong around a run, survived or not, a line each; and what a person sees.

Guarantee: what is noted was said before it is written, and a disk that takes no line more stops
nothing here: what else is written there says so.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME = "faults.jsonl"


class FaultLog:
    """Notes faults of a run.

    Args:
        run_dir: the run directory.
        say: prints a line.
    """

    def __init__(self, run_dir: Path, say: Callable[[str], None]) -> None:
        self._path = run_dir / NAME
        self._say = say

    def note(self, line: str) -> None:
        """Say what happened, and keep it."""
        self._say(line)
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), "line": line}) + "\n")


def read_faults(run_dir: Path) -> list[dict[str, Any]]:
    """`time` (seconds since 1970) and `line` of each; what a kill has cut short is left out."""
    found = []
    try:
        text = (run_dir / NAME).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return []
    for line in text.splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found
