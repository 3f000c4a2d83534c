"""Conversations of several turns over simulated objects, right by what the objects are like then.

Rows are those of the format `bfcl_turns`: BFCL's own, or of one's own in its layout. The classes of
the objects come with the user's copy of BFCL, or are the user's: `options: {classes: ...}` names
a folder, a file or a module. They run in processes of their own (`simulators.py`), as what the
policy calls them with may never come back.
"""

import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, Final

from data.schema import Prompt
from rewards import Verdict
from rl.environments.simulators import (
    CallFailedError,
    Simulators,
    WrongSceneError,
    checked_classes,
)
from rl.errors import ConfigError

VERSION: Final = 1
ADDED: Final = "I have updated some more functions you can choose from. What about now?"
"""BFCL's words for functions that are on offer from now on."""


class Bfcl:
    """One conversation.

    Args:
        classes: a folder of Python files, a file, or a module, such as
            `bfcl_eval.eval_checker.multi_turn_eval.func_source_code`.
        seconds: what is called may take.
        memory_mb: what is called may take, MiB.
        workers: processes in which calls run.
    """

    keeps_time = True
    in_order = True
    any_arguments = True
    simulators: ClassVar[Simulators | None] = None

    def __init__(
        self, classes: str, seconds: float = 10.0, memory_mb: int = 2048, workers: int = 2
    ) -> None:
        checked_classes(classes)
        self._turns: list[list[Any]] = [[]]
        self._failed = 0
        self._is_over = False
        self._valid: bool | None = None

    @classmethod
    async def start(
        cls, classes: str, seconds: float = 10.0, memory_mb: int = 2048, workers: int = 2
    ) -> None:
        """Make processes ready to be started."""
        cls.simulators = Simulators(checked_classes(classes), seconds, memory_mb, workers)

    @classmethod
    async def aclose(cls) -> None:
        """End them."""
        simulators, cls.simulators = cls.simulators, None
        if simulators is not None:
            await simulators.aclose()

    async def reset(self, prompt: Prompt) -> None:
        """Begin with the objects of the row.

        Raises:
            ConfigError: It is no such row, or its objects cannot be made.
        """
        told, scene = prompt.metadata.get("bfcl"), prompt.reference
        is_row = isinstance(told, Mapping) and isinstance(scene, Mapping) and "turns" in scene
        if not is_row or told.get("version") != VERSION:  # type: ignore[union-attr]
            raise ConfigError(
                f"env: prompt {prompt.id!r} is no conversation of the format bfcl_turns, version "
                f"{VERSION}: make records by `plumb data curate FILE --format bfcl_turns`"
            )
        assert isinstance(told, Mapping) and isinstance(scene, Mapping), "as above"
        self._asks = list(enumerate(told["turns"], start=1))
        self._added = told["added"]
        self._truth = [[[c["name"], c["arguments"]] for c in turn] for turn in scene["turns"]]
        self._scene = {key: scene[key] for key in ("classes", "initial_config", "long_context")}
        try:
            await self._ask(before=[], calls=[])
        except WrongSceneError as error:
            raise ConfigError(
                f"env: prompt {prompt.id!r}: {error} (env.options.classes)"
            ) from error

    async def call_tool(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Call a method of the objects; what goes wrong in it is its answer.

        Raises:
            CallFailedError: It took too long or too much; then it has not happened.
        """
        call = [name, dict(arguments)]
        before = [one for turn in self._turns for one in turn]
        answer = await self._ask(before=before, calls=[call])
        self._turns[-1].append(call)
        result: str = answer["results"][0]
        self._failed += result.startswith("Error during execution: ")
        return result

    async def reply(self, message: Mapping[str, Any]) -> Any:
        """What the person says next, with functions that are on offer from then on."""
        if not self._asks:
            self._is_over = True
            return None
        number, messages = self._asks.pop(0)
        self._turns.append([])
        added = self._added.get(str(number), [])
        said = [one["content"] for one in messages]
        if added:
            said += [json.dumps([one["function"] for one in added], ensure_ascii=False), ADDED]
        return SimpleNamespace(text="\n".join(said), tools=added)

    async def reward(self, messages: Sequence[Any]) -> Verdict:
        """Whether the objects are what the right calls make of them, after each turn."""
        if not self._is_over:
            return Verdict.incorrect(reason="the conversation ended before its last turn had")
        try:
            answer = await self._ask(turns=self._turns, truth=self._truth)
        except (CallFailedError, WrongSceneError) as error:
            return Verdict.incorrect(reason=f"what was called cannot be compared: {error}")
        return Verdict.correct() if answer["valid"] else Verdict.incorrect(reason=answer["why"])

    def metrics(self) -> dict[str, float]:
        """How far the conversation went, and how many calls went wrong."""
        return {
            "turns_of_person": len(self._turns),
            "calls_made": sum(map(len, self._turns)),
            "calls_failed": self._failed,
        }

    async def _ask(self, **asked: Any) -> dict[str, Any]:
        assert self.simulators is not None, "`start` makes them"
        return await self.simulators.ask({"scene": self._scene, **asked})
