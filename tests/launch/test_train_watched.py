"""A run that waits for ever, and a command that dies: both are told, and the second goes on."""

import json

import pytest
from typer.testing import CliRunner

from launch.cli import app
from launch.train.status import status_of
from rl.checkpoint import CheckpointStore
from tests.launch.conftest import (
    Plumb,
    drained,
    last_step,
    only_line,
    wait_for_step,
    wait_until,
)
from tests.run_files import faults

HANGS = """
import asyncio


class Stuck:
    async def run(self, prompt, context):
        await context.ask()
        if prompt.id.endswith("3"):
            await asyncio.Event().wait()
        return "stop"
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_that_waits_for_ever_says_for_what_and_ends(plumb: Plumb) -> None:
    """A learner that stands still has a deadline; what a user's environment does has none."""
    (plumb.folder / "stuck.py").write_text(HANGS)
    run_dir = plumb.folder / "run"
    config = plumb.write_config(
        episode={"environment": "stuck.py:Stuck"},
        train={"steps": 100, "watchdog": 30.0},
        sampler={"filter": "none"},
    )
    process = plumb.start(str(config))
    drained(process)

    def stands_still() -> bool:
        seen = status_of(run_dir)
        waits = any("with its environment" in line for line in seen.waits_for)
        return seen.state == "running" and waits and seen.quiet > 4

    wait_until((run_dir / "status.json").exists, 480, "the run's beginning")
    wait_until(stands_still, 480, "its standstill")
    shown = CliRunner().invoke(app, ["status", str(run_dir)]).stdout
    assert ": running" in shown
    assert "with its environment" in shown

    errors = process.stderr.read() if process.stderr is not None else ""
    assert process.wait(120) == 1
    message = only_line(errors)
    assert "nothing has moved for 30 s: prompt " in message
    dump = (run_dir / "watchdog.txt").read_text()
    assert "stuck.py" in dump, "the task that waits, with its line"
    assert "learner rank 0 (" in dump
    assert "rollout engine 0 (" in dump
    assert dump.count("Current thread") + dump.count("Thread 0x") >= 3, "stacks of three processes"
    assert status_of(run_dir).state.startswith("stopped: nothing has moved for 30 s")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_same_command_goes_on_after_its_process_died(plumb: Plumb) -> None:
    """As a scheduler does that starts a failed job again."""
    run_dir = plumb.folder / "run"
    train = {"steps": 1000, "checkpoint_every": 2}
    config = str(plumb.write_config(train=train, sampler={"filter": "none"}))
    process = plumb.start(config, "--retry")
    drained(process)
    wait_for_step(run_dir, 3)
    wait_until(CheckpointStore(run_dir, keep=2).steps, 300, "a checkpoint")
    second = plumb.run(config, "--overwrite")
    assert second.returncode == 2
    assert "has this run and is at step " in only_line(second.stderr)
    assert process.poll() is None and CheckpointStore(run_dir, keep=2).steps()
    process.kill()  # alone: what it leaves behind, others have to end
    errors = process.stderr.read() if process.stderr is not None else ""
    assert "the command's process died without a word" in only_line(errors)
    wait_until(lambda: status_of(run_dir).state.startswith("gone: its process "), 60, "the status")

    end = last_step(run_dir) + 3
    done = plumb.run(config, "--retry", f"train.steps={end}")
    assert done.returncode == 0, done.stderr
    assert "resumed after step" in done.stdout
    assert faults(run_dir) == []
    assert json.loads((run_dir / "status.json").read_text())["state"] == "finished"
