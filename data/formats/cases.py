"""Tests of programs as data sets write them, made into the tests that the verifier `code` reads.

Guarantees: what comes out is what `sandbox.judge.parse_tests` accepts. Two ways of writing calls
are read: a list of arguments, and a text with one JSON value a line. Nothing is evaluated.
"""

import json
from collections.abc import Sequence
from typing import Any

from data.errors import RowError
from data.files import Row
from data.formats.fields import mapping, sequence
from sandbox.errors import RequestError
from sandbox.judge import parse_tests

Tests = dict[str, Any]


def paired_tests(row: Row, name: str, value: object) -> Tests:
    """Tests of `{"inputs": [...], "outputs": [...], "fn_name"?}`, as APPS and TACO have them.

    Args:
        row: the row.
        name: the column, for messages.
        value: what it holds, decoded.
    """
    held = mapping(row, name, value)
    inputs = sequence(row, f"{name}.inputs", held.get("inputs"))
    outputs = sequence(row, f"{name}.outputs", held.get("outputs"))
    if len(inputs) != len(outputs):
        raise RowError(
            f"{row.where}: column {name!r} has {len(inputs)} inputs and {len(outputs)} outputs; "
            "mend or remove the row"
        )
    entry = held.get("fn_name")
    if not entry:
        return stdio_tests(row, name, inputs, outputs)
    return call_tests(row, name, str(entry), inputs, unwrapped(outputs))


def stdio_tests(row: Row, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Tests:
    """Tests by standard input and output, each a text, or a list of its lines."""
    cases = [
        {"stdin": _lines(one), "stdout": _lines(other)}
        for one, other in zip(inputs, outputs, strict=True)
    ]
    return checked(row, name, {"kind": "stdio", "cases": cases, "language": "python"})


def call_tests(
    row: Row, name: str, entry: str, inputs: Sequence[Any], outputs: Sequence[Any]
) -> Tests:
    """Tests by calls of `entry`."""
    cases = [
        {"args": _arguments(row, name, one), "returns": _returned(row, name, one, other)}
        for one, other in zip(inputs, outputs, strict=True)
    ]
    tests = {"kind": "calls", "entry_point": entry, "cases": cases, "language": "python"}
    return checked(row, name, tests)


def script_tests(row: Row, name: str, source: str) -> Tests:
    """Tests by a Python script of asserts, or of test functions."""
    return checked(row, name, {"kind": "harness", "source": source, "language": "python"})


def checked(row: Row, name: str, tests: Tests) -> Tests:
    """`tests`, which the sandbox takes; raises RowError where it does not."""
    try:
        parse_tests({key: value for key, value in tests.items() if key != "language"})
    except RequestError as error:
        raise RowError(f"{row.where}: column {name!r}: {error}; mend or remove the row") from error
    return tests


def unwrapped(outputs: Sequence[Any]) -> Sequence[Any]:
    """Returned values out of the lists of one that APPS puts around every one of them."""
    if all(isinstance(one, list) and len(one) == 1 for one in outputs):
        return [one[0] for one in outputs]
    return outputs


def _lines(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(map(_lines, value))
    return value if isinstance(value, str) else json.dumps(value)


def _arguments(row: Row, name: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        return [_value(row, name, line) for line in value.split("\n") if line.strip()]
    return list(value) if isinstance(value, list | tuple) else [value]


def _returned(row: Row, name: str, given: Any, value: Any) -> Any:
    """Where arguments are JSON text, so is what is returned."""
    is_text = isinstance(given, str) and isinstance(value, str)
    return _value(row, name, value) if is_text else value


def _value(row: Row, name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise RowError(
            f"{row.where}: column {name!r}: {shown!r} is no JSON value; mend or remove the row"
        ) from error


def typed_cases(row: Row, name: str, cases: Sequence[Any]) -> Tests:
    """Tests of `[{"input", "output", "type" or "testtype", "fn_name"?}]`, all of one type."""
    held = [mapping(row, name, one) for one in cases]
    kinds = {str(one.get("type") or one.get("testtype") or "stdin") for one in held}
    if len(kinds) != 1:
        raise RowError(
            f"{row.where}: column {name!r} has tests of the types {', '.join(sorted(kinds))}, and "
            "one row's have to be of one; mend or remove the row"
        )
    inputs, outputs = [one.get("input") for one in held], [one.get("output") for one in held]
    kind = kinds.pop()
    if kind in ("stdin", "stdin_stdout"):
        return stdio_tests(row, name, inputs, outputs)
    if kind not in ("functional", "function_call"):
        raise RowError(
            f"{row.where}: column {name!r} has tests of type {kind!r}; there are stdin_stdout and "
            "function_call"
        )
    entries = {str(one.get("fn_name") or "") for one in held}
    if len(entries) != 1 or not min(entries):
        raise RowError(
            f"{row.where}: column {name!r} does not name one function to call; mend the row"
        )
    return call_tests(row, name, entries.pop(), inputs, outputs)
