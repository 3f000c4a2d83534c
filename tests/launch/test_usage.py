"""Every command: its help teaches, its examples parse, and unreadable words are one line."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from launch.cli import app

RUNNER = CliRunner()
ROOT: Any = typer.main.get_command(app)


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = {" ".join(path): command for path, command in _commands(ROOT)}


def _examples(path: str) -> list[str]:
    """What a shell would run of the lines below `Examples:`, as a narrow terminal shows them."""
    shown = RUNNER.invoke(app, [*path.split(), "--help"], env={"COLUMNS": "80"}).stdout
    _, _, below = shown.partition("Examples:")
    lines = [line.strip() for line in below.partition("╭")[0].splitlines()]
    return [one for one in "\n".join(lines).replace("\\\n", "").splitlines() if one]


def _words(example: str) -> list[str]:
    """What `plumb` is given, without variables, pipes and files that a shell would see to."""
    words = shlex.split(re.sub(r"^(\w+=(\$\([^)]*\)|\S*) )*", "", example))
    ends = [words.index(mark) for mark in ("|", ">") if mark in words]
    return words[: min(ends, default=len(words))]


def test_no_command_imports_what_is_heavy() -> None:
    heavy = "torch ray vllm transformers numpy pyarrow duckdb pydantic httpx jinja2 yaml plotly"
    source = f"import sys, launch.cli; print(*sorted(set('{heavy}'.split()) & set(sys.modules)))"
    assert not subprocess.check_output([sys.executable, "-c", source], text=True).strip()


@pytest.mark.parametrize("path", COMMANDS)
def test_help_says_what_in_a_line_and_has_examples_that_parse(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = COMMANDS[path]
    first, *_ = (command.help or "").splitlines()
    assert first.endswith((".", ":")), first
    examples = _examples(path)
    assert examples, f"plumb {path} --help has no examples"
    run: list[str] = []
    for one, other in COMMANDS.items():
        monkeypatch.setattr(other, "callback", lambda one=one, **given: run.append(one))
    for example in examples:
        words = _words(example)
        assert words[0] == "plumb", example
        with pytest.raises(SystemExit) as ended:
            ROOT.main(words[1:], prog_name="plumb")
        assert ended.value.code == 0, example
    assert path in run


UNREADABLE = {
    "no command": ("trian x", "no such command 'trian'. Did you mean 'train'"),
    "no sub-command": ("data crate x", "plumb data --help"),
    "no option": ("data mix a --out b --ordr x", "--order"),
    "no value": ("data mix a --out", "'--out' requires an argument"),
    "no argument": ("train", "missing argument 'CONFIG'"),
    "no second argument": ("eval compare a", "missing argument 'B'"),
    "one too many": ("jobs a b", "(b)"),
    "none of the choices": ("data mix a --out b --order x", "'x' is not one of 'curriculum'"),
    "no number": ("train a --nodes x", "(got 'x')"),
    "a negative number": ("train a --nodes -1", "(got '-1')"),
    "above what may be": ("view x --port 99999999", "(got '99999999')"),
    "a missing option": ("data tag x --out y", "missing option '--model'"),
}


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("columns", ["40", "200"])
def test_words_that_cannot_be_read_are_one_line(case: str, columns: str) -> None:
    words, said = UNREADABLE[case]
    done = RUNNER.invoke(app, shlex.split(words), env={"COLUMNS": columns})
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("plumb: ")
    assert said in line


def test_without_words_the_help_is_shown() -> None:
    for words in ([], ["data"], ["judge"], ["sandbox"]):
        done = RUNNER.invoke(app, words)
        assert done.exit_code == 2
        assert "Usage: " in done.output
        assert "plumb: " not in done.output
