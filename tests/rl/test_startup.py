"""What status.json says of a run that is being started."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import rl.startup
from launch.train.status import status_of
from rl.errors import ClusterError
from rl.startup import Startup
from rl.status import read_status


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waits(folder: Path) -> tuple[str, ...]:
    found = read_status(folder)
    assert found is not None
    return found.waits_for


def test_it_says_at_once_and_goes_on_saying_what_is_being_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rl.startup, "WRITE_SECONDS", 0.02)
    engines = ["rollout engine 0: being started"]
    with Startup(tmp_path, step=4, steps=20) as startup:
        found = status_of(tmp_path)
        assert (found.state, found.step, found.steps) == ("starting", 4, 20)
        startup.watch(lambda: engines)
        with startup.of("grading workers"), startup.of("the tokenizer"):
            # This thread does nothing meanwhile, as where an import holds up the loop.
            until(lambda: len(waits(tmp_path)) == 3)
            assert re.match(r"grading workers, \d+ s so far", waits(tmp_path)[0])
            assert re.match(r"the tokenizer, \d+ s so far", waits(tmp_path)[1])
            assert waits(tmp_path)[2] == engines[0]
        engines.clear()
        until(lambda: waits(tmp_path) == ())
    assert status_of(tmp_path).state == "starting", "the run's own loop says what comes then"


def test_a_start_that_fails_is_told(tmp_path: Path) -> None:
    startup = Startup(tmp_path, step=0, steps=20)
    with pytest.raises(ClusterError), startup, startup.of("Ray"):
        raise ClusterError("the cluster has no GPU")
    found = status_of(tmp_path)
    assert (found.state, found.waits_for) == ("stopped: the cluster has no GPU", ())


def test_what_cannot_be_looked_at_yet_is_left_out(tmp_path: Path) -> None:
    startup = Startup(tmp_path, step=0, steps=1)

    def gone() -> list[str]:
        raise RuntimeError("changed during iteration")

    startup.watch(gone)
    startup.watch(lambda: ["the learner is starting, 3 s so far", ""])
    assert startup.now() == ("the learner is starting, 3 s so far",)
