"""Of BFCL's own conversations, right and changed ones, our verdicts are those of its checker.

BFCL is no dependency of Plumb's: `PLUMB_AGENTS_PYTHON` names a Python that has `bfcl-eval`, as
`make agents` makes one.
"""

import asyncio
import json
import os
import random
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from data.files import read_rows
from data.formats.bfcl_turns import BfclTurns
from data.formats.format import Opening
from rl.environments.simulators import Simulators

NAMED = os.environ.get("PLUMB_AGENTS_PYTHON", "")
PYTHON = str(Path(NAMED).absolute()) if NAMED else ""
CATEGORIES = ("base", "miss_func", "miss_param", "long_context")
EVERY = 25  # rows
Turns = list[list[list[Any]]]


def package() -> Path | None:
    if not PYTHON:
        return None
    look = "import importlib.util as u; s = u.find_spec('bfcl_eval'); print(s.origin if s else '')"
    done = subprocess.run([PYTHON, "-c", look], capture_output=True, check=True, text=True)
    origin = done.stdout.strip()
    return Path(origin).parent if origin else None


def variants(truth: Turns, rng: random.Random) -> Iterator[Turns]:
    """The right calls, and changed ones: some of these are right as well."""
    yield truth
    places = [(turn, call) for turn, calls in enumerate(truth) for call in range(len(calls))]
    turn, call = rng.choice(places)
    for change in range(5):
        made = deepcopy(truth)
        arguments = made[turn][call][1]
        if change == 0:
            del made[turn][call]
        elif change == 1:
            made[turn].reverse()
        elif change == 2:
            made[turn].append(made[turn][call])
        elif change == 3:
            made[rng.choice(places)[0]].append(truth[turn][call])
        elif arguments:
            arguments[rng.choice(list(arguments))] = "something else"
        yield made


def written(turns: Turns) -> list[list[str]]:
    return [
        [f"{name}({', '.join(f'{k}={v!r}' for k, v in given.items())})" for name, given in turn]
        for turn in turns
    ]


@pytest.mark.timeout(900)
async def test_our_verdicts_are_those_of_bfcl() -> None:
    if (theirs := await asyncio.to_thread(package)) is None:
        pytest.skip("PLUMB_AGENTS_PYTHON names no Python that has bfcl_eval")
    asked, ours, right = [], [], []
    rng = random.Random(0)
    code = theirs / "eval_checker" / "multi_turn_eval" / "func_source_code"
    simulators = Simulators(str(code), 300.0, 2048, 1)
    for category in CATEGORIES:
        path = theirs / "data" / f"BFCL_v4_multi_turn_{category}.json"
        rows = list(read_rows(path))
        format = BfclTurns().settled(Opening(rows[0], path))
        made = [next(format.records(row)) for row in rows]
        assert len(made) == len(rows)
        for row, record in list(zip(rows, made, strict=True))[::EVERY]:
            reference: Any = record.reference
            scene = {k: reference[k] for k in ("classes", "initial_config", "long_context")}
            truth = [[[c["name"], c["arguments"]] for c in turn] for turn in reference["turns"]]
            for number, turns in enumerate(variants(truth, rng)):
                answer = await simulators.ask({"scene": scene, "turns": turns, "truth": truth})
                ours.append(answer["valid"])
                right += [answer["valid"]] if number == 0 else []
                asked.append(
                    {"entry": dict(row.columns), "turns": written(turns), "truth": written(truth),
                     "category": f"multi_turn_{category}"}
                )  # fmt: skip
    await simulators.aclose()
    program = str(Path(__file__).parent / "bfcl_process.py")
    done = await asyncio.to_thread(
        subprocess.run,
        [PYTHON, program],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(right) and len(right) == len(CATEGORIES) * 8
    assert 0.2 < sum(ours) / len(ours) < 0.9, "of both kinds"
    assert ours == json.loads(done.stdout)
