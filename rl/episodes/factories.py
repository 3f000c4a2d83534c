"""Environments in the shape that TRL's `environment_factory` wants, without TRL.

A factory, a class or a function without arguments, gives objects that are begun anew for each
episode: `reset(**row)` may return words that join the request, `get_reward()`, if any, says what
the episode was worth, and every other public method is a tool. Objects are kept and used again, as
TRL does, since what they hold (a connection, a box) may have no other end.

Guarantees: an object belongs to one episode at a time, and one that may still be at work, because
a call took too long or broke off, is never used again. Tools run one after the other, and what they
return is read as TRL reads it.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from data.schema import Prompt
from rl.config import EpisodeConfig
from rl.episodes.declare import Tool, tools_of
from rl.episodes.threads import called
from rl.episodes.tool_environment import ToolEnvironments
from rl.errors import ConfigError

OWN: Final = frozenset({"reset", "get_reward"})
"""Public methods that are no tools."""
REFERENCES: Final = ("reference", "answer", "solution", "ground_truth", "label", "target")
"""Columns that the reference may have come from; `reset` finds it under each that is free."""


class MissingColumnError(Exception):
    """A row lacks what `reset` wants."""


class FactoryTool(Tool):
    """A method of an object that a factory gave."""

    def bound(
        self, subject: Any, arguments: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], Mapping[str, Any]]:
        """See `Tool.bound`."""
        return subject.tool(self.name), arguments


class Factories(ToolEnvironments):
    """Makes environments of what a factory gives.

    Args:
        factory: see above.
        options: its arguments.
        episode: what an episode may take.
        label: what messages call it.

    Raises:
        ConfigError: What it gives has no `reset`, or no tools, or the factory fails.
    """

    def __init__(
        self,
        factory: Callable[..., Any],
        options: Mapping[str, Any],
        episode: EpisodeConfig,
        label: str,
    ) -> None:
        self._free: list[Any] = []
        self._lock = threading.Lock()
        kind = factory
        if not inspect.isclass(kind):
            try:
                first = factory(**options)
            except Exception as error:
                line = " ".join(str(error).split())
                raise ConfigError(
                    f"env: {label} failed to make an environment: {type(error).__name__}: {line}"
                ) from error
            self._free.append(first)
            kind = type(first)
        reset = getattr(kind, "reset", None)
        if not callable(reset):
            raise ConfigError(
                f"env: {label} gives {kind.__name__}, which has no `reset(self, **row)`"
            )
        if inspect.iscoroutinefunction(reset):
            raise ConfigError(
                f"env: {label} gives {kind.__name__}, whose `reset` is `async`: make it a plain "
                "`def reset(self, **row)`"
            )
        if not self._declared(kind):
            raise ConfigError(
                f"env: {label} gives {kind.__name__}, which has no tools: public methods with a "
                "docstring and types"
            )
        super().__init__(kind, options, episode, label)
        self.roles, self.takes_rows = ("tool",), False
        self._factory = factory

    async def start(self) -> None:
        """Nothing is shared: `start` would be a tool."""

    async def aclose(self) -> None:
        """Nothing is shared."""

    def subject(self) -> "Borrowed":
        """One of its objects, from the beginning of the episode to its end."""
        return Borrowed(self._take, self._give_back)

    def _declared(self, kind: type) -> Sequence[Tool]:
        found = tools_of(kind, OWN)
        return [FactoryTool(**{one.name: getattr(t, one.name) for one in fields(t)}) for t in found]

    def _take(self) -> Any:
        with self._lock:
            if self._free:
                return self._free.pop()
        return self._factory(**self.options)

    def _give_back(self, one: Any) -> None:
        with self._lock:
            self._free.append(one)


class Borrowed:
    """An object of a factory's, as `ToolEnvironment` wants one.

    Args:
        take: gives it.
        give_back: takes it again.
    """

    in_order = True
    between = ""
    wrong_rows = MissingColumnError

    def __init__(self, take: Callable[[], Any], give_back: Callable[[Any], None]) -> None:
        self._take = take
        self._give_back = give_back
        self._one: Any = None
        self._running = 0
        self._is_spoilt = False

    def reset(self, prompt: Prompt) -> str | None:
        """Begin.

        Raises:
            MissingColumnError: The row has not what it wants.
        """
        self._running += 1
        one = self._take()
        given: str | None = one.reset(**row_of(prompt, one.reset))
        self._one = one
        self._running -= 1
        return given

    def tool(self, name: str) -> Callable[..., Any]:
        """A method as a tool."""
        method = getattr(self._one, name)
        if inspect.iscoroutinefunction(method):

            async def run_on_loop(**arguments: Any) -> str:
                self._running += 1
                try:
                    return _said(await method(**arguments))
                except asyncio.CancelledError:  # as where it took too long
                    self._is_spoilt = True
                    raise
                finally:
                    self._running -= 1

            return run_on_loop

        def run(**arguments: Any) -> str:
            self._running += 1
            try:
                return _said(method(**arguments))
            finally:
                self._running -= 1

        return run

    async def reward(self, messages: Sequence[Any]) -> float | None:
        """What the object says that it was worth; None: it leaves that to the verifier."""
        measure = getattr(self._one, "get_reward", None)
        if measure is None:
            return None
        self._running += 1
        given = await called(measure, None)
        self._running -= 1
        return None if given is None else float(given)

    def close(self) -> None:
        """Give the object back, unless it may be at work or broke off."""
        one, self._one = self._one, None
        if one is not None and not self._running and not self._is_spoilt:
            self._give_back(one)


def row_of(prompt: Prompt, reset: Callable[..., Any]) -> dict[str, Any]:
    """A row as TRL hands one to `reset`: its columns by name, the messages as `prompt`.

    Raises:
        MissingColumnError: It lacks a column that `reset` names and has no default for.
    """
    row = {**dict.fromkeys(REFERENCES, prompt.reference), "id": prompt.id, **prompt.metadata}
    row["prompt"] = [dict(message) for message in prompt.messages]
    named = inspect.signature(reset).parameters.values()
    for one in named:
        is_column = one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        if is_column and one.default is one.empty and one.name not in row:
            raise MissingColumnError(
                f"prompt {prompt.id!r} has no column {one.name!r}, which `reset` wants; it has "
                f"{', '.join(sorted(row))}"
            )
    if any(one.kind is one.VAR_KEYWORD for one in named):
        return row
    return {one.name: row[one.name] for one in named if one.name in row}


def is_factory(found: object) -> bool:
    """Whether something is a factory, and no class as Plumb's own are."""
    if not inspect.isclass(found):
        return callable(found)
    reset = getattr(found, "reset", None)
    if not callable(reset):
        return False
    if callable(getattr(found, "get_reward", None)):
        return True
    try:
        signature = inspect.signature(reset)
        signature.bind("self", "prompt")
    except (TypeError, ValueError):
        return True
    return any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values())


def _said(given: Any) -> str:
    """What TRL shows the policy of a result: blocks of text as they are, all else as Python's text.

    Raises:
        ValueError: It holds an image.
    """
    if isinstance(given, list) and given and all(isinstance(one, Mapping) for one in given):
        kinds = [one.get("type") for one in given]
        if all(kind == "text" for kind in kinds):
            return "".join(str(one.get("text", "")) for one in given)
        if "image" in kinds:
            raise ValueError("the tool gave an image, which is not supported")
    return str(given)
