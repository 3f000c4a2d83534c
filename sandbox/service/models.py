"""What the HTTP service is asked and what it answers, beyond the types of `sandbox.types`."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, WrapValidator

from sandbox.faults import Fault
from sandbox.transport import QUEUE_SECONDS
from sandbox.types import Judgement, Limits, Model, Program, RunResult, Tests, Text

MOST_ITEMS: Final = 256

Deadline = Annotated[float | None, Field(gt=0)]


class ServiceOptions(Model):
    """What the service allows."""

    token: str | None = Field(default=None, min_length=1, repr=False)
    """Bearer token that every request must bring; none: nobody is asked."""
    queue: int = Field(default=4096, ge=1)
    """Requests that are held at a time, at work or waiting; another one is turned away. One whose
    body has not come yet is none of them."""
    receiving: int = Field(default=256, ge=1)
    """Bodies that are being received at a time; for another one the slowest is given up."""
    max_body_bytes: int = Field(default=32 << 20, ge=1024)
    """Size of a request's body."""
    held_bodies: int = Field(default=16, ge=1)
    """Bodies of that size whose bytes are held at a time, over all requests."""
    body_seconds: float = Field(default=60.0, gt=0)
    """Time for a body to arrive."""
    queue_seconds: float = Field(default=QUEUE_SECONDS, gt=0)
    """Time for which a request may wait for its slots."""
    deadline: float | None = Field(default=None, gt=0)
    """Seconds of work in slots for a request that brings none; none: as its limits let it."""
    max_deadline: float = Field(default=600.0, gt=0)
    """Seconds in slots: a longer deadline becomes this one, and limits beyond it are refused."""


class RunRequest(Model):
    """Run a program once."""

    program: Program
    stdin: Text = ""
    """Standard input."""
    limits: Limits = Limits()
    deadline: Deadline = None
    """Seconds of work in slots, waiting not included; the service caps it."""


class JudgeRequest(Model):
    """Judge a program by tests."""

    program: Program
    tests: Tests
    limits: Limits = Limits()
    stop_at_first_failure: bool = True
    """Whether cases after the first that fails are left out."""
    deadline: Deadline = None
    """Seconds of work in slots, waiting not included; the service caps it."""


class RunItem(RunRequest):
    """A run among others."""

    op: Literal["run"]


class JudgeItem(JudgeRequest):
    """A judgement among others."""

    op: Literal["judge"]


def _or_fault(value: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
    try:
        return handler(value)
    except ValidationError as error:
        return validation_fault(list(error.errors(include_url=False, include_input=False)))


Item = Annotated[
    Annotated[RunItem | JudgeItem, Field(discriminator="op")], WrapValidator(_or_fault)
]


class BatchRequest(Model):
    """Runs and judgements, each answered for itself."""

    items: list[Item] = Field(min_length=1, max_length=MOST_ITEMS)
    """An item that is none is answered with its error, and spoils no other."""
    deadline: Deadline = None
    """Seconds of work for each item that brings no deadline of its own."""


class BatchResult(Model):
    """What came of one item: exactly one of the three."""

    run: RunResult | None = None
    judgement: Judgement | None = None
    error: Fault | None = None


class BatchResponse(Model):
    """What came of a batch."""

    results: list[BatchResult]
    """In the order of the items."""


class LanguagesResponse(Model):
    """The languages that programs may be in."""

    languages: dict[str, str]
    """Name and the version line of its compiler or interpreter."""


def validation_fault(errors: list[Any]) -> Fault:
    """The first of pydantic's errors, in one line."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part != "body"]
    message = str(first["msg"])
    if first["type"] == "json_invalid":
        place, message = [], f"the body is no JSON: {first.get('ctx', {}).get('error', message)}"
    elif first["type"] == "model_attributes_type" and not place:
        message = "the body is no JSON object; send one with Content-Type: application/json"
    field = ".".join(place)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    text = " ".join(f"{field}: {message}{more}".split()) if field else message
    return Fault(kind="validation", message=text[:500], field=field[:200] or None)


_ADD: Final = {"source": "def add(a, b):\n    return a + b\n", "language": "python"}
_SUM: Final = {"source": "print(sum(map(int, input().split())))\n", "language": "python"}

RUN_EXAMPLES: Final[dict[str, Any]] = {
    "run": {
        "summary": "Run a program once",
        "value": {"program": _SUM, "stdin": "1 2 3\n", "limits": {"wall_seconds": 5}},
    }
}
JUDGE_EXAMPLES: Final[dict[str, Any]] = {
    "stdio": {
        "summary": "Standard input and output",
        "value": {
            "program": _SUM,
            "tests": {
                "kind": "stdio",
                "cases": [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "4 5\n", "stdout": "9\n"}],
                "compare": "tokens",
            },
        },
    },
    "calls": {
        "summary": "Calls of a function",
        "value": {
            "program": _ADD,
            "tests": {
                "kind": "calls",
                "entry_point": "add",
                "cases": [{"args": [1, 2], "returns": 3}],
            },
            "stop_at_first_failure": False,
        },
    },
    "check": {
        "summary": "def check(candidate), as HumanEval has it",
        "value": {
            "program": _ADD,
            "tests": {
                "kind": "check",
                "entry_point": "add",
                "source": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
            },
        },
    },
    "harness": {
        "summary": "A test script that uses the program's names",
        "value": {
            "program": _ADD,
            "tests": {"kind": "harness", "source": "assert add(1, 2) == 3\n"},
            "deadline": 60,
        },
    },
}
BATCH_EXAMPLES: Final[dict[str, Any]] = {
    "batch": {
        "summary": "A run and a judgement",
        "value": {
            "items": [
                {"op": "run", **RUN_EXAMPLES["run"]["value"]},
                {"op": "judge", **JUDGE_EXAMPLES["calls"]["value"]},
            ]
        },
    }
}
