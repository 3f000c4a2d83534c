"""Prompts that need no file, by name: `builtin:arithmetic?max=99&ops=add,subtract`.

Options of arithmetic: `max` and `min` bound the operands, `ops` lists add and subtract, `count`
is a number or `all`, `seed` draws the problems. Options of expressions, tools, calculations and
guess_number: `max`, `count` and `seed`, where `count=all` is for expressions alone. Calculations
have `min` and `tool` (`calculator` or `python`) too. Options of grid_walk: `size`, `far`, `walls`,
`count` and `seed`; of twenty_questions: `count`, also `all`, and `seed`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from data import arithmetic, calculations, expressions, tool_requests
from data.arithmetic import Operation
from data.errors import PromptError, SourceError
from data.games import grid_walk, guess_number, twenty_questions
from data.schema import Prompt

PREFIX: Final = "builtin:"

_OPERATIONS: Final[Mapping[str, Operation]] = {"add": "add", "subtract": "subtract"}


@dataclass(frozen=True, slots=True)
class _Query:
    """The options of a source as they were written."""

    source: str
    options: Mapping[str, str]

    def number(self, option: str, default: int) -> int:
        value = self.options.get(option, str(default))
        try:
            return int(value)
        except ValueError as error:
            raise SourceError(
                f"{self.source}: {option} is {value!r}; use a whole number"
            ) from error

    def count(self, default: int | None) -> int | None:
        """The number of problems; None: all."""
        if "count" not in self.options:
            return default
        return None if self.options["count"] == "all" else self.number("count", 0)

    def operations(self) -> list[Operation]:
        return [self._operation(name) for name in self.options.get("ops", "add").split(",")]

    def _operation(self, name: str) -> Operation:
        if name not in _OPERATIONS:
            raise SourceError(f"{self.source}: unknown operation {name!r}; use ops=add,subtract")
        return _OPERATIONS[name]


@dataclass(frozen=True, slots=True)
class _Task:
    """A built-in task.

    Attributes:
        options: Names of its options.
        make: Its prompts.
        demonstration: What follows one, the model's turns and what answers them, right or with a
            typical mistake.
        ending: How a right answer to one ends, where a right one may be worded otherwise.
        words: Texts of which demonstrations have many, each worth a token of a tiny tokenizer.
    """

    options: tuple[str, ...]
    make: Callable[[_Query], list[Prompt]]
    demonstration: Callable[[Prompt, bool], str | Sequence[Mapping[str, Any]]]
    ending: Callable[[Prompt], str] | None = None
    words: tuple[str, ...] = ()


def _arithmetic(query: _Query) -> list[Prompt]:
    return arithmetic.arithmetic_prompts(
        query.count(None),
        seed=query.number("seed", 0),
        max_operand=query.number("max", 99),
        min_operand=query.number("min", 0),
        ops=query.operations(),
    )


def _expressions(query: _Query) -> list[Prompt]:
    return expressions.expression_prompts(
        query.count(expressions.DEFAULT_COUNT),
        seed=query.number("seed", 0),
        max_operand=query.number("max", 20),
    )


def _tools(query: _Query) -> list[Prompt]:
    return tool_requests.tool_prompts(
        query.number("count", tool_requests.DEFAULT_COUNT),
        seed=query.number("seed", 0),
        max_operand=query.number("max", 99),
    )


def _calculations(query: _Query) -> list[Prompt]:
    return calculations.calculation_prompts(
        query.number("count", calculations.DEFAULT_COUNT),
        seed=query.number("seed", 0),
        max_operand=query.number("max", 99),
        min_operand=query.number("min", 0),
        tool=query.options.get("tool", "calculator"),
    )


def _guess_number(query: _Query) -> list[Prompt]:
    return guess_number.guess_prompts(
        query.number("count", guess_number.DEFAULT_COUNT),
        seed=query.number("seed", 0),
        largest=query.number("max", 31),
    )


def _grid_walk(query: _Query) -> list[Prompt]:
    return grid_walk.walk_prompts(
        query.number("count", grid_walk.DEFAULT_COUNT),
        seed=query.number("seed", 0),
        size=query.number("size", 8),
        far=query.number("far", 4),
        walls=query.number("walls", 0),
    )


def _twenty_questions(query: _Query) -> list[Prompt]:
    return twenty_questions.question_prompts(query.count(None), seed=query.number("seed", 0))


_TASKS: Final[Mapping[str, _Task]] = MappingProxyType(
    {
        "arithmetic": _Task(
            ("count", "max", "min", "ops", "seed"),
            _arithmetic,
            lambda prompt, mistaken: arithmetic.solution(prompt, backwards=mistaken),
            lambda prompt: arithmetic.solution(prompt, working=False),
        ),
        "expressions": _Task(
            ("count", "max", "seed"),
            _expressions,
            lambda prompt, mistaken: expressions.solution(prompt, mistaken=mistaken),
            expressions.solution,
        ),
        "tools": _Task(
            ("count", "max", "seed"),
            _tools,
            lambda prompt, mistaken: tool_requests.solution(prompt, mistaken=mistaken),
            tool_requests.solution,
        ),
        "calculations": _Task(
            ("count", "max", "min", "seed", "tool"),
            _calculations,
            lambda prompt, mistaken: calculations.conversation(prompt, mistaken=mistaken),
            words=calculations.WORDS,
        ),
        "guess_number": _Task(
            ("count", "max", "seed"),
            _guess_number,
            lambda prompt, mistaken: guess_number.conversation(prompt, mistaken=mistaken),
        ),
        "grid_walk": _Task(
            ("count", "far", "seed", "size", "walls"),
            _grid_walk,
            lambda prompt, mistaken: grid_walk.conversation(prompt, mistaken=mistaken),
            words=tuple(grid_walk.MOVES),
        ),
        "twenty_questions": _Task(
            ("count", "seed"),
            _twenty_questions,
            lambda prompt, mistaken: twenty_questions.conversation(prompt, mistaken=mistaken),
        ),
    }
)


def builtin_prompts(source: str) -> list[Prompt]:
    """Make the prompts of a built-in source; raises SourceError if the name or an option is bad."""
    name, _, query = source.removeprefix(PREFIX).partition("?")
    if name not in _TASKS:
        known = " or ".join(f"{PREFIX}{one}" for one in _TASKS)
        raise SourceError(f"{source}: there is no built-in {name!r}; use {known}")
    task = _TASKS[name]
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - set(task.options))
    if unknown:
        raise SourceError(f"{source}: unknown option {unknown[0]!r}; use {', '.join(task.options)}")
    return task.make(_Query(source, options))


def demonstration(prompt: Prompt, *, mistaken: bool = False) -> list[Mapping[str, Any]]:
    """What follows a built-in prompt: messages of the assistant and what answers them.

    `mistaken`: with a mistake that is typical, up to the turn that has it.

    Raises:
        PromptError: the prompt is of no built-in task.
    """
    prompt = _unmixed(prompt)
    found = _task_of(prompt).demonstration(prompt, mistaken)
    return [{"role": "assistant", "content": found}] if isinstance(found, str) else list(found)


def endings(prompt: Prompt) -> list[str]:
    """How each of the assistant's turns in the right demonstration of a built-in prompt ends.

    Raises:
        PromptError: the prompt is of no built-in task.
    """
    prompt = _unmixed(prompt)
    task = _task_of(prompt)
    if task.ending is not None:
        return [task.ending(prompt)]
    return [one["content"] for one in demonstration(prompt) if one["role"] == "assistant"]


def words(prompts: Iterable[Prompt]) -> tuple[str, ...]:
    """Texts of which the demonstrations of built-in prompts have many, sorted.

    Raises:
        PromptError: a prompt is of no built-in task.
    """
    return tuple(sorted({word for prompt in prompts for word in _task_of(_unmixed(prompt)).words}))


def solution(prompt: Prompt, *, mistaken: bool = False) -> str:
    """The assistant's last turn in the demonstration of a built-in prompt.

    Raises:
        PromptError: the prompt is of no built-in task.
    """
    return str(demonstration(prompt, mistaken=mistaken)[-1]["content"])


def ending(prompt: Prompt) -> str:
    """How the last turn in the right demonstration of a built-in prompt ends.

    Raises:
        PromptError: the prompt is of no built-in task.
    """
    return endings(prompt)[-1]


def _unmixed(prompt: Prompt) -> Prompt:
    """The prompt under the id that it has in its own source."""
    return replace(prompt, id=prompt.id.removeprefix(f"{prompt.source}/"), source="")


def _task_of(prompt: Prompt) -> _Task:
    task = _TASKS.get(prompt.id.partition("/")[0])
    if task is None:
        raise PromptError(
            f"prompt {prompt.id!r} is of no built-in task; only those have demonstrations"
        )
    return task
