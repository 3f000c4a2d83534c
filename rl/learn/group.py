"""The driver's side of learning: places the ranks and runs them in step.

Guarantees: each rank is given its own share and no more; every wait has a deadline.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import ray

from rl.awaiting import await_all
from rl.checkpoint_reading import Checkpoint
from rl.config import RunConfig
from rl.errors import ClusterError, LearnerError
from rl.gc_pause import loading
from rl.hardware import Hardware
from rl.learn.shares import Share
from rl.manifest import FileRecord, Manifest
from rl.storage import write_atomically

WRITING = "writing"
"""Ray's name for the thread of a rank that writes beside training."""


class LearnerActor:
    """A rank's Ray actor; the rank, whose import is slow, is made when it is first called."""

    def __init__(self, config: RunConfig, hardware: Hardware, rank: int) -> None:
        self._config = config
        self._hardware = hardware
        self._rank = rank

    @cached_property
    def _learner(self) -> Any:
        with loading():
            from rl.learn.rank import LearnerRank

        return LearnerRank(self._config, self._hardware, self._rank)

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the learner."""
        return getattr(self._learner, method)(*arguments, **named)

    def write(self, folder: Path) -> Manifest:
        """Write what was noted of the learner's state; runs in a thread of its own."""
        manifest: Manifest = self._learner.write(folder)
        return manifest

    def device(self) -> str:
        """The GPU of this rank as its host numbers it; empty on a CPU host."""
        return ",".join(str(gpu) for gpu in ray.get_gpu_ids())

    def read_probe(self, path: Path) -> tuple[str, str]:
        """This host's name, and what a file holds here; empty where it is not there."""
        try:
            return socket.gethostname(), path.read_text(encoding="utf-8")
        except OSError:
            return socket.gethostname(), ""


class LearnerGroup:
    """Every learner rank of a run.

    Args:
        config: the run's configuration, with `model.path` a folder or hub id.
        hardware: what the ranks run on.
        place: Ray's options for a rank's actor: GPUs, and where it is.
    """

    def __init__(
        self,
        config: RunConfig,
        hardware: Hardware,
        *,
        place: Callable[[int], Mapping[str, Any]] = lambda rank: {"num_cpus": 0},
    ) -> None:
        self._config = config
        self._deadline = config.learner.deadline
        self._sharing = config.learner.sequence_parallel
        env = {"env_vars": hardware.learner_env()}
        actor = ray.remote(concurrency_groups={WRITING: 1})(LearnerActor)
        self._ranks = [
            actor.options(**place(rank), runtime_env=env).remote(config, hardware, rank)
            for rank in range(config.learner.ranks)
        ]
        self._version = 0

    @property
    def version(self) -> int:
        """The version of the weights that a call submitted now would find."""
        return self._version

    @property
    def actors(self) -> Sequence[Any]:
        """The ranks' Ray actors."""
        return self._ranks

    async def start(self) -> None:
        """Form the process group and load the models."""
        meeting = self._ranks[0].call.remote("rendezvous")
        ((host, port),) = await await_all([meeting], self._deadline, "placing the learner")
        await self._all("starting the learner", "start", host, port)

    async def train(
        self, shares: Sequence[Share], step: int, version: int
    ) -> tuple[dict[str, Any], dict[tuple[int, int], float]]:
        """One step on every rank.

        Args:
            shares: of `rl.learn.shares.cut`, one for all ranks that share samples.
            step: which step it is, from 1.
            version: the policy version that is trained; the next one is what it becomes.

        Returns:
            Metrics, and the advantage of the first sampled token of every trained episode, by group
            index and position in the group.
        """
        boxes = [box for box in map(ray.put, shares) for _ in range(self._sharing)]
        training = [
            rank.call.remote("train", box, step, version)
            for rank, box in zip(self._ranks, boxes, strict=True)
        ]
        self._version = version + 1
        results = await await_all(training, self._deadline, "learning")
        advantages: dict[tuple[int, int], float] = {}
        for _, part in results:
            advantages |= part
        return results[0][0], advantages

    async def devices(self) -> list[str]:
        """The GPU of each rank as its host numbers it; empty on CPU hosts."""
        asked = [rank.device.remote() for rank in self._ranks]
        return await await_all(asked, self._deadline, "looking at the learner's GPUs")

    async def residence(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every rank's `rl.learn.residence.Residence`."""
        return await self._all("moving the learner's memory", "memory", method, *arguments)

    async def check_run_dir(self, run_dir: Path) -> None:
        """Make sure that every rank's host sees the run directory, before anything is trained.

        Raises:
            ClusterError: One of them does not; names it.
        """
        token = secrets.token_hex(16)
        probe = run_dir.absolute() / ".probe"
        write_atomically(probe, token)
        try:
            looking = [rank.read_probe.remote(probe) for rank in self._ranks]
            seen = await await_all(looking, self._deadline, "looking for run_dir")
        finally:
            probe.unlink(missing_ok=True)
        blind = sorted({host for host, text in seen if text != token})
        if blind:
            raise ClusterError(
                f"run_dir {run_dir.absolute()} is not the same folder on {', '.join(blind)}, where "
                "the learner runs: put it on a file system that all hosts share"
            )

    async def snapshot(self, *, copy: bool) -> None:
        """Note the state of this instant.

        Args:
            copy: let training go on before it is written.
        """
        await self._all("noting the learner's state", "snapshot", copy=copy)

    async def write(self, folder: Path) -> Manifest:
        """Write what was noted below an existing folder, beside training; the files."""
        options = {"concurrency_group": WRITING}
        refs = [rank.write.options(**options).remote(folder.absolute()) for rank in self._ranks]
        waiting = [await_all([ref], self._deadline, "writing a checkpoint") for ref in refs]
        # All of them: what one is still writing would be in the way of the next checkpoint.
        parts = await asyncio.gather(*waiting, return_exceptions=True)
        found: dict[str, FileRecord] = {}
        for part in parts:
            if isinstance(part, BaseException):
                raise part
            found |= part[0]
        return found

    async def load(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint, whose weights are of the version of its step."""
        folder = checkpoint.learner
        if not folder.is_dir():
            raise LearnerError(f"the checkpoint lacks its learner part: {folder}")
        self._version = checkpoint.step
        await self._all("loading the learner", "load", folder.absolute(), checkpoint.learner_files)

    async def export(self, folder: Path) -> None:
        """Write the policy in Hugging Face format."""
        await self._all("exporting the model", "export", folder.absolute())

    def stop(self) -> None:
        """End every rank."""
        for rank in self._ranks:
            ray.kill(rank)

    async def _all(self, what: str, method: str, *arguments: Any, **named: Any) -> list[Any]:
        refs = [rank.call.remote(method, *arguments, **named) for rank in self._ranks]
        return await await_all(refs, self._deadline, what)
