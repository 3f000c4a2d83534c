"""Environments as users write them: methods that are tools, or a `reply` in words.

    class Calculator:
        def reset(self, prompt):                 # optional; may return words to begin with
            self.calls = 0
        def calculate(self, expression: str) -> str:
            '''Evaluate an arithmetic expression such as 3*(4+5).'''
            self.calls += 1
            return str(arithmetic(expression))   # what it raises, the policy reads
        def metrics(self):                       # optional: numbers for the records
            return {"calls": self.calls}

With `call_tool(name, arguments)` the tools are those that the prompt's row declares
(`row_tools.py`), and its `reply` may put further ones on offer; or they are those of the class's
`declared`, which its `start` has found.

Guarantees: the calls of a turn run together and are answered together, in their order. What the
policy does wrong (a call that cannot be read, an unknown tool, arguments that do not fit) and what
a tool does (an error, a deadline) are observations; broken infrastructure is none, and is raised.
A turn that calls nothing goes to `reply`, or ends the episode. Each kind of error is counted.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, Final

from data.schema import Prompt
from rewards.tools import ToolCall
from rl.config import EpisodeConfig
from rl.episodes.away import is_away, line_of
from rl.episodes.context import Context
from rl.episodes.declare import ArgumentsError, Tool, tools_of
from rl.episodes.given import KINDS, Answer, Wrong, answer_of
from rl.episodes.parsing import calls_of
from rl.episodes.row_tools import RowTool, row_tools
from rl.episodes.threads import LateError, called
from rl.episodes.world import Environments
from rl.errors import ConfigError, InfrastructureError, PlumbError
from rl.tasks import all_of
from rl.tokens import End, Message
from rl.turn_records import CallRecord

PATIENCE: Final = 10
"""Times `call_seconds` that an environment's own methods (`reset`, `metrics`) may take."""
LEAST: Final = 300.0
"""Seconds that they may take at least: a server that an episode begins with is no call."""


class ToolEnvironments(Environments):
    """Makes environments of a class whose methods are tools, or that has a `reply`.

    Args:
        kind: the class.
        options: what it is made with.
        episode: what an episode may take.
        label: what messages call it.

    Raises:
        ConfigError: It has neither, or a method that cannot be declared.

    Attributes:
        takes_rows: whether the tools of a prompt's row can be called.
    """

    def __init__(
        self, kind: type, options: Mapping[str, Any], episode: EpisodeConfig, label: str
    ) -> None:
        super().__init__(kind, options)
        declared = self._declared(kind)
        self._methods: dict[str, Tool | RowTool] = {tool.name: tool for tool in declared}
        self.tools = tuple(tool.declaration for tool in self._methods.values())
        self.takes_rows = callable(getattr(kind, "call_tool", None))
        replies = callable(getattr(kind, "reply", None))
        has_tools = bool(self._methods) or self.takes_rows
        if not has_tools and not replies:
            raise ConfigError(
                f"env: {label} does nothing: give it a method with a docstring, which is a tool, "
                "a `def reply(self, message)`, or `async def run(self, prompt, context)`"
            )
        self.roles = (*(("tool",) if has_tools else ()), *(("user",) if replies else ()))
        self._episode = episode
        self._places = asyncio.Semaphore(episode.calls_at_once)

    async def start(self) -> None:
        """See `Environments.start`; tools that it has found are on offer from now on.

        Raises:
            ConfigError: It failed, or a tool cannot be declared.
        """
        await super().start()
        if self.takes_rows and (found := getattr(self.kind, "declared", ())):
            self._methods |= row_tools(found, f"env: {self.kind.__name__}")
            self.tools += tuple(found)
            self.takes_rows = False

    def __call__(self) -> "ToolEnvironment":
        """The environment of an episode."""
        made = ToolEnvironment(self.subject(), self._methods, self._episode, self._places)
        made.takes_rows = self.takes_rows
        return made

    def subject(self) -> Any:
        """The object of an episode."""
        return super().__call__()

    def _declared(self, kind: type) -> Sequence[Tool]:
        return tools_of(kind)

    def without_tools(self) -> "ToolEnvironment":
        """One whose tools are switched off: calling them is an error."""
        return ToolEnvironment(self.subject(), {}, self._episode, self._places)


