"""What a sandbox is asked and what it answers; the HTTP service speaks exactly these.

Every field is bounded. Units: seconds, MiB, KiB. Text of a program's output is UTF-8 with what is
none replaced.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

Language = Literal["python", "c", "cpp", "java", "javascript"]

SOURCE_CHARACTERS = 1 << 20
TEXT_CHARACTERS = 16 << 20
MOST_CASES = 4096


def readable(text: str) -> str:
    """Text without lone surrogates, which stand for bytes that are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # a program may make others too
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


Said = Annotated[str, AfterValidator(readable)]
"""Text of a program's or of a compiler's: anything may be in it, and it must travel as JSON."""
Source = Annotated[str, Field(max_length=SOURCE_CHARACTERS)]


def _without_brackets(name: object) -> object:
    """`Solution().f` as `Solution.f`: a method is called on a new object either way."""
    return name.strip().replace("().", ".", 1) if isinstance(name, str) else name


EntryPoint = Annotated[
    str,
    BeforeValidator(_without_brackets),
    Field(max_length=200, pattern=r"^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)?$"),
]
Text = Annotated[str, Field(max_length=TEXT_CHARACTERS)]


class Model(BaseModel):
    """Immutable, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Limits(Model):
    """What one run of a program may take."""

    wall_seconds: float = Field(default=10.0, gt=0, le=300)
    """Wall time of one run: of one stdio case, or of all calls of one process together. It counts
    from the run's start, without the time in which others had a CPU that the run wanted."""
    cpu_seconds: float | None = Field(default=None, gt=0, le=300)
    """CPU time of one process of a run; none: as `wall_seconds`."""
    total_seconds: float = Field(default=100.0, gt=0, le=3600)
    """Such wall time of all runs of a judgement together; the cases after it fail."""
    memory_mb: int = Field(default=512, ge=16, le=65536)
    """Memory of a run, its files in /tmp and /dev/shm included."""
    processes: int = Field(default=64, ge=1, le=1024)
    """Processes and threads of a run."""
    output_kb: int = Field(default=4096, ge=1, le=65536)
    """Standard output; a run that writes more is ended."""
    disk_mb: int = Field(default=64, ge=1, le=4096)
    """Files of a run."""


class Program(Model):
    """A program that nobody trusts."""

    source: Source
    """The whole source."""
    language: Language = "python"
    """What it is written in."""


class TestCase(Model):
    """An input and the output that a right program writes for it."""

    __test__ = False  # for pytest

    stdin: Text = ""
    """Standard input."""
    stdout: Text
    """Expected standard output; never enters the sandbox, except for a checker program."""


class Call(Model):
    """A call of the entry point and what it returns."""

    args: list[JsonValue] = []
    """Positional arguments."""
    kwargs: dict[str, JsonValue] = {}
    """Keyword arguments (Python)."""
    returns: JsonValue
    """The expected value; never enters the sandbox."""
    tolerance: float | None = Field(default=None, ge=0)
    """That of this call; none: that of the tests."""


class StdioTests(Model):
    """The program reads standard input and writes standard output."""

    kind: Literal["stdio"] = "stdio"
    cases: list[TestCase] = Field(min_length=1, max_length=MOST_CASES)
    """The cases, in order."""
    compare: Literal["tokens", "exact", "float"] = "tokens"
    """`tokens`: the same words, however spaced; `exact`: the same text, but for spaces at line ends
    and empty lines at the end; `float`: as tokens, and fractions within `tolerance`."""
    tolerance: float = Field(default=1e-6, ge=0)
    """Largest absolute or relative error of a fraction, whichever allows more (compare: float);
    integers are compared exactly. A fraction for an expected integer may be off by the absolute
    error."""
    checker: Program | None = None
    """Decides instead of `compare`: run as `checker INPUT OUTPUT ANSWER`, three files; exit code 0
    accepts, 1 rejects, any other is a fault of the checker."""


