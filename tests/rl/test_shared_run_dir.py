"""A run directory that not all hosts share is found before anything is trained."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rl.errors import ClusterError
from rl.learn.group import LearnerActor, LearnerGroup


def group(*hosts: Callable[[Path], tuple[str, str]]) -> LearnerGroup:
    """Ranks, each on a host that sees a path in its own way."""

    def rank(see: Callable[[Path], tuple[str, str]]) -> Any:
        async def remote(path: Path) -> tuple[str, str]:
            return see(path)

        return SimpleNamespace(read_probe=SimpleNamespace(remote=remote))

    made = LearnerGroup.__new__(LearnerGroup)
    made._ranks = [rank(see) for see in hosts]
    made._deadline = 10
    return made


def here(path: Path) -> tuple[str, str]:
    return LearnerActor.__new__(LearnerActor).read_probe(path)


async def test_hosts_that_see_the_folder_pass_and_nothing_stays(tmp_path: Path) -> None:
    await group(here, here).check_run_dir(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seen", ["", "what an earlier run left there"])
async def test_a_host_that_does_not_is_named(seen: str, tmp_path: Path) -> None:
    ranks = group(here, lambda _: ("node-7", seen), lambda path: ("node-9", here(path / "x")[1]))
    with pytest.raises(ClusterError, match=f"^run_dir {tmp_path} is not .* on node-7, node-9, "):
        await ranks.check_run_dir(tmp_path)
    assert list(tmp_path.iterdir()) == []
