"""Evaluations for tests: sets in public formats, and an endpoint that answers them by a script."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.evaluate.evaluate import evaluate
from launch.evaluate.options import Options
from launch.evaluate.work import Work
from tests.data import format_rows

Body = dict[str, Any]

ROWS: dict[str, list[dict[str, Any]]] = {
    "math500": [
        format_rows.MATH_500,
        {**format_rows.MATH_500, "problem": "What is one third of $9$?", "answer": "3"},
    ],
    "aime": [{"id": 60, "problem": "How many primes are below 10?", "answer": "004"}],
    "gsm8k": [format_rows.GSM8K],
    "humaneval": [format_rows.HUMANEVAL],
    "mbpp": [format_rows.MBPP],
    "livecodebench": [format_rows.LIVECODEBENCH],
    "bfcl": [{**format_rows.BFCL, "ground_truth": format_rows.BFCL_ANSWER["ground_truth"]}],
    "ifeval": [format_rows.IFEVAL],
    "judged": [{"prompt": "Write a line about rain.", "task": "text"}],
}
"""Rows by set, in the format of the public set of the name."""

GOLD: dict[str, Any] = {
    "half of": r"It is \boxed{3/2}.",
    "one third of": r"\boxed{3}",
    "primes are below": r"They are four: \boxed{4}",
    "crates": r"\boxed{42}",
    "triple": "```python\ndef triple(x):\n    return 3 * x\n```",
    "larger of two": "```python\ndef larger(a, b):\n    return max(a, b)\n```",
    "sum of two": "```python\nprint(sum(map(int, input().split())))\n```",
    "weather in": {
        "content": "",
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"place": "Torino"}'},
            }
        ],
    },
    "riddle": "What has keys but opens nothing? A piano.",
    "about rain": "It rains.",
}
"""A right answer by words of the question."""


def gold(body: Body) -> Any:
    """The right answer to a request."""
    asked = body["messages"][-1]["content"]
    return next(answer for words, answer in GOLD.items() if words in asked)


def wrong(body: Body) -> Any:
    """An answer that no verifier takes."""
    return "I, for one, do not know"


def write_set(folder: Path, name: str, rows: Sequence[Mapping[str, Any]] | None = None) -> str:
    """A set's file, as an option has it."""
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows or ROWS[name]))
    return f"{name}={path}"


def quick(folder: Path) -> str:
    """A verifier that likes 42 and needs no process of its own, as an option has it."""
    path = folder / "quick.py"
    path.write_text(
        "from rewards import Sample, Verdict\n\n\n"
        "async def quick(sample: Sample) -> Verdict:\n"
        "    return Verdict.correct() if '42' in sample.response else Verdict.incorrect()\n"
    )
    return f"{path}:quick"


def evaluated(**options: Any) -> tuple[Work, dict[str, Any]]:
    """Evaluate; gives what was done and the results."""
    patient = {"overrides": ["reward.deadline=120"], **options}  # the machine may be busy
    return evaluate(Options(**patient), lambda line: None)


def tenths(right: int) -> Callable[[Body], str]:
    """Answers of which `right` of ten are 42, by the request's seed."""

    def answer(body: Body) -> str:
        return r"\boxed{42}" if body["seed"] % 10 < right else r"\boxed{41}"

    return answer