class ToolEnvironment:
    """One episode.

    Args:
        subject: the user's object.
        tools: its tools by name.
        episode: what an episode may take.
        places: calls that may run at a time, over all episodes.
    """

    def __init__(
        self,
        subject: Any,
        tools: Mapping[str, Tool | RowTool],
        episode: EpisodeConfig,
        places: asyncio.Semaphore,
    ) -> None:
        self._subject = subject
        self._tools = dict(tools)
        self.takes_rows = False
        """Whether the tools of the prompt's row are there."""
        self._limits = episode
        self._places = places
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0
        self.infrastructure = getattr(subject, "infrastructure", ())
        self.reward = getattr(subject, "reward", None)
        self.close = getattr(subject, "close", None)

    async def run(self, prompt: Prompt, context: Context) -> End:
        """The policy speaks and is answered until it calls nothing, or is done."""
        if self.takes_rows:
            self._offer(prompt.tools, prompt)
        if (first := await self._reset(prompt)) is not None:
            between = getattr(self._subject, "between", "\n\n")
            context.begin(answer_of(first).text, between)
        while True:
            message, why = await context.ask()
            if why == "length":
                return "length"
            started = perf_counter()
            answered = await self._answered(message, context)
            self._seconds += perf_counter() - started
            if answered is None:
                return "stop"
            messages, answers = answered
            for one in answers if self.takes_rows else ():
                self._offer(one.tools, prompt)
            reward = sum(one.reward for one in answers)
            context.answer(*messages, reward=reward, calls=_records(message, answers))
            if any(one.done for one in answers):
                return "stop"

    async def metrics(self) -> Mapping[str, float]:
        """What was called and went wrong, and what the user's object measured."""
        found: dict[str, float] = {}
        if self._tools or self._counts["calls"]:
            errors = sum(self._counts[kind] for kind in KINDS)
            found = {"tool_calls": self._counts["calls"], "tool_errors": errors}
            found |= {f"tool_{kind}": self._counts[kind] for kind in KINDS}
            found["tool_seconds"] = self._seconds
        if (measure := getattr(self._subject, "metrics", None)) is not None:
            found |= await self.own(measure)
        return found

    async def own(self, method: Any, *arguments: Any) -> Any:
        """What a method that is no tool gave.

        Raises:
            InfrastructureError: It took longer than anything should.
        """
        try:
            seconds = max(LEAST, PATIENCE * self._limits.call_seconds)
            return await called(method, seconds, arguments)
        except LateError as error:
            raise InfrastructureError(f"{method.__name__} {error}") from error

    async def _reset(self, prompt: Prompt) -> Any:
        """What `reset` gave.

        Raises:
            ConfigError: It said that the row is none of this environment's (`wrong_rows`).
        """
        if (reset := getattr(self._subject, "reset", None)) is None:
            return None
        try:
            return await self.own(reset, prompt)
        except Exception as error:
            declared = getattr(self._subject, "wrong_rows", ())
            if not isinstance(error, declared):
                raise
            raise ConfigError(f"env: {line_of(error)}") from error

    def _offer(self, tools: Sequence[Mapping[str, Any]], prompt: Prompt) -> None:
        any_arguments = getattr(self._subject, "any_arguments", False)
        found = row_tools(tools, f"prompt {prompt.id!r}", any_arguments=any_arguments)
        for name, tool in found.items():
            self._tools.setdefault(name, tool)

    async def _answered(
        self, message: Message, context: Context
    ) -> tuple[list[Message], list[Answer]] | None:
        """What answers a turn; None: nothing does."""
        if "fault" in message:
            answer = self._wrong("malformed", f"the call cannot be read: {message['fault']}")
            self._counts["calls"] += 1
            return [context.result(answer.text)], [answer]
        if message.get("tool_calls"):
            answers = await self._called(message)
            pairs = zip(message["tool_calls"], answers, strict=True)
            return [context.result(one.text, call) for call, one in pairs], answers
        reply = getattr(self._subject, "reply", None)
        if reply is None:
            return None
        said = await self._guarded(reply, (message,), {})
        if said is None:
            return None
        return [{"role": "user", "content": said.text}], [said]

    async def _called(self, message: Message) -> list[Answer]:
        calls = calls_of(message)
        self._counts["calls"] += len(calls)
        most = self._limits.calls_per_turn
        if len(calls) == 1 or getattr(self._subject, "in_order", False):
            answers = [await self._call(call) for call in calls[:most]]
        else:
            answers = await all_of([self._call(call) for call in calls[:most]])
        over = f"not run: more than {most} calls in a turn"
        return answers + [self._wrong("too_many", over) for _ in calls[most:]]

    async def _call(self, call: ToolCall) -> Answer:
        started = perf_counter()
        answer = await self._tried(call)
        return replace(answer, seconds=perf_counter() - started)

    async def _tried(self, call: ToolCall) -> Answer:
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            return self._wrong("unknown", f"there is no tool {call.name!r:.100}; tools: {known}")
        try:
            arguments = tool.read(call)
        except ArgumentsError as error:
            return self._wrong("arguments", f"{tool.name}: {error}")
        async with self._places:
            method, named = tool.bound(self._subject, arguments)
            answer = await self._guarded(method, (), named)
        return answer or Answer("null")

    async def _guarded(
        self, method: Any, arguments: Sequence[Any], named: Mapping[str, Any]
    ) -> Answer | None:
        """What a method gave, or said of why it did not; None: it gave nothing.

        Raises:
            InfrastructureError: What it needs is away.
        """
        try:
            keeps_time = getattr(self._subject, "keeps_time", False)
            seconds = None if keeps_time else self._limits.call_seconds
            given = await called(method, seconds, arguments, named)
            return None if given is None else answer_of(given)
        except LateError as error:
            return self._wrong("late", str(error))
        except PlumbError:
            raise
        except Exception as error:
            if is_away(error, self._subject):
                raise InfrastructureError(line_of(error)) from error
            return self._wrong("raised", f"{type(error).__name__}: {error}")

    def _wrong(self, kind: Wrong, text: str) -> Answer:
        self._counts[kind] += 1
        return Answer(f"Error: {text}", error=kind)


def _records(message: Message, answers: Sequence[Answer]) -> list[CallRecord]:
    """What was called in a turn; nothing where it was answered in words."""
    if "fault" in message:
        return [CallRecord("", one.seconds, one.error) for one in answers]
    names = [call["function"]["name"] for call in message.get("tool_calls", ())]
    pairs = zip(names, answers, strict=True) if names else ()
    return [CallRecord(name, one.seconds, one.error) for name, one in pairs]
