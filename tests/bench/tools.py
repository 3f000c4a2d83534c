"""`python -m tests.bench.tools`: how many answers a second are matched, on one core.

Guarantees: the cases are made here from a seed, in the proportions of BFCL (one call, one of
several tools, parallel calls); half are wrong; every verdict is checked; nothing is cached between
cases but what the package itself caches.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from rewards.tools import ToolCall, match_calls, parse_calls

ROUNDS = 5
CASES = 2000
WORDS = ("Paris", "New York", "metric", "2024-04-01", "high", "drama", "San Francisco, CA")


@dataclass(frozen=True, slots=True)
class Case:
    """An answer as calls and as text, and what it is compared with."""

    calls: Sequence[ToolCall]
    text: str
    tools: Sequence[Any]
    allowed: Sequence[Any]
    exact: Sequence[Any]
    is_right: bool


def _argument(draw: random.Random) -> tuple[dict[str, Any], Any]:
    """The schema of a parameter, and its value."""
    match draw.randrange(6):
        case 0 | 1:
            return {"type": "string"}, draw.choice(WORDS)
        case 2:
            return {"type": "integer"}, draw.randrange(1000)
        case 3:
            return {"type": "float"}, draw.randrange(1000) / 8
        case 4:
            return {"type": "boolean"}, draw.random() < 0.5
    return {"type": "array", "items": {"type": "string"}}, draw.sample(WORDS, 2)


def _tool(draw: random.Random, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A declaration, and the arguments of a call of it."""
    drawn = {f"parameter_{i}": _argument(draw) for i in range(draw.randrange(2, 5))}
    properties = {name: schema for name, (schema, _) in drawn.items()}
    parameters = {"type": "dict", "properties": properties, "required": list(drawn)[:2]}
    arguments = {name: value for name, (_, value) in drawn.items()}
    return {"name": f"module.function_{number}", "parameters": parameters}, arguments


def case(draw: random.Random, is_right: bool) -> Case:
    """One call, one call with four tools, or three calls."""
    count, offered = draw.choice(((1, 1), (1, 4), (3, 3)))
    drawn = [_tool(draw, number) for number in range(offered)]
    used = drawn[:count]
    exact = [{"name": tool["name"], "arguments": arguments} for tool, arguments in used]
    allowed = [
        {tool["name"]: {name: [value, "another"] for name, value in arguments.items()}}
        for tool, arguments in used
    ]
    calls = [ToolCall(tool["name"], dict(arguments)) for tool, arguments in used]
    if not is_right:
        calls[-1] = ToolCall(calls[-1].name, {**calls[-1].arguments, "parameter_1": "wrong"})
    draw.shuffle(calls)
    text = "\n".join(
        f"<tool_call>\n{json.dumps({'name': c.name, 'arguments': c.arguments})}\n</tool_call>"
        for c in calls
    )
    return Case(calls, text, [tool for tool, _ in drawn], allowed, exact, is_right)


def accept(one: Case) -> bool:
    """Mode accept, the calls given."""
    return bool(match_calls(one.calls, one.allowed, mode="accept", tools=one.tools))


def exact(one: Case) -> bool:
    """Mode exact, the calls given."""
    return bool(match_calls(one.calls, one.exact))


def parse_and_accept(one: Case) -> bool:
    """Mode accept, with the parsing of a Hermes answer."""
    calls = parse_calls(one.text, tools=one.tools).calls
    return bool(match_calls(calls, one.allowed, mode="accept", tools=one.tools))


def measure(grade: Callable[[Case], bool], cases: Sequence[Case]) -> float:
    """Cases a second of this process's CPU time; every verdict is checked."""
    started = time.process_time()
    verdicts = [grade(one) for one in cases]
    seconds = time.process_time() - started
    wrong = sum(verdict != one.is_right for verdict, one in zip(verdicts, cases, strict=True))
    if wrong:
        raise SystemExit(f"{wrong} of {len(cases)} verdicts are wrong")
    return len(cases) / seconds


def main() -> int:
    """Run the benchmark; returns the exit code."""
    table = Table(title=f"Answers matched a second, one core ({ROUNDS} rounds of {CASES:,})")
    for column in ("what", "min", "median", "max"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for grade in (accept, exact, parse_and_accept):
        draws = [random.Random(turn) for turn in range(ROUNDS + 1)]
        rounds = [[case(draw, bool(i % 2)) for i in range(CASES)] for draw in draws]
        rates = [measure(grade, cases) for cases in rounds][1:]  # the first one warms up
        numbers = min(rates), statistics.median(rates), max(rates)
        table.add_row(grade.__name__.replace("_", " "), *(f"{rate:,.0f}" for rate in numbers))
    Console(soft_wrap=True, highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