class CallTests(Model):
    """The program defines a function, which is called."""

    kind: Literal["calls"] = "calls"
    entry_point: EntryPoint
    """A function, `Class.method` (or `Class().method`), or a method of a class `Solution`."""
    cases: list[Call] = Field(min_length=1, max_length=MOST_CASES)
    """The calls, in order."""
    tolerance: float = Field(default=0.0, ge=0)
    """Largest absolute or relative error of a fraction; integers are compared exactly. A fraction
    for an expected integer may be off by the absolute error."""


class CheckTests(Model):
    """Python's `def check(candidate)` with asserts, as HumanEval has it."""

    kind: Literal["check"] = "check"
    entry_point: EntryPoint
    """What `check` is called with; written as for calls."""
    source: Source
    """Defines `check`."""


class HarnessTests(Model):
    """A test script in the program's language, which uses the program's names."""

    kind: Literal["harness"] = "harness"
    source: Source
    """Python, JavaScript and Java: runs in a process of its own, which reaches the program across a
    process boundary. Other languages: appended to the program."""


Tests = Annotated[StdioTests | CallTests | CheckTests | HarnessTests, Field(discriminator="kind")]


class Status(StrEnum):
    """How a run, or a case, ended."""

    PASSED = "passed"
    WRONG_ANSWER = "wrong_answer"
    RUNTIME_ERROR = "runtime_error"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    COMPILE_ERROR = "compile_error"
    NOT_RUN = "not_run"


class Trust(StrEnum):
    """What a verdict rests on.

    `OUTSIDE`: values were compared outside of the sandbox. `CHECKER`: a test's own process reached
    the program across a process boundary. `IN_PROCESS`: the test ran in the program's process,
    which a program that was written against this sandbox could deceive.
    """

    OUTSIDE = "outside"
    CHECKER = "checker"
    IN_PROCESS = "in_process"

    def reaches(self, level: "Trust") -> bool:
        """Whether this is `level` or better: outside beats checker, which beats in_process."""
        order = list(Trust)
        return order.index(self) <= order.index(level)


class RunResult(Model):
    """What a program did."""

    status: Status
    """`passed`: it ended by itself with exit code 0, which proves nothing about its answer."""
    reason: Said = ""
    """One line."""
    exit_code: int | None = None
    """None where it was ended, or did not compile."""
    stdout: Said = ""
    stderr: Said = ""
    compile_log: Said = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0
    """Most memory in use, roughly; 0 where it was not measured."""


class CaseResult(Model):
    """What came of one case."""

    index: int
    """Its place among the cases."""
    status: Status
    reason: Said = ""
    """One line; never holds the expected value."""
    wall_seconds: float = 0.0


class Judgement(Model):
    """What came of a program's tests."""

    passed: bool
    """Whether every test passed."""
    status: Status
    """`passed`, or how the first case that failed did."""
    reason: Said = ""
    """One line about that case."""
    passed_count: int
    total: int
    """Cases; a check or a harness counts as one."""
    trust: Trust
    cases: list[CaseResult] = []
    """A result for each case; after the first failure the rest is `not_run`, unless all were
    asked for."""
    compile_log: Said = ""
    wall_seconds: float = 0.0
    """From the request to the judgement, waiting included."""


AnyTests = StdioTests | CallTests | CheckTests | HarnessTests
TestsLike = AnyTests | Sequence[TestCase] | dict[str, Any]


class Health(Model):
    """How a sandbox is doing."""

    status: Literal["ok", "degraded", "down"]
    """`degraded`: some boxes are being replaced; `down`: no box is up."""
    backend: str
    boxes: int
    """Boxes that there should be."""
    live: int
    """Boxes that are up."""
    slots: int
    """Runs at a time."""
    busy: int = 0
    """Slots that are at work."""
    waiting: int
    """Requests that wait for a slot."""
    replaced: int
    """Boxes replaced since the start."""
    fault: str = ""
    """Why a box is missing."""
