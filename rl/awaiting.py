"""Waiting for actors and learner ranks: always with a deadline, with the user's error, not Ray's.

Guarantee: a rank that died is named, also where another, which it left alone in a collective,
fails first; that one's own error says nothing.
"""

import asyncio
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ray.exceptions import RayActorError, RayError, RayTaskError

from rl.errors import LearnerLostError, PlumbError

GRACE: Final = 10.0
"""Seconds in which Ray tells of a death, after another rank has noticed it in a collective."""
COLLECTIVE: Final = ("gloo", "NCCL", "DistBackendError", "DistNetworkError", "DistStoreError")
"""What an error of a broken collective has in its text."""


class ActorLostError(Exception):
    """An actor died, or took too long; says which."""


async def asked(actor: Any, method: str, *arguments: Any, deadline: float) -> Any:
    """What a method of an actor gives.

    Args:
        actor: Ray's handle.
        method: its name.
        arguments: its own.
        deadline: seconds.

    Raises:
        ActorLostError: It died, or took longer than `deadline`.
        PlumbError: One that the method raised, as it was raised there.
    """
    limit = asyncio.timeout(deadline)
    try:
        async with limit:
            return await getattr(actor, method).remote(*arguments)
    except TimeoutError as error:  # also one that the method itself raised
        if not limit.expired():
            raise
        raise ActorLostError(f"`{method}` took longer than {deadline:g} s") from error
    except RayActorError as error:
        raise ActorLostError(cause_of(error)) from error
    except RayTaskError as error:
        if isinstance(error.cause, PlumbError):
            raise error.cause from error
        raise
    except RayError as error:
        raise ActorLostError(str(error).strip().splitlines()[0]) from error


async def await_ranks(
    refs: Sequence[Any], deadline: float, what: str, *, first: int = 0
) -> list[Any]:
    """Await a call to every rank, or to some of them.

    Args:
        refs: one a rank, in their order.
        deadline: seconds.
        what: is awaited, for the message.
        first: the rank of the first of them.

    Raises:
        PlumbError: one that a rank raised, as it was raised there.
        LearnerLostError: a rank died, or the deadline passed; names it.
    """
    calls = {asyncio.ensure_future(_result(ref)): rank for rank, ref in enumerate(refs, first)}
    try:
        done, pending = await asyncio.wait(
            calls, timeout=deadline, return_when=asyncio.FIRST_EXCEPTION
        )
        failed = _failures(calls, done)
        if not failed:
            if pending:
                silent = ", ".join(map(str, sorted(calls[call] for call in pending)))
                raise LearnerLostError(
                    f"learner rank {silent} did not answer within {deadline:g} s while {what}"
                )
            return [call.result() for call in calls]
        until = time.monotonic() + GRACE
        while pending and not _is_told(failed) and (left := until - time.monotonic()) > 0:
            done, pending = await asyncio.wait(
                pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            failed |= _failures(calls, done)
        raise _loss(failed, what)
    finally:
        for call in calls:
            call.cancel()


def stop_on_sigterm() -> None:
    """Let SIGTERM cancel the current task, so that every part is stopped before the process ends.

    Called after Ray has connected, which installs a handler of its own.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def cause_of(error: RayError) -> str:
    """The line of Ray's report that says why an actor died."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "cause" in line.lower() or "exit" in line.lower()]
    return (telling or lines or ["no cause is known"])[0].partition(" Some common causes")[0]


async def _result(ref: Any) -> Any:
    return await ref


def _failures(calls: Mapping[Any, int], done: Iterable[Any]) -> dict[int, BaseException]:
    """What calls that have ended raised, by rank."""
    ended = {calls[call]: call.exception() for call in done}
    return {rank: error for rank, error in ended.items() if error is not None}


def _died(failed: Mapping[int, BaseException]) -> dict[int, RayError]:
    """Ranks whose process or host is gone; what a rank raised is a `RayTaskError`."""
    return {
        rank: error
        for rank, error in failed.items()
        if isinstance(error, RayError) and not isinstance(error, RayTaskError)
    }


def _is_told(failed: Mapping[int, BaseException]) -> bool:
    """Whether one of the failures is a cause, and not the effect of another rank's."""
    causes = (getattr(error, "cause", None) for error in failed.values())
    return bool(_died(failed)) or any(isinstance(cause, PlumbError) for cause in causes)


def _loss(failed: Mapping[int, BaseException], what: str) -> BaseException:
    """What to raise where ranks failed."""
    for error in failed.values():
        cause = getattr(error, "cause", None)
        if isinstance(cause, PlumbError):
            cause.__cause__ = error
            return cause
    for rank, error in _died(failed).items():
        lost = LearnerLostError(f"learner rank {rank} died while {what}: {cause_of(error)}")
        lost.__cause__ = error
        return lost
    rank, error = next(iter(failed.items()))
    cause = getattr(error, "cause", None) or error
    text = f"{type(cause).__name__}: {cause}".strip()
    if isinstance(error, RayTaskError) and any(name in text for name in COLLECTIVE):
        line = text.splitlines()[0]
        lost = LearnerLostError(f"learner rank {rank} lost the others while {what}: {line:.300}")
        lost.__cause__ = error
        return lost
    return error
