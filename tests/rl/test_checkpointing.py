"""A checkpoint is written beside training, survives kills, and a folder that cannot be written."""

import asyncio
import multiprocessing
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rl.checkpoint import CheckpointStore
from rl.checkpointing import TRIES, Checkpointing, Written
from rl.config import RunConfig
from rl.dispatch.state import DispatchState
from rl.errors import LearnerError, StorageError
from rl.manifest import Manifest, check_digests, manifest_of
from rl.storage import writing
from tests.rl.trainer_world import World
from tests.virtual_time import run

CONFIG = RunConfig.model_validate({"train": {"checkpoint_every": 5}})
STATE = DispatchState(0, 0, (), (), {}, {})


class Learner:
    """Whose state is a number; a test may hold up or fail what writes it."""

    def __init__(self) -> None:
        self.value = 0
        self.noted = 0
        self.copied: list[bool] = []
        self.writing: Callable[[], Any] = lambda: None

    async def snapshot(self, *, copy: bool) -> None:
        self.noted = self.value
        self.copied.append(copy)

    async def write(self, folder: Path) -> Manifest:
        value = self.noted
        (folder / "half").write_text("x")
        if (waiting := self.writing()) is not None:
            await waiting
        (folder / "value").write_text(str(value))
        (folder / "half").unlink()
        return manifest_of(folder)


