"""What a check finds, and checks that are run side by side with a deadline each.

Guarantees: `examine` returns by the longest deadline, whatever a check does; a check that raises or
does not answer is a finding of its own.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["ok", "warning", "failure"]
ORDER: Final[tuple[State, ...]] = ("ok", "warning", "failure")
SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes:
        subject: what was looked at.
        state: `failure`: a run will not work; `warning`: it may not, or some of it.
        detail: what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at.

    Attributes:
        subject: what it is called where it does not answer.
        look: finds out.
        seconds: its deadline.
    """

    subject: str
    look: Callable[[], Sequence[Finding]]
    seconds: float = SECONDS


def worst(findings: Sequence[Finding]) -> State:
    """The worst state of all."""
    return max((one.state for one in findings), key=ORDER.index, default="ok")


def examine(checks: Sequence[Check]) -> list[Finding]:
    """Run every check in a thread of its own; their findings in the order of the checks."""
    found: dict[int, Sequence[Finding]] = {}

    def look(number: int, check: Check) -> None:
        try:
            found[number] = check.look()
        except Exception as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            found[number] = [Finding(check.subject, "warning", f"could not be looked at: {said}")]

    began = time.monotonic()
    # Daemons: one that hangs must not keep the command from ending.
    threads = [
        threading.Thread(target=look, args=(number, check), daemon=True)
        for number, check in enumerate(checks)
    ]
    for thread in threads:
        thread.start()
    findings: list[Finding] = []
    for number, (check, thread) in enumerate(zip(checks, threads, strict=True)):
        thread.join(max(0.0, began + check.seconds - time.monotonic()))
        silent = Finding(
            check.subject,
            "warning",
            f"did not answer within {check.seconds:g} s",
            "look at it by hand: what hangs here will hang a run",
        )
        findings += found.get(number, [silent])
    return findings
