"""Makes the Ray actors of engines, each where it has its place."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import ray

from rl.config import RunConfig
from rl.engines.actor import EngineActor
from rl.engines.seat import Seat
from rl.hardware import Hardware


class EnginePlaces(Protocol):
    """Where engines are: `rl.places.Places`."""

    def engine(self, engine: int) -> Mapping[str, Any]:
        """Ray's options for an engine's actor."""

    def engine_env(self, engine: int) -> Mapping[str, str]:
        """What its environment has to say of its GPUs."""

    def seat(self, engine: int) -> Seat:
        """What it has of them."""


class Anywhere:
    """On CPU hosts: wherever Ray starts it."""

    def engine(self, engine: int) -> Mapping[str, Any]:
        """See `EnginePlaces`."""
        return {"num_cpus": 0}

    def engine_env(self, engine: int) -> Mapping[str, str]:
        """See `EnginePlaces`."""
        return {}

    def seat(self, engine: int) -> Seat:
        """See `EnginePlaces`."""
        return Seat()


def maker(
    config: RunConfig,
    hardware: Hardware,
    places: EnginePlaces | None = None,
    actor: type[EngineActor] = EngineActor,
) -> Callable[[int], Any]:
    """What makes the actor of an engine, given its index."""
    where = places or Anywhere()
    env = hardware.engine_env(config.rollout.cpu_cache_gb, config.rollout.engines)

    def make(engine: int) -> Any:
        own = {"env_vars": env | dict(where.engine_env(engine))}
        options = {**where.engine(engine), "runtime_env": own}
        return ray.remote(actor).options(**options).remote(config, hardware, where.seat(engine))

    return make
