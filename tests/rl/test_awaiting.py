"""Calls to actors and to all learner ranks: who died is named, whoever fails first."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayTaskError

import rl.awaiting
from rl.awaiting import ActorLostError, asked, await_ranks
from rl.errors import ConfigError, LearnerError, LearnerLostError

GLOO = "[../third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer"


def task_error(cause: Exception) -> RayTaskError:
    return RayTaskError("call", "Traceback ...", cause)


def calls(*outcomes: Any) -> Sequence["asyncio.Future[Any]"]:
    """One a rank: (seconds, result or error); no outcome: it never answers."""

    async def call(outcome: Any) -> Any:
        if outcome is None:
            await asyncio.Event().wait()
        seconds, result = outcome
        await asyncio.sleep(seconds)
        if isinstance(result, BaseException):
            raise result
        return result

    return [asyncio.ensure_future(call(outcome)) for outcome in outcomes]


async def lost(*outcomes: Any, deadline: float = 30.0) -> str:
    with pytest.raises(LearnerLostError) as caught:
        await await_ranks(calls(*outcomes), deadline, "learning step 3")
    return str(caught.value)


async def test_results_come_in_the_order_of_ranks() -> None:
    assert await await_ranks(calls((0.02, "a"), (0, "b"), (0.01, "c")), 30, "x") == ["a", "b", "c"]


async def test_a_rank_that_died_is_named() -> None:
    assert (await lost(None, (0, ActorDiedError()))).startswith(
        "learner rank 1 died while learning step 3: "
    )


async def test_the_death_is_told_and_not_the_error_that_it_made_elsewhere() -> None:
    """Gloo tells rank 0 at once that a peer is gone, Ray tells of the death a moment later."""
    broken = task_error(RuntimeError(GLOO))
    assert (await lost((0, broken), None, (0.05, ActorDiedError()))).startswith(
        "learner rank 2 died while learning step 3: "
    )


async def test_a_broken_collective_is_a_loss_though_nobody_died(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rl.awaiting, "GRACE", 0.05)
    told = await lost((0, task_error(RuntimeError(GLOO))), None)
    assert told.startswith("learner rank 0 lost the others while learning step 3: RuntimeError: ")
    assert "Connection closed by peer" in told


async def test_silent_ranks_are_named() -> None:
    told = await lost(None, (0, 1), None, deadline=0.05)
    assert told == "learner rank 0, 2 did not answer within 0.05 s while learning step 3"


async def test_what_a_rank_raises_for_the_user_is_raised_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = LearnerError("the loss is not finite at step 3")
    with pytest.raises(LearnerError) as caught:
        await await_ranks(calls((0, task_error(own)), None), 30, "learning")
    assert caught.value is own
    assert not isinstance(caught.value, LearnerLostError)


async def test_the_others_broken_collective_does_not_hide_what_one_says() -> None:
    broken, own = task_error(RuntimeError(GLOO)), LearnerError("the loss is not finite")
    with pytest.raises(LearnerError) as caught:
        await await_ranks(calls((0, broken), (0.05, task_error(own)), None), 30, "learning")
    assert caught.value is own


async def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rl.awaiting, "GRACE", 0.05)
    with pytest.raises(RayTaskError):
        await await_ranks(calls((0, task_error(KeyError("x"))), None), 30, "learning")


async def test_no_call_is_left_behind() -> None:
    refs = calls((0, task_error(ConfigError("no"))), None)
    with pytest.raises(ConfigError):
        await await_ranks(refs, 30, "learning")
    await asyncio.gather(*refs, return_exceptions=True)
    assert all(ref.done() for ref in refs)


class Actor:
    """Ray's handle of an actor whose one method comes to something; None: to nothing."""

    def __init__(self, outcome: Any) -> None:
        self.method = self
        self._outcome = outcome

    def remote(self, *arguments: Any) -> "asyncio.Future[Any]":
        (call,) = calls(None if self._outcome is None else (0, self._outcome))
        return call


async def test_an_actor_answers_or_is_lost_or_raises_what_it_raised() -> None:
    assert await asked(Actor("given"), "method", deadline=60) == "given"
    with pytest.raises(ActorLostError, match=r"`method` took longer than 0.01 s"):
        await asked(Actor(None), "method", deadline=0.01)
    with pytest.raises(ActorLostError):
        await asked(Actor(ActorDiedError()), "method", deadline=60)
    with pytest.raises(ConfigError, match="no such thing"):
        await asked(Actor(task_error(ConfigError("no such thing"))), "method", deadline=60)
    own = task_error(TimeoutError("of a service")).as_instanceof_cause()
    with pytest.raises(TimeoutError):  # of what it called, which is no silence of the actor
        await asked(Actor(own), "method", deadline=60)
