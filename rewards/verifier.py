"""A verifier: a function, or a class with options, that grades, and how it is called.

Guarantees: `judge` and `judge_async` always give a verdict. Whatever the function raises, and any
return value that is neither a `Verdict` nor a `bool`, is an ungradable verdict that says why. The
one error that passes through is `MissingColumnError`: that is the set-up's fault, not a sample's.
"""

import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from rewards.errors import InfrastructureError, MissingColumnError, VerifierDefinitionError
from rewards.types import INFRASTRUCTURE, Sample, Verdict

_DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)
P = ParamSpec("P")
R = TypeVar("R")
Blame = Literal["incorrect", "ungradable"]
REASON_LIMIT = 500  # characters kept of an exception's message
SAMPLE_FIELDS = frozenset(f.name for f in fields(Sample))


@dataclass(frozen=True, slots=True)
class Verifier(Generic[P, R]):
    """A named grading function; calling it calls the function unchanged.

    Attributes:
        name: What configs and messages call it.
        function: Takes a `Sample` and, by name, any of the sample's fields and columns; or a class
            whose instances do.
        on_crash: The verdict when grading explodes (deadline, memory, death of the worker):
            "incorrect" if only an answer can cause it, "ungradable" if nobody can say.
        warm_up: Run once in each worker before its first sample; for slow imports.
        deadline: Seconds for one sample, where neither its use nor the pool names any; None: the
            pool's default.
        keeps_time: Whether an async verifier ends by itself, within `deadline_asked()`: the pool
            then has no clock for it, so that its waiting for others is nobody's fault.
        options: Arguments that are the same for every sample; no column is looked up for them.
        origin: "file:line" of the function.
        columns: Names of the columns that the function asks for; True where it must be there.
    """

    name: str
    function: Callable[P, R]
    on_crash: Blame = "ungradable"
    warm_up: Callable[[], None] | None = None
    deadline: float | None = None
    keeps_time: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    origin: str = field(init=False)
    columns: Mapping[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        if self.on_crash not in ("incorrect", "ungradable"):
            raise VerifierDefinitionError(
                f"verifier '{self.name}': on_crash is {self.on_crash!r}; "
                'it must be "incorrect" or "ungradable"'
            )
        if self.deadline is not None and self.deadline <= 0:
            raise VerifierDefinitionError(
                f"verifier '{self.name}': its deadline is {self.deadline:g} s; it must be above 0"
            )
        if self.keeps_time and not self.is_async:
            raise VerifierDefinitionError(
                f"verifier '{self.name}' keeps its own time, and is a plain function: only an "
                "`async def` can"
            )
        object.__setattr__(self, "origin", _origin(self.function))
        columns = _columns(self.name, self.function)
        asked = {name: needed for name, needed in columns.items() if name not in self.options}
        object.__setattr__(self, "columns", asked)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def is_async(self) -> bool:
        """Whether the function is `async def`: it then runs on the loop, not in a worker."""
        return inspect.iscoroutinefunction(code_of(self.function))

    async def start(self) -> None:
        """Open what an async verifier needs: `async def start(self)` of its class, if it has one.

        Raises:
            RewardError: Grading is impossible as things are.
        """
        await self._hook("start")

    async def aclose(self) -> None:
        """Give it back: `async def aclose(self)` of its class; harmless without a start."""
        await self._hook("aclose")

    def arguments(self, sample: Sample) -> dict[str, Any]:
        """The keyword arguments for `sample`: the options, its fields, then its metadata.

        Raises:
            MissingColumnError: The sample lacks a column that has no default.
        """
        found: dict[str, Any] = dict(self.options)
        for name, needed in self.columns.items():
            if name in SAMPLE_FIELDS:
                found[name] = getattr(sample, name)
            elif name in sample.metadata:
                found[name] = sample.metadata[name]
            elif needed:
                have = ", ".join(sorted(sample.metadata)) or "none"
                raise MissingColumnError(
                    f"verifier '{self.name}' ({self.origin}) needs the column '{name}', which "
                    f"sample '{sample.id}' lacks (its columns: {have}); add the column to the "
                    "data, or give the parameter a default"
                )
        return found

    def refusal(self, sample: Sample) -> str | None:
        """Why no answer to `sample` could be graded, as "kind: detail", if its verifier knows.

        A class may say so by `def refusal(self, sample)`, with the columns of its `__call__`.

        Raises:
            MissingColumnError: The sample lacks a column that has no default.
        """
        arguments = self.arguments(sample)
        found = getattr(self.function, "refusal", None)
        if not inspect.ismethod(found):  # an option may have the name
            return None
        said = found(sample, **arguments)
        return None if said is None else str(said)

    def judge(self, sample: Sample) -> Verdict:
        """Grade with a plain function."""
        arguments = self.arguments(sample)
        call: Callable[..., Any] = self.function
        try:
            return self._verdict(call(sample, **arguments))
        except MemoryError:
            return self.blame("memory: grading needed more than its share")
        except (Exception, SystemExit) as error:
            return _raised(error)

    async def judge_async(self, sample: Sample, deadline: float | None = None) -> Verdict:
        """Grade with an `async def` function.

        Args:
            sample: What is graded.
            deadline: What `deadline_asked()` gives in it.
        """
        _DEADLINE.set(deadline)
        arguments = self.arguments(sample)
        call: Callable[..., Any] = self.function
        try:
            return self._verdict(await call(sample, **arguments))
        except Exception as error:
            return _raised(error)

    def blame(self, reason: str) -> Verdict:
        """The verdict on a sample whose grading exploded; `reason` reads "kind: detail"."""
        if self.on_crash == "incorrect":
            return Verdict.incorrect(reason=reason)
        return Verdict.ungradable(reason)

    async def _hook(self, name: str) -> None:
        found = getattr(self.function, name, None)
        if inspect.iscoroutinefunction(found):  # an option may have the name
            await found()

    def _verdict(self, returned: object) -> Verdict:
        if isinstance(returned, Verdict):
            return returned
        if isinstance(returned, bool):
            return Verdict.correct() if returned else Verdict.incorrect()
        return Verdict.ungradable(
            f"returned {type(returned).__name__}: verifier '{self.name}' must return a Verdict or "
            "a bool"
        )


def deadline_asked() -> float | None:
    """Seconds that a use or the pool names for a sample of a verifier that keeps its own time."""
    return _DEADLINE.get()


def is_infrastructure(verdict: Verdict) -> bool:
    """Whether `verdict` says that a service was away, so that another try may help."""
    return verdict.kind == INFRASTRUCTURE


def code_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """What runs when a verifier is called: the function, or `__call__` of the class's instances."""
    kind = function if isinstance(function, type) else type(function)
    if hasattr(function, "__code__"):
        return function
    found = (vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base))
    called: Callable[..., Any] = next(found, function)
    return called