class Desk:
    """What saves the checkpoints of a learner, and what it says."""

    def __init__(self, run_dir: Path, config: RunConfig = CONFIG) -> None:
        self.learner = Learner()
        self.store = CheckpointStore(run_dir, keep=2)
        self.said: list[str] = []
        self.told: list[Written] = []
        self.saving = Checkpointing(
            config, self.store, self.learner, say=self.said.append, told=self.told.append
        )

    def saved(self) -> dict[int, int]:
        """The learner's state in each checkpoint."""
        folders = {step: self.store.path(step) / "learner" for step in self.store.steps()}
        return {step: int((folder / "value").read_text()) for step, folder in folders.items()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_saved_is_of_the_instant_at_which_it_began(desk: Desk) -> None:
    async def work() -> None:
        written = asyncio.Event()
        desk.learner.writing = written.wait
        desk.learner.value = 5
        await desk.saving.begin(5, STATE)
        assert desk.saving.status.startswith("writing checkpoint 5, ")
        desk.learner.value = 6  # training went on
        await asyncio.sleep(100)
        assert desk.store.steps() == []
        written.set()
        await desk.saving.settle()
        assert desk.saving.status == ""

    run(work())
    assert desk.saved() == {5: 5}
    assert desk.saving.saved == 5
    (told,) = desk.told
    assert (told.step, told.nbytes) == (5, 1)
    assert desk.learner.copied == [True]


def test_without_asynchronous_checkpoints_training_waits(tmp_path: Path) -> None:
    config = RunConfig.model_validate({"train": {"checkpoint_async": False}})
    desk = Desk(tmp_path, config)
    desk.learner.writing = lambda: asyncio.sleep(50)
    run(desk.saving.begin(1, STATE))
    assert desk.saved() == {1: 0}
    assert desk.learner.copied == [False], "nothing changes meanwhile: no copy is needed"


def test_one_is_written_at_a_time_and_a_slow_folder_is_told(desk: Desk) -> None:
    async def work() -> None:
        desk.learner.writing = lambda: asyncio.sleep(300)
        for step in (1, 2, 3):
            desk.learner.value = step
            await desk.saving.begin(step, STATE)
            await asyncio.sleep(100)
        await desk.saving.settle()

    run(work())
    assert desk.saved() == {2: 2, 3: 3}
    assert [told.step for told in desk.told] == [1, 2, 3]
    assert [line.split(",")[0] for line in desk.said] == [
        "training waits for checkpoint 1",
        "training waits for checkpoint 2",
    ]


def test_a_folder_that_cannot_be_written_is_tried_again(desk: Desk) -> None:
    def full() -> None:
        raise StorageError("cannot write it: the disk is full: free some space")

    async def work() -> None:
        assert not desk.saving.is_due(6)
        desk.learner.writing = full
        await desk.saving.begin(5, STATE)
        await desk.saving.settle()
        assert desk.saving.is_due(6), "after the next step, not after five"
        assert desk.saving.saved == 0
        desk.learner.writing = lambda: None
        await desk.saving.begin(6, STATE)
        await desk.saving.settle(last=True)
        assert not desk.saving.is_due(7)

    run(work())
    assert desk.store.steps() == [6]
    assert desk.said == [
        "checkpoint 5 is not there: cannot write it: the disk is full: free some space"
    ]


def test_a_folder_that_stays_so_ends_the_run(desk: Desk) -> None:
    def full() -> None:
        raise StorageError("cannot write it")

    desk.learner.writing = full
    begun: list[int] = []

    async def work() -> None:
        for step in range(1, 10):
            await desk.saving.begin(step, STATE)
            begun.append(step)

    with pytest.raises(StorageError, match="cannot write it"):
        run(work())
    assert len(begun) == TRIES
    with pytest.raises(StorageError, match="cannot write it"):
        run(desk.saving.settle(last=True))
    assert list((desk.store.path(1).parent).iterdir()) == []


def test_another_error_is_raised_by_the_next_call(desk: Desk) -> None:
    def die() -> None:
        raise LearnerError("rank 1 is gone")

    async def work() -> None:
        desk.learner.writing = die
        await desk.saving.begin(1, STATE)
        await asyncio.sleep(1)
        with pytest.raises(LearnerError, match="rank 1 is gone"):
            await desk.saving.begin(2, STATE)
        await desk.saving.abandon()
        desk.learner.writing = lambda: None
        await desk.saving.begin(3, STATE)
        await desk.saving.settle(last=True)

    run(work())
    assert desk.store.steps() == [3]


def test_what_is_abandoned_leaves_nothing(desk: Desk) -> None:
    async def work() -> None:
        desk.learner.writing = lambda: asyncio.sleep(1000)
        await desk.saving.begin(1, STATE)
        await asyncio.sleep(1)
        await desk.saving.abandon()

    run(work())
    assert list(desk.store.path(1).parent.iterdir()) == []
    assert desk.told == []


def test_a_step_does_not_wait_for_a_slow_checkpoint(tmp_path: Path) -> None:
    """Steps of a run that are trained while the checkpoint of one is written."""
    world = World(tmp_path, train={"steps": 6, "checkpoint_every": 2, "eval_every": 0})
    trained: list[int] = []

    async def slow() -> None:
        await asyncio.sleep(20)
        trained.append(len(world.learner.steps))

    world.learner.saving = slow
    run(world.run())
    assert trained[0] > 2
    assert world.store.steps() == [4, 6]
    rows = {row["step"]: row for row in world.steps()}
    assert [step for step in rows if "checkpoint" in rows[step]] == [2, 4, 6]
    assert rows[2]["checkpoint"].keys() == {"stall", "write", "bytes"}


FILES, CHUNK = 40, b"x" * 20_000


class Disk:
    """A learner that writes files which tell the step they are of."""

    def __init__(self) -> None:
        self.step = 0
        self.noted = 0

    async def snapshot(self, *, copy: bool) -> None:
        self.noted = self.step

    async def write(self, folder: Path) -> Manifest:
        return await asyncio.to_thread(_write_files, folder, self.noted)


def _write_files(folder: Path, step: int) -> Manifest:
    with writing(folder):
        for number in range(FILES):
            (folder / f"{number}").write_bytes(str(step).encode() + CHUNK)
        return manifest_of(folder)


def save_for_ever(run_dir: Path) -> None:
    """Write a checkpoint of every step, beside steps of no length."""
    learner = Disk()

    async def work() -> None:
        store = CheckpointStore(run_dir, keep=1)
        saving = Checkpointing(CONFIG, store, learner, say=print, told=lambda written: None)
        learner.step = store.steps()[-1] if store.steps() else 0
        while True:
            learner.step += 1
            await saving.begin(learner.step, STATE)

    asyncio.run(work())


def test_killed_while_it_writes_a_run_has_a_whole_checkpoint(tmp_path: Path) -> None:
    """At instants that are drawn, in one run that is killed and goes on again and again."""
    draw = random.Random(7)
    fork = multiprocessing.get_context("fork")
    store = CheckpointStore(tmp_path, keep=1)
    newest, halves = 0, 0
    for _ in range(12):
        process = fork.Process(target=save_for_ever, args=(tmp_path,))
        process.start()
        before = newest
        deadline = time.monotonic() + 60
        while (store.steps() or [0])[-1] <= before and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.06))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        found = store.newest(CONFIG)
        assert found is not None and found.step > before
        newest = found.step
        check_digests(found.folder, found.manifest, found.manifest)
        assert len(found.learner_files) == FILES
        assert (found.learner / "0").read_bytes() == str(newest).encode() + CHUNK
        names = [path.name for path in found.folder.parent.iterdir()]
        halves += any(name.endswith(".tmp") for name in names)
    assert halves > 0, "no kill has hit a write"
    store.retire()
    assert store.steps() == [newest]


@pytest.mark.parametrize("hindrance", ["full", "read-only"])
def test_a_run_goes_on_once_its_disk_can_be_written_again(hindrance: str, tiny_disk: Path) -> None:
    def mount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(tiny_disk)], check=True)

    learner = Disk()
    said: list[str] = []
    store = CheckpointStore(tiny_disk, keep=1)
    saving = Checkpointing(CONFIG, store, learner, say=said.append, told=lambda written: None)

    async def save(step: int) -> None:
        learner.step = step
        await saving.begin(step, STATE)
        await saving.settle()

    async def work() -> None:
        mount("size=3m")
        await save(1)
        mount("size=1m" if hindrance == "full" else "ro")
        await save(2)
        assert store.steps() == [1], "the one before stays"
        mount("size=3m,rw")
        assert saving.is_due(3)
        await save(3)

    asyncio.run(work())
    assert store.steps() == [3]
    what = "the disk is full" if hindrance == "full" else "the file system is read-only"
    (line,) = said
    assert line.startswith("checkpoint 2 is not there: cannot write ") and what in line
