"""HumanEval, where it is there: every reference passes, and no mutant of one does."""

import asyncio
import json
from pathlib import Path

import pytest

from sandbox import Program, Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")
FILE = Path(__file__).parents[3] / "shared/data/humaneval/python.jsonl"
needs_data = pytest.mark.skipif(not FILE.exists(), reason="HumanEval is not here")

# Whatever a reference returns, its mutant returns something else of the same kind.
MUTATION = """
def _other(value):
    if isinstance(value, bool): return not value
    if isinstance(value, (int, float)): return value + 1
    if isinstance(value, str): return value + "?"
    if isinstance(value, list): return value + [None]
    if isinstance(value, tuple): return value + (None,)
    if isinstance(value, dict): return {{**value, "?": None}}
    return 0 if value is None else None

_right = {name}
def {name}(*args, **kwargs):
    return _other(_right(*args, **kwargs))
"""


def rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in FILE.read_text().splitlines()]


async def judge_all(box: Sandbox, mutation: str) -> list[tuple[str, bool]]:
    found = rows()
    judgements = await asyncio.gather(
        *(
            box.judge(
                Program(
                    source=row["prompt"]
                    + row["canonical_solution"]
                    + mutation.format(name=row["entry_point"])
                ),
                {"kind": "check", "entry_point": row["entry_point"], "source": row["test"]},
            )
            for row in found
        )
    )
    return [(row["task_id"], one.passed) for row, one in zip(found, judgements, strict=True)]


@needs_data
async def test_every_reference_passes(box: Sandbox) -> None:
    results = await judge_all(box, "")
    assert len(results) == 164
    assert [name for name, passed in results if not passed] == []


@needs_data
async def test_no_mutant_passes(box: Sandbox) -> None:
    results = await judge_all(box, MUTATION)
    assert [name for name, passed in results if passed] == []