def _raised(error: BaseException) -> Verdict:
    text = " ".join(str(error).split())[:REASON_LIMIT]
    kind = INFRASTRUCTURE if isinstance(error, InfrastructureError) else type(error).__name__
    return Verdict.ungradable(f"{kind}: {text}")


def _origin(function: Callable[..., Any]) -> str:
    code = getattr(code_of(function), "__code__", None)
    if code is None:
        return repr(function)
    return f"{Path(code.co_filename).resolve()}:{code.co_firstlineno}"


def _columns(name: str, function: Callable[..., Any]) -> dict[str, bool]:
    parameters = list(inspect.signature(_bound(name, function)).parameters.values())
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if not parameters or parameters[0].kind not in by_position:
        raise VerifierDefinitionError(
            f"verifier '{name}' ({_origin(function)}) must take the sample as its first parameter"
        )
    for parameter in parameters[1:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise VerifierDefinitionError(
                f"verifier '{name}' ({_origin(function)}) takes '{parameter}': name each column "
                "that it needs instead"
            )
    return {p.name: p.default is p.empty for p in parameters[1:]}


def _bound(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with the signature of a call with a sample, which has no `self`."""
    if not isinstance(function, type):
        return function
    called = code_of(function)
    if called is function:
        raise VerifierDefinitionError(
            f"verifier '{name}' ({function.__qualname__}) is a class without __call__: give it "
            "`def __call__(self, sample: Sample) -> Verdict`"
        )
    return partial(called, None)
