"""The loop in virtual time of `rl.simulation`, for tests of what waits."""

from rl.simulation.virtual_time import StandstillError, VirtualLoop, run

__all__ = ["StandstillError", "VirtualLoop", "run"]
