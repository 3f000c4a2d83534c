"""What `plumb verify` makes of a row: for each task, the verifier and what it looks at.

Guarantee: a row without what its task needs, or with another kind of value there, is refused in one
line with the place and the remedy. What a verifier finds wrong with a reference or a tool is its
verdict on that row alone: ungradable. A task is one function in `TASKS`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from data.errors import RowError
from data.messages import as_messages

Row = Mapping[str, Any]
OWN: Final = "own"
"""What stands for the verifier of `--plugin`."""
SAMPLE_COLUMNS: Final = frozenset(
    {"id", "response", "reference", "messages", "prompt", "tools", "thinking", "task"}
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a task makes of a row.

    Attributes:
        verifier: Grades it.
        text: What is graded.
        reference: What it is compared with.
        columns: What else the verifier may read.
        prompt: Chat messages before the answer.
        tools: What the answer could call.
    """

    verifier: str
    text: str
    reference: Any
    columns: Row = field(default_factory=dict)
    prompt: tuple[Row, ...] = ()
    tools: tuple[Any, ...] = ()


def kind_of(value: object) -> str:
    """A JSON value's kind, in words."""
    names = {dict: "an object", list: "an array", str: "text", bool: "true or false"}
    return "null" if value is None else names.get(type(value), "a number")


def _math(row: Row, where: str) -> Parts:
    given = _one_of(row, where, "prediction", "a bare one")
    if row.get("reference") is None:
        raise RowError(f"{where}: has no reference; add the answer to compare with")
    text = row[given]
    bare = given == "prediction"
    if not isinstance(text, str) and not (bare and type(text) in (int, float)):
        raise RowError(f"{where}: the {given} is {kind_of(text)}; write it as text")
    return Parts("math-bare" if bare else "math", str(text), row["reference"])


def _code(row: Row, where: str) -> Parts:
    from rewards.code.task import LANGUAGES
    from sandbox.errors import RequestError
    from sandbox.judge import parse_tests

    given = _one_of(row, where, "program", "its program alone")
    text = _text_of(row, given, where)
    columns = _given(row, "language", "limits")
    if columns.get("language", LANGUAGES[0]) not in LANGUAGES:
        raise RowError(
            f"{where}: there is no language {columns['language']!r}; use {', '.join(LANGUAGES)}"
        )
    tests = row.get("tests")
    if not isinstance(tests, dict):
        fault = "has no tests" if tests is None else f"the tests are {kind_of(tests)}"
        raise RowError(f'{where}: {fault}; add an object such as {{"kind": "stdio", "cases": ...}}')
    try:
        parse_tests(tests)
    except RequestError as error:
        raise RowError(f"{where}: {error}; mend the row") from error
    _check_limits(columns.get("limits", {}), where)
    return Parts("code" if given == "response" else "code-bare", text, tests, columns)


def _check_limits(limits: object, where: str) -> None:
    from pydantic import ValidationError

    from sandbox.types import Limits

    if not isinstance(limits, dict):
        raise RowError(f"{where}: the limits are {kind_of(limits)}; write an object")
    try:
        Limits.model_validate(limits)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, ("limits", *fault["loc"])))
        raise RowError(f"{where}: {place}: {fault['msg']}; mend the row") from error


def _tool(row: Row, where: str) -> Parts:
    given = _one_of(row, where, "calls", "a list of calls")
    bare = given == "calls"
    if bare and not isinstance(row["calls"], list):
        raise RowError(f"{where}: the calls are {kind_of(row['calls'])}; write a list of them")
    reference = row.get("reference")
    if not isinstance(reference, list):
        fault = (
            "has no reference" if reference is None else f"the reference is {kind_of(reference)}"
        )
        raise RowError(f"{where}: {fault}; give the list of right calls, [] if none is right")
    text = json.dumps(row["calls"]) if bare else _text_of(row, given, where)
    tools = _tools_of(row, where)
    columns = _given(row, "mode", "turn", "language")
    if columns.get("mode", "exact") not in ("exact", "accept"):
        raise RowError(f"{where}: there is no mode {columns['mode']!r}; use exact or accept")
    return Parts("tool-bare" if bare else "tool", text, reference, columns, tools=tools)


def _text(row: Row, where: str) -> Parts:
    if row.get("response") is None:
        raise RowError(f"{where}: has no response; add the answer to grade")
    text = _text_of(row, "response", where)
    asked = row.get("messages", row.get("prompt"))
    prompt = () if asked is None else as_messages(asked, where, "messages")
    tools = _tools_of(row, where)
    reference = _given(row, "instruction_id_list", "kwargs") or row.get("reference")
    if isinstance(reference, list | dict):
        return Parts("constraints", text, reference, {}, prompt, tools)
    if not prompt:
        raise RowError(f"{where}: has no messages; add what the answer is an answer to")
    return Parts("judge", text, reference, {}, prompt, tools)


def _own(row: Row, where: str) -> Parts:
    """A row for a verifier of the user's, which reads every other column by its name."""
    if row.get("response") is None:
        raise RowError(f"{where}: has no response; add the answer to grade")
    text = _text_of(row, "response", where)
    asked = row.get("messages", row.get("prompt"))
    prompt = () if asked is None else as_messages(asked, where, "messages")
    columns = {name: value for name, value in row.items() if name not in SAMPLE_COLUMNS}
    return Parts(OWN, text, row.get("reference"), columns, prompt, _tools_of(row, where))


def _text_of(row: Row, name: str, where: str) -> str:
    text = row[name]
    if not isinstance(text, str):
        raise RowError(f"{where}: the {name} is {kind_of(text)}; write it as text")
    return text


def _tools_of(row: Row, where: str) -> tuple[Any, ...]:
    """The declarations of a row, as they are: their verifier says what is wrong with one."""
    tools = row.get("tools") or []
    if not isinstance(tools, list):
        raise RowError(f"{where}: the tools are {kind_of(tools)}; write a list of declarations")
    return tuple(tools)


def _given(row: Row, *names: str) -> dict[str, Any]:
    """Those columns that a row has a value in."""
    return {name: row[name] for name in names if row.get(name) is not None}


def _one_of(row: Row, where: str, bare: str, meaning: str) -> str:
    """Which of `response` and `bare` a row gives: it must be one of them."""
    given = [name for name in ("response", bare) if row.get(name) is not None]
    if len(given) != 1:
        raise RowError(
            f"{where}: has {'both response and' if given else 'neither response nor'} {bare}; "
            f"give a whole answer as response, or {meaning} as {bare}"
        )
    return given[0]


TASKS: Final[Mapping[str, Callable[[Row, str], Parts]]] = MappingProxyType(
    {"math": _math, "code": _code, "tool": _tool, "text": _text}
)
READERS: Final[Mapping[str, Callable[[Row, str], Parts]]] = MappingProxyType({**TASKS, OWN: _own})
