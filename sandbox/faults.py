"""Errors of the sandbox as data, for the wire, and back.

Guarantee: an error that crosses a process boundary arrives as the same class with the same message,
so that what was not measured is an `UnavailableError` on either side.
"""

from collections.abc import Mapping
from typing import Final, Literal

from sandbox.errors import (
    BusyError,
    DeadlineError,
    ImageError,
    IsolationError,
    RequestError,
    SandboxError,
    TestsError,
    UnavailableError,
)
from sandbox.types import Model

Kind = Literal[
    "request",
    "validation",
    "tests",
    "unauthorized",
    "not_found",
    "method_not_allowed",
    "timeout",
    "too_large",
    "busy",
    "internal",
    "unavailable",
    "isolation",
    "image",
    "shutting_down",
    "deadline",
]

STATUS: Final[Mapping[Kind, int]] = {
    "request": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "timeout": 408,
    "too_large": 413,
    "validation": 422,
    "tests": 422,
    "busy": 429,
    "internal": 500,
    "unavailable": 503,
    "isolation": 503,
    "image": 503,
    "shutting_down": 503,
    "deadline": 504,
}

# The first that fits; BusyError and DeadlineError are UnavailableErrors too.
_KINDS: Final[tuple[tuple[type[SandboxError], Kind], ...]] = (
    (BusyError, "busy"),
    (DeadlineError, "deadline"),
    (UnavailableError, "unavailable"),
    (TestsError, "tests"),
    (IsolationError, "isolation"),
    (ImageError, "image"),
    (RequestError, "request"),
)
_ERRORS: Final[Mapping[Kind, type[SandboxError]]] = {
    "tests": TestsError,
    "timeout": UnavailableError,
    "internal": UnavailableError,
    "unavailable": UnavailableError,
    "isolation": IsolationError,
    "image": ImageError,
    "shutting_down": UnavailableError,
    "deadline": DeadlineError,
}


class Fault(Model):
    """Why there is no answer."""

    kind: Kind
    """What went wrong, for programs; the HTTP status follows from it."""
    message: str
    """What went wrong, for people: one line."""
    field: str | None = None
    """The part of the request that is at fault."""
    retry_after: float | None = None
    """Seconds after which another try makes sense."""


class FaultBody(Model):
    """The body of every answer that is none."""

    error: Fault


def fault_of(error: SandboxError) -> Fault:
    """`error` as data."""
    kinds: list[Kind] = [kind for known, kind in _KINDS if isinstance(error, known)]
    wait = error.retry_after if isinstance(error, BusyError) else None
    return Fault(kind=kinds[0] if kinds else "unavailable", message=str(error), retry_after=wait)


def error_of(fault: Fault) -> SandboxError:
    """The error that `fault` stands for; a request that was refused is a RequestError."""
    if fault.kind == "busy":
        return BusyError(fault.message, fault.retry_after or 1.0)
    return _ERRORS.get(fault.kind, RequestError)(fault.message)
