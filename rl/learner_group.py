"""The driver's side of learning: places the ranks, runs them in step, and syncs weights."""

import secrets
import socket
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import ray

from rl.awaiting import await_all
from rl.config import RunConfig
from rl.errors import ClusterError, EngineError, LearnerError
from rl.gc_pause import loading
from rl.hardware import Hardware
from rl.learn.batching import TrainBatch
from rl.storage import write_atomically
from rl.weights.messages import Engine


class LearnerActor:
    """A rank's Ray actor; the learner, whose import is slow, is made when it is first called."""

    def __init__(self, config: RunConfig, hardware: Hardware, rank: int) -> None:
        self._config = config
        self._hardware = hardware
        self._rank = rank

    @cached_property
    def _learner(self) -> Any:
        with loading():
            from rl.learner import Learner

        return Learner(self._config, self._hardware, self._rank)

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the learner."""
        return getattr(self._learner, method)(*arguments)

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
        gpus: GPUs a rank asks of Ray; 0 on CPU hosts.
    """

    def __init__(self, config: RunConfig, hardware: Hardware, *, gpus: float) -> None:
        self._config = config
        self._hardware = hardware
        self._deadline = config.learner.deadline
        actor = ray.remote(LearnerActor).options(
            num_cpus=0, num_gpus=gpus, runtime_env={"env_vars": hardware.learner_env()}
        )
        ranks = range(config.learner.ranks)
        self._ranks = [actor.remote(config, hardware, rank) for rank in ranks]

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
        self, batch: TrainBatch, step: int
    ) -> tuple[dict[str, float | None], dict[int, float]]:
        """One step on every rank; returns its metrics, and each sample's first-token advantage."""
        results = await self._all("learning", "train", ray.put(batch), step)
        advantages: dict[int, float] = {}
        for _, part in results:
            advantages |= part
        return results[0][0], advantages

    async def connect(self, engines: Sequence[Any], transport: str) -> None:
        """Prepare weight sync with the engines' actors."""
        self._engines = [Engine(f"engine {i}", engine) for i, engine in enumerate(engines)]
        lead, deadline = self._ranks[0], self._config.sync.deadline
        what = "joining learner and engines for weight sync"
        if transport == "ipc":
            opening = [lead.call.remote("weights", "open_buffer")]
            (handle,) = await await_all(opening, deadline, what)
            links = [{"handle": handle}] * len(engines)
            joining = []
        else:
            opening = [lead.call.remote("weights", "open_store")]
            ((host, port),) = await await_all(opening, deadline, what)
            workers = self._config.rollout.tensor_parallel
            link = {"host": host, "port": port, "group": "weights", "seconds": deadline}
            link |= {"meeting": deadline, "world_size": 1 + len(engines) * workers}
            link["backend"] = self._hardware.backend
            links = [link | {"first_rank": 1 + i * workers} for i in range(len(engines))]
            joining = [lead.call.remote("weights", "join", link)]
        for engine, link in zip(engines, links, strict=True):
            joining.append(engine.call.remote("init_weight_transfer_engine", link))
        await await_all(joining, deadline, what)

    async def sync(self, version: int) -> None:
        """Send the current weights to every engine as `version`."""
        deadline, verify = self._config.sync.deadline, self._config.sync.verify
        arguments = ("weights", "push", self._engines, deadline, verify)
        pushing = [rank.call.remote(*arguments) for rank in self._ranks]
        sent, *_ = await await_all(pushing, deadline, "syncing weights")
        for name, loss in sent.lost.items():
            raise EngineError(f"rollout {name} did not take the new weights: {loss.reason}")
        ready = [engine.actor.finish_sync.remote(version) for engine in self._engines]
        await await_all(ready, deadline, "syncing weights")

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

    async def save(self, folder: Path) -> None:
        """Write a checkpoint's learner part into an existing folder."""
        await self._all("saving the learner", "save", folder.absolute())

    async def load(self, folder: Path) -> None:
        """Continue from `save`'s folder."""
        if not folder.is_dir():
            raise LearnerError(f"the checkpoint lacks its learner part: {folder}")
        await self._all("loading the learner", "load", folder.absolute())

    async def export(self, folder: Path) -> None:
        """Write the policy in Hugging Face format."""
        await self._all("exporting the model", "export", folder.absolute())

    def stop(self) -> None:
        """End every rank."""
        for rank in self._ranks:
            ray.kill(rank)

    async def _all(self, what: str, method: str, *arguments: Any) -> list[Any]:
        refs = [rank.call.remote(method, *arguments) for rank in self._ranks]
        return await await_all(refs, self._deadline, what)
