"""What a wrong use of a command has to come to, whatever the command."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launch.cli import app


def assert_one_line(
    world: Path, monkeypatch: pytest.MonkeyPatch, words: str, code: int, said: str
) -> None:
    """In the folder `world` the words end with the exit code and one line, and leave nothing."""
    monkeypatch.chdir(world)
    before = sorted(world.rglob("*"))
    done = CliRunner().invoke(app, shlex.split(words))
    assert done.exit_code == code, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("plumb: ")
    assert said in line
    assert sorted(world.rglob("*")) == before
