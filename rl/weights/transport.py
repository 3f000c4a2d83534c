"""The driver's side of the way from the learner to the engines: who is joined to it, and sending.

An engine that is new to the transport joins it before it is sent to. Over a mapped buffer that is
one call to it. A broadcast needs a group of exactly the engines that it goes to: whenever those
change (one died, came back, was leased), the learner's first rank and they form a new one, within
`JOIN_SECONDS`; after a broken broadcast the survivors do, and get every bucket again, at most once
for each engine that was there at the start.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rl.awaiting import await_ranks
from rl.config import RunConfig
from rl.errors import EngineError
from rl.hardware import Hardware
from rl.tasks import both
from rl.weights.handles import EngineHandle, Learner
from rl.weights.losses import Losses
from rl.weights.messages import BROKEN, Engine, Sent

Kind = Literal["ipc", "broadcast"]

JOIN_SECONDS = 60.0
"""Seconds in which paused engines and the learner have to form a group."""
SLACK = 30.0
"""Seconds that the learner gets beyond a deadline to say who missed it."""
UNREACHABLE = (
    "weights could not be broadcast to {} engines, though none of them died: look at the network "
    "between them and the learner, or set sync.transport=ipc where they share a host"
)


class Transport:
    """How buckets reach engines.

    Args:
        kind: `ipc`, a buffer of the learner's that engines map, or `broadcast`.
        config: the run's configuration.
        hardware: what it runs on.
        learner: the learner's ranks.
        below: of each engine, the ranks on whose GPUs its workers are: each worker then maps the
            buffer of the rank below it. None: every worker maps that of the first rank.
    """

    def __init__(
        self,
        kind: Kind,
        config: RunConfig,
        hardware: Hardware,
        learner: Learner,
        below: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.kind = kind
        self._sync = config.sync
        rollout = config.rollout
        self._workers = rollout.tensor_parallel * rollout.pipeline_parallel * rollout.data_parallel
        self._below = below
        self._backend = hardware.backend
        self._learner = learner
        self._handles: list[tuple[str, bytes]] = []
        """Of each rank that has a buffer, its device and what lets others map it."""
        self._store: tuple[str, int] = ("", 0)
        self._joined: set[Any] = set()
        """Actors that map the buffer, or exactly the members of the group."""
        self._groups = 0

    async def open(self) -> None:
        """Open the learner's end; engines join when they are first sent to."""
        what, seconds = "opening the weight transport", self._sync.deadline
        if self.kind == "broadcast":
            self._store = await self._lead(what, seconds, "open_store")
            return
        ranks = self._learner.actors if self._below else self._learner.actors[:1]
        every = len(ranks) > 1
        opening = [rank.call.remote("weights", "open_buffer", every) for rank in ranks]
        self._handles = await await_ranks(opening, seconds, what)

    async def send(self, losses: Losses, engines: Sequence[EngineHandle]) -> list[EngineHandle]:
        """Send every bucket; returns the engines that have them."""
        live = list(engines)
        for _ in range(len(engines) + 1):
            live = await self._join(losses, live)
            if not live:
                return []
            sent = await self._push(live)
            losses.lose(live, sent.lost)
            live = [engine for engine in live if engine.name not in sent.lost]
            if sent.complete:
                return live
            self._joined.clear()
        raise EngineError(UNREACHABLE.format(len(engines)))

    async def _push(self, engines: Sequence[EngineHandle]) -> Sent:
        targets = [Engine(engine.name, engine.actor) for engine in engines]
        deadline, verify = self._sync.deadline, self._sync.verify
        pushing = [
            rank.call.remote("weights", "push", targets, deadline, verify)
            for rank in self._learner.actors
        ]
        longest = deadline * (len(targets) + 1) + SLACK  # each may hang until the deadline
        results = await await_ranks(pushing, longest, "sending weights")
        sent: Sent = results[0]
        return sent

    async def _join(self, losses: Losses, engines: Sequence[EngineHandle]) -> list[EngineHandle]:
        """Make sure that all are in the transport; returns those that are."""
        if self.kind == "ipc":
            new = [engine for engine in engines if engine.actor not in self._joined]
            await losses.each(
                new,
                "mapping the learner's weights",
                self._sync.deadline,
                lambda engine: engine.call("init_weight_transfer_engine", self._link(engine)),
            )
            live = [engine for engine in engines if engine.name not in losses.lost]
            self._joined |= {engine.actor for engine in live}
            return live
        live = list(engines)
        for _ in range(len(engines) + 1):
            if {engine.actor for engine in live} == self._joined:
                return live
            live = await self._form_group(losses, live)
        raise EngineError(UNREACHABLE.format(len(engines)))

    def _link(self, engine: EngineHandle) -> dict[str, Any]:
        """What lets each worker of an engine map a buffer."""
        ranks = self._below[engine.index] if self._below else [0]
        return {"handles": [self._handles[rank] for rank in ranks]}

    async def _form_group(
        self, losses: Losses, engines: Sequence[EngineHandle]
    ) -> list[EngineHandle]:
        """One try to form a group of all, which `_joined` then holds; returns those not lost."""
        self._joined.clear()
        if not engines:
            return []
        self._groups += 1
        name, size = f"weights-{self._groups}", 1 + len(engines) * self._workers
        common = {
            "host": self._store[0],
            "port": self._store[1],
            "group": name,
            "world_size": size,
            "backend": self._backend,
            "meeting": min(JOIN_SECONDS, self._sync.deadline),
            "seconds": self._sync.deadline,
        }
        ranks = {engine.name: 1 + i * self._workers for i, engine in enumerate(engines)}
        broken = []

        async def join(engine: EngineHandle) -> None:
            link = common | {"first_rank": ranks[engine.name]}
            try:
                await engine.call("init_weight_transfer_engine", link)
            except Exception as error:
                if BROKEN not in str(error):
                    raise
                broken.append(engine.name)  # the fault is another's

        what, seconds = "joining learner and engines in a process group", JOIN_SECONDS + SLACK
        joined, live = await both(
            self._lead_joins(what, seconds, common),
            losses.each(engines, what, seconds, join),
        )
        if len(live) == len(engines) and not broken and joined:
            self._joined = {engine.actor for engine in live}
        return live

    async def _lead_joins(self, what: str, seconds: float, link: Mapping[str, Any]) -> bool:
        try:
            await self._lead(what, seconds, "join", link)
        except EngineError as error:
            if BROKEN not in str(error):
                raise
            return False
        return True

    async def _lead(self, what: str, seconds: float, method: str, *arguments: Any) -> Any:
        call = self._learner.actors[0].call.remote("weights", method, *arguments)
        (result,) = await await_ranks([call], seconds, what)
        return result
