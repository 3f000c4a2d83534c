"""What the stand-ins for trackers' packages note, and how they misbehave.

TRACKER_LOG names a file of JSON lines. TRACKER_DOES is `hang` or `refuse`, a colon, and where:
`open`, `send`, `step2`, `samples` or `close`; once there is a file TRACKER_WELL, all is well.
"""

import json
import os
import time
from pathlib import Path
from typing import Any


def note(tracker: str, kind: str, **values: Any) -> None:
    with Path(os.environ["TRACKER_LOG"]).open("a") as file:
        file.write(json.dumps({"tracker": tracker, "kind": kind, **values}) + "\n")


def at(place: str) -> None:
    what, _, where = os.environ.get("TRACKER_DOES", "").partition(":")
    if where != place or Path(os.environ["TRACKER_WELL"]).exists():
        return
    if what == "refuse":
        raise ConnectionError("http://user:hunter22@server: connection refused")
    while True:
        time.sleep(60)
