"""Ranks that write a checkpoint answer meanwhile, and say why they cannot write."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from rl.config import RunConfig
from rl.errors import StorageError
from rl.hardware import Hardware
from rl.learn import group
from rl.learn.group import LearnerGroup
from rl.manifest import manifest_of
from tests.ray_start import start_ray
from tests.rl.rank_actor import Actor


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch) -> Iterator[LearnerGroup]:
    monkeypatch.setattr(group, "LearnerActor", Actor)
    start_ray(num_cpus=2)
    try:
        config = RunConfig.model_validate({"learner": {"ranks": 2}})
        yield LearnerGroup(config, Hardware(device="cpu", cores=2))
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_ranks_write_beside_their_work(ranks: LearnerGroup, tmp_path: Path) -> None:
    folder = tmp_path / "learner"
    folder.mkdir()

    async def work() -> None:
        await ranks.snapshot(copy=True)
        saving = asyncio.create_task(ranks.write(folder))
        for _ in range(3):
            await ranks.snapshot(copy=True)  # answered while they write
        assert not saving.done()
        (tmp_path / "go").touch()
        assert await saving == manifest_of(folder)
        assert (folder / "rank_1" / "state").read_text() == "True"
        (tmp_path / "full").touch()
        (folder / "rank_0" / "state").unlink()
        (folder / "rank_0").rmdir()
        with pytest.raises(StorageError, match="the disk is full: free some space"):
            await ranks.write(folder)
        assert (folder / "rank_0" / "state").exists(), "the other one is not left writing"

    asyncio.run(work())
