"""The environment `toolgraph`: a task's tools run in a world of its own, for as long as it takes.

Rows are those of `plumb data toolgraph`, of either form. A row that begins in the middle of a
conversation is gone on with in the world as it was then.

Guarantee: an episode is right if and only if every call of the task that was still to be made was
made with its arguments and was not refused, what was done to the world is what the task's own
calls do to it, all of the person's requests were said, and the policy ended its last turn itself.
What it says counts for nothing. Looking up more is no mistake, unless `extra_calls` bounds it;
doing more is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from data.schema import Prompt
from data.toolgraph.api import Api, RefusedCallError, ToolGraphError, World
from data.toolgraph.declared import load_apis
from data.toolgraph.graph import Graph
from data.toolgraph.library import library
from data.toolgraph.running import keys_of, replayed
from data.toolgraph.tasks import VERSION
from rewards import Verdict


class ToolGraph:
    """One episode of a task.

    Args:
        apis: The file of tools of one's own that the tasks were made with, if any.
        extra_calls: Calls beside the task's that may be made; None: any number.

    Raises:
        ToolGraphError: The file cannot be read.
    """

    in_order = True
    wrong_rows = ToolGraphError

    def __init__(self, apis: str | None = None, extra_calls: int | None = None) -> None:
        self._apis = _apis(apis)
        self._most = extra_calls
        self._made: Counter[str] = Counter()
        self._refused = 0
        self._is_over = False

    def reset(self, prompt: Prompt) -> None:
        """Begin in the task's world, after the calls that the conversation has already.

        Raises:
            ToolGraphError: It is no such task, or was made with other tools.
        """
        facts: Any = prompt.metadata.get("tool_graph")
        if not isinstance(facts, Mapping) or facts.get("version") != VERSION:
            raise ToolGraphError(
                f"prompt {prompt.id!r} is no task of `plumb data toolgraph`, or of another version "
                f"than {VERSION} (metadata.tool_graph.version): make the tasks anew"
            )
        trace = facts["trace"]
        self._check(trace, facts["world"], prompt.id)
        self._world, wanted = World(facts["world"]), World(facts["world"])
        replayed(trace[: facts["given"]], self._apis, self._world)
        replayed(trace, self._apis, wanted)
        self._state = wanted.state()
        self._path = Counter(keys_of(trace[facts["given"] :]))
        self._asks = list(facts["asks"])

    async def call_tool(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a tool of the task.

        Raises:
            RefusedCallError: It refuses; the policy reads why.
        """
        try:
            result = self._apis[name].run(self._world, arguments)
        except RefusedCallError:
            self._refused += 1
            raise
        self._made.update(keys_of([[{"name": name, "arguments": arguments}]]))
        return result

    async def reply(self, message: Mapping[str, Any]) -> str | None:
        """What the person asks for next; None: nothing more."""
        if self._asks:
            return str(self._asks.pop(0))
        self._is_over = True
        return None

    async def reward(self, messages: Sequence[Any]) -> Verdict:
        """Whether what was done is what was asked for."""
        missing = self._path - self._made
        extra = (self._made - self._path).total()
        if not self._is_over:
            return Verdict.incorrect(reason="the episode ended before the policy had")
        if missing:
            one = next(iter(missing))
            return Verdict.incorrect(
                reason=f"{missing.total()} of {self._path.total()} calls were not made: {one:.200}"
            )
        if self._world.state() != self._state:
            return Verdict.incorrect(reason="more or other things were done than asked for")
        if self._most is not None and extra > self._most:
            return Verdict.incorrect(reason=f"{extra} calls beside those of the task")
        return Verdict.correct()

    def metrics(self) -> dict[str, float]:
        """How much of the path was gone, and what else was called."""
        made = (self._path & self._made).total()
        return {
            "path_made": made / max(1, self._path.total()),
            "calls_extra": (self._made - self._path).total(),
            "calls_refused": self._refused,
        }

    def _check(self, trace: Sequence[Any], world: str, name: str) -> None:
        """Whether these tools give what the task's did."""
        unknown = {c["name"] for step in trace for c in step} - self._apis.keys()
        try:
            is_same = not unknown and replayed(trace, self._apis, World(world)) == trace
        except RefusedCallError:
            is_same = False
        if not is_same:
            raise ToolGraphError(
                f"prompt {name!r} was made with other tools: name their file in env.options, "
                "`apis: FILE.json`"
            )


def _apis(path: str | None) -> Mapping[str, Api]:
    if path is None:
        return _graph(None, 0.0).apis
    try:
        changed = Path(path).stat().st_mtime
    except OSError as error:
        raise ToolGraphError(f"{path}: cannot be read: {error.strerror}") from error
    return _graph(path, changed).apis


@lru_cache(maxsize=4)
def _graph(path: str | None, changed: float) -> Graph:
    """The tools, read once; `changed` tells versions of a file apart.

    A file's own tools stand in place of Plumb's of the same name, as with `--only` there are none.
    """
    own = [] if path is None else load_apis(Path(path))
    names = {api.name for api in own}
    return Graph([*(api for api in library() if api.name not in names), *own])
