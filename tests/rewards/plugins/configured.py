"""Verifiers with options, plain and async, and ones whose service is away for a while."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from rewards import InfrastructureError, Sample, Verdict, verifier


@verifier("length-of-test")
class Length(BaseModel):
    """Right when the response has at most so many words."""

    max_words: int = Field(ge=1)
    worth: float = 1.0

    def __call__(self, sample: Sample, *, bonus: float = 0.0) -> Verdict:
        fits = len(sample.response.split()) <= self.max_words
        return Verdict.correct(self.worth + bonus) if fits else Verdict.incorrect()


@verifier("echo-of-test")
class Echo(BaseModel):
    """An async one: right when the response is the word."""

    word: str = "yes"

    async def __call__(self, sample: Sample) -> bool:
        await asyncio.sleep(0)
        return sample.response == self.word


class NoModel:
    """A class that takes no options."""

    def __call__(self, sample: Sample) -> bool:
        return True


def ending(sample: Sample, *, end: str = "!", times: int = 1, note: Any = None) -> bool:
    """A function with options."""
    return sample.response.endswith(end * times)


def _count(mark: str) -> int:
    """How often it was called with this file before."""
    path = Path(mark)
    calls = len(path.read_text()) if path.exists() else 0
    path.write_text("x" * (calls + 1))
    return calls


def _away(mark: str, failures: int) -> None:
    if _count(mark) < failures:
        raise InfrastructureError("the service is away")


def flaky(sample: Sample, *, mark: str, failures: int) -> bool:
    """Fails so often, then works; keeps count in a file."""
    _away(mark, failures)
    return True


async def flaky_async(sample: Sample, *, mark: str, failures: int) -> bool:
    """As `flaky`."""
    _away(mark, failures)
    return True


async def broken_async(sample: Sample, *, mark: str) -> bool:
    """Fails for a reason that is not its service's; keeps count in a file."""
    _count(mark)
    raise ConnectionError("the judge is away")


def stamped(sample: Sample) -> Verdict:
    """Says where it ran."""
    if sample.response == "hang":
        time.sleep(600)
    return Verdict.correct(pid=os.getpid())
