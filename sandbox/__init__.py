"""Running and judging programs that nobody has read.

Guarantee: importing this package starts nothing and loads none of torch, Ray, vLLM, DeepSpeed, the
Docker client or the web framework.
"""

from sandbox.backends.settings import BoxSettings
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
from sandbox.sandbox import Sandbox
from sandbox.types import (
    Call,
    CallTests,
    CaseResult,
    CheckTests,
    HarnessTests,
    Health,
    Judgement,
    Limits,
    Program,
    RunResult,
    Status,
    StdioTests,
    TestCase,
    Trust,
)

__all__ = [
    "BoxSettings",
    "BusyError",
    "Call",
    "CallTests",
    "CaseResult",
    "CheckTests",
    "DeadlineError",
    "HarnessTests",
    "Health",
    "ImageError",
    "IsolationError",
    "Judgement",
    "Limits",
    "Program",
    "RequestError",
    "RunResult",
    "Sandbox",
    "SandboxError",
    "Status",
    "StdioTests",
    "TestCase",
    "TestsError",
    "Trust",
    "UnavailableError",
]
