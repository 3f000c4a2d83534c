"""Files of `agent/drivers` that go to /app with a program, and the text of programs."""

from functools import cache
from pathlib import Path
from typing import Final

from sandbox.languages import LANGUAGES

FOLDER: Final = Path(__file__).parent.parent / "agent" / "drivers"


def command(language: str) -> tuple[str, ...]:
    """The command that starts a program of `language`, which must have one."""
    run = LANGUAGES[language].run
    assert run is not None
    return run


@cache
def driver(name: str) -> str:
    """The text of a driver file."""
    return (FOLDER / name).read_text("utf-8")
