"""The driver's side of learning: places the ranks and runs them in step.

Guarantees: each rank is given its own share and no more; every wait has a deadline.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from rl.awaiting import await_ranks
from rl.checkpoint_reading import Checkpoint
from rl.cluster import await_places
from rl.config import RunConfig
from rl.errors import ClusterError, LearnerError
from rl.gc_pause import loading
from rl.hardware import Hardware
from rl.learn.shares import Share
from rl.manifest import FileRecord, Manifest
from rl.out_of_memory import telling_memory
from rl.storage import write_atomically
from rl.whereabouts import Whereabouts, here

LOOK_SECONDS = 2.0
"""Between two looks at ranks that have nothing to do."""
END_SECONDS = 30.0
"""For killed ranks to end."""

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
        with telling_memory(self._rank, method):
            return getattr(self._learner, method)(*arguments, **named)

    def write(self, folder: Path) -> Manifest:
        """Write what was noted of the learner's state; runs in a thread of its own."""
        manifest: Manifest = self._learner.write(folder)
        return manifest

    def device(self) -> str:
        """The GPU of this rank as its host numbers it; empty on a CPU host."""
        return ",".join(str(gpu) for gpu in ray.get_gpu_ids())

    def ping(self) -> Whereabouts:
        """Answer, as what is alive does, with where that is."""
        return here()

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
        renew: waits, before ranks are started again, until they have places.
    """

    def __init__(
        self,
        config: RunConfig,
        hardware: Hardware,
        *,
        place: Callable[[int], Mapping[str, Any]] = lambda rank: {"num_cpus": 0},
        renew: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._config = config
        self._hardware = hardware
        self._place_of = place
        self._renew = renew
        self._deadline = config.learner.deadline
        self._sharing = config.learner.sequence_parallel
        self._ranks = self._place()
        self._version = 0
        self._doing = ""
        self._since = 0.0
        self.whereabouts: Sequence[Whereabouts] = ()
        """Where each rank runs, once it is started."""

    @property
    def version(self) -> int:
        """The version of the weights that a call submitted now would find."""
        return self._version

    @property
    def actors(self) -> Sequence[Any]:
        """The ranks' Ray actors."""
        return self._ranks

    @property
    def asked(self) -> tuple[str, float]:
        """What the ranks are asked to do, and since when: each thing has a deadline of its own."""
        return self._doing, self._since

    @property
    def status(self) -> str:
        """What the ranks are asked to do, and for how long; empty while they have nothing to do."""
        if not self._doing:
            return ""
        return f"the learner is {self._doing}, {time.monotonic() - self._since:.0f} s so far"

    async def lost(self) -> None:
        """Look at the ranks for ever.

        Raises:
            LearnerLostError: One of them died, seconds ago.
        """
        while True:
            looking = [rank.ping.remote() for rank in self._ranks]
            await await_ranks(looking, self._deadline, "it had nothing to do")
            await asyncio.sleep(LOOK_SECONDS)

    async def restart(self) -> None:
        """End every rank that is left, and start all of them anew, with the model as it was."""
        gone, self._version = self._ranks, 0
        self.stop()
        await _ended(gone)
        if self._renew is not None:
            await self._renew()
        self._ranks = self._place()
        deadline = self._config.cluster.start_deadline
        await await_places({"learner ranks": self._ranks}, deadline)
        await self.check_run_dir(self._config.run_dir)  # they may be on other hosts now
        await self.start()

    async def start(self) -> None:
        """Form the process group and load the models."""
        meeting = self._ranks[0].call.remote("rendezvous")
        ((host, port),) = await self._await([meeting], "being placed")
        pings = [rank.ping.remote() for rank in self._ranks]
        self.whereabouts = await self._await(pings, "being placed")
        await self._all("starting", "start", host, port)

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
        results = await self._await(training, f"learning step {step}")
        advantages: dict[tuple[int, int], float] = {}
        for _, part in results:
            advantages |= part
        return results[0][0], advantages

    async def devices(self) -> list[str]:
        """The GPU of each rank as its host numbers it; empty on CPU hosts."""
        asked = [rank.device.remote() for rank in self._ranks]
        return await self._await(asked, "looking at its GPUs")

    async def residence(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every rank's `rl.learn.residence.Residence`."""
        return await self._all("moving its memory", "memory", method, *arguments)

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
            seen = await self._await(looking, "looking for run_dir")
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
        await self._all("noting its state", "snapshot", copy=copy)

    async def write(self, folder: Path) -> Manifest:
        """Write what was noted below an existing folder, beside training; the files."""
        options = {"concurrency_group": WRITING}
        refs = [rank.write.options(**options).remote(folder.absolute()) for rank in self._ranks]
        waiting = [
            await_ranks([ref], self._deadline, "writing a checkpoint", first=rank)
            for rank, ref in enumerate(refs)
        ]
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
        await self._all("loading its state", "load", folder.absolute(), checkpoint.learner_files)

    async def export(self, folder: Path) -> None:
        """Write the policy in Hugging Face format."""
        await self._all("exporting the model", "export", folder.absolute())

    def stop(self) -> None:
        """End every rank."""
        for rank in self._ranks:
            ray.kill(rank)

    async def _all(self, what: str, method: str, *arguments: Any, **named: Any) -> list[Any]:
        refs = [rank.call.remote(method, *arguments, **named) for rank in self._ranks]
        return await self._await(refs, what)

    async def _await(self, refs: Sequence[Any], what: str) -> list[Any]:
        self._doing, self._since = what, time.monotonic()
        try:
            return await await_ranks(refs, self._deadline, what)
        finally:
            self._doing = ""

    def _place(self) -> list[Any]:
        """The actors; each starts as soon as Ray has a place for it."""
        config, hardware = self._config, self._hardware
        env = {"env_vars": hardware.learner_env(config.learner.ranks)}
        actor = ray.remote(concurrency_groups={WRITING: 1})(LearnerActor)
        return [
            actor.options(**self._place_of(rank), runtime_env=env).remote(config, hardware, rank)
            for rank in range(config.learner.ranks)
        ]


async def _ended(ranks: Sequence[Any]) -> None:
    """Wait until killed actors have ended, and so have let go of ports and memory."""
    calls = [asyncio.ensure_future(_refused(rank)) for rank in ranks]
    await asyncio.wait(calls, timeout=END_SECONDS)
    for call in calls:
        call.cancel()


async def _refused(rank: Any) -> None:
    with suppress(RayError):
        while True:
            await rank.ping.remote()
            await asyncio.sleep(0.1)
