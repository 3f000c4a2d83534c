"""Replies that are made to be hard to read: bounded, and read where they hold nobody up."""

import json
import time
from typing import Any

import pytest

from sandbox import BoxSettings, Program, Sandbox, Status
from sandbox.agent import plain
from sandbox.expected import Near, Related, SameValue
from sandbox.reader import ON_THE_SPOT, Reader
from sandbox.reading import Output, Returned
from tests.sandbox.conftest import require

PRIME = 2**61 - 1  # hash(n * PRIME) == 0
MANY = 120_000
COLLIDING = [PRIME * n for n in range(MANY)]
HOSTILE: dict[str, Any] = {
    "a set whose members collide": {"s": COLLIDING},
    "a frozenset in a list": [{"z": COLLIDING}],
    "keys that collide": {"d": [[n, 0] for n in COLLIDING]},
    "tuples that collide": {"s": [{"t": [n]} for n in COLLIDING[: MANY // 2]]},
    "a number of millions of digits": {"i": "f" * 2_000_000},
    "decimals of many digits": [10**4200] * 300,
    "more values than anybody returns": [[]] * 300_000,
    "bytes for text": {"b": "00" * 1_900_000},
    "a tag of nobody's": [{"q": 1}] * 9_000,
}
DEEP = '{"value": ' + "[" * 2_000_000 + "]" * 2_000_000 + "}\n"


@pytest.mark.parametrize("name", [*HOSTILE, "deep"])
async def test_a_hostile_reply_is_wrong_and_costs_its_owner_little(name: str) -> None:
    text = DEEP if name == "deep" else json.dumps({"value": HOSTILE[name]}) + "\n"
    assert len(text) > ON_THE_SPOT
    reader = Reader()
    began = time.process_time()
    try:
        for holds in (Related("==", {1}), SameValue([1], 0.0), Near(1.0, 1e-6, False)):
            ((status, reason, whole),) = await reader.read(Returned("python", [holds], text, True))
            assert (status, whole) == (Status.WRONG_ANSWER, False)
            assert len(reason) < 200
    finally:
        await reader.aclose()
    assert time.process_time() - began < 3  # in this process; the first took over 20 s


@pytest.mark.parametrize("tag", ["s", "z", "d"])
@pytest.mark.parametrize(
    "keys",
    [
        COLLIDING[:400],
        [{"t": [n, "x"]} for n in COLLIDING[:400]],
        [{"z": [n]} for n in COLLIDING[:400]],
        [-PRIME * n for n in range(400)],
    ],
)
def test_no_table_of_colliding_keys_is_built(tag: str, keys: list[Any]) -> None:
    inside = [[key, 0] for key in keys] if tag == "d" else keys
    with pytest.raises(plain.NotPlainError, match="collide"):
        plain.decode([{"t": [{tag: inside}]}])


@pytest.mark.parametrize(
    "value",
    [
        set(range(100_000)),
        {float(n): n for n in range(50_000)},
        {(n, -n): str(n) for n in range(30_000)},
        {n * 2**32 for n in range(20_000)},
        frozenset(n / 7 for n in range(50_000)),
        {-1, -2, 0, 0.5, PRIME, 2 * PRIME},
        [10**5000, {"a": [True, None, b"x", 1j]}],
    ],
)
async def test_honest_values_of_any_size_are_read(value: object) -> None:
    text = json.dumps({"value": plain.encode(value)}) + "\n"
    reader = Reader()
    try:
        (verdict,) = await reader.read(Returned("python", [Related("==", value)], text, True))
    finally:
        await reader.aclose()
    assert tuple(verdict) == (Status.PASSED, "", False)


async def test_a_reader_that_is_killed_or_runs_out_of_time_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = Reader()
    long = Output("1 " * ON_THE_SPOT, "1 " * ON_THE_SPOT, "tokens", 0.0)
    try:
        assert await reader.read(long) is None
        (process,) = reader._idle
        process.kill()
        assert await reader.read(long) is None
    finally:
        await reader.aclose()
    assert process.returncode is not None


async def test_what_a_program_writes_itself_is_read_no_better() -> None:
    """The descriptor is the program's: it may write any line there."""
    await require("bubblewrap")
    tests = {"kind": "calls", "entry_point": "f", "cases": [{"args": [], "returns": 1}]}
    line = f"b'{{\"value\": {{\"s\": [' + b','.join(b'%d' % ({PRIME} * n) for n in range({MANY}))"
    source = (
        "import os\ndef f():\n"
        f"    line = {line} + b']}}}}\\n'\n"
        "    while line: line = line[os.write(3, line):]\n    os._exit(0)\n"
    )
    async with Sandbox.open("bubblewrap", settings=BoxSettings(slots=1)) as box:
        began = time.process_time()
        judgement = await box.judge(Program(source=source), tests)
        assert judgement.status is Status.WRONG_ANSWER
        assert "cannot be read" in judgement.reason
        assert time.process_time() - began < 3
