"""Which list is which: what a call does to containers, however deep, and what it gives back."""

from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.agent.places import Given, Places, put
from sandbox.agent.plain import NotPlainError, decode, encode
from tests.sandbox.conftest import judged

# A test of one call, a program that is right by it, and one that is wrong.
CASES = (
    (
        "inner = [0]; d = {'a': inner}; f(d); assert inner == [0, 1] and d['a'] is inner",
        "def f(d): d['a'].append(1)",
        "def f(d): d['a'] = d['a'] + [1]",
    ),
    (
        "a, b = [1, 2], [3, 4]; g = [a, b]; f(g); assert a == [2, 1] and b == [4, 3]",
        "def f(g): [row.reverse() for row in g]",
        "def f(g): g[:] = [row[::-1] for row in g]",
    ),
    (
        "a, b = [1], [2]; g = [a, b]; f(g); assert g == [[2], [1]] and g[1] is a and a == [1]",
        "def f(g): g[0], g[1] = g[1], g[0]",
        "def f(g): g[0][:], g[1][:] = list(g[1]), list(g[0])",
    ),
    (
        "d = {'a': [0]}; r = f(d); assert r == d and r is not d and r['a'] is d['a']",
        "def f(d): return dict(d)",
        "import copy\ndef f(d): return copy.deepcopy(d)",
    ),
    (
        "rows = [[1], [2]]; r = f(rows); r[0].append(5); assert rows == [[1], [2]]",
        "import copy\ndef f(rows): return copy.deepcopy(rows)",
        "def f(rows): return rows[:]",
    ),
    (
        "r = f(2); r[0][0] = 1; assert r == [[1, 0], [0, 0]]",
        "def f(n): return [[0] * n for _ in range(n)]",
        "def f(n): return [[0] * n] * n",
    ),
    (
        "x = [1]; pair = [x, x]; f(pair); assert pair == [[1, 2], [1, 2]]",
        "def f(pair): pair[0].append(2)",
        "def f(pair): pair[0] = pair[0] + [2]",
    ),
    (
        "x = [3, 1]; f(values=x, options={'out': x}); assert x == [1, 3]",
        "def f(values, options): options['out'].sort()",
        "def f(values, options): options['out'] = sorted(values)",
    ),
    (
        "from collections import deque, defaultdict\nrow = [1]; q = deque([row]); d ="
        " defaultdict(list, a=row)\nf(q, d)\nassert row == [1, 2, 3] and q[0] is row is d['a']"
        "\nassert list(q) == [[1, 2, 3], 4] and list(d) == ['a', 'b']",
        "def f(q, d):\n    q[0].append(2); q.append(4); d['a'].append(3); d['b']",
        "def f(q, d):\n    q[0] = [1, 2, 3]; q.append(4); d['a'] = q[0]; d['b']",
    ),
    (
        "stack = [1]\ntry:\n    f(stack)\nexcept ValueError:\n    pass\nassert stack == [1]",
        "def f(stack): raise ValueError('no')",
        "def f(stack): stack.append(2); raise ValueError('no')",
    ),
    (
        "ring = f(); assert ring[0] is ring and len(ring) == 1",
        "def f():\n    ring = []; ring.append(ring); return ring",
        "def f(): return [[]]",
    ),
)


@pytest.mark.asyncio(loop_scope="session")
async def test_containers_keep_their_identity_across_a_call(box: Sandbox) -> None:
    pairs = {}
    for number, (test, right, wrong) in enumerate(CASES):
        pairs |= {f"right {number}": (right, test), f"wrong {number}": (wrong, test)}
    for pair, outcome in (await judged(box, pairs)).items():
        assert outcome.startswith("passed" if pair.startswith("right") else "failed: "), (
            pair,
            outcome,
        )


def test_both_sides_number_the_same_containers() -> None:
    row: list[Any] = [1]
    value = {"a": row, "b": (row, {2}, [row]), (1, 2): {"c": row}}
    here, there = Places(), Places()
    read = decode(encode(value, None, here), None, there)
    assert read == value and len(here.values) == len(there.values) == 5
    assert read["a"] is read["b"][0] is read["b"][2][0] is read[1, 2]["c"]
    for number in (-1, 5, 1.0, True, None, "0"):
        with pytest.raises(NotPlainError):
            decode({"a": number}, None, there)
    with pytest.raises(NotPlainError):
        decode({"a": 0})


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1, 2], lambda v: v.append([v])),
        ({"a": 1}, lambda v: v.update(b=2)),
        ({1}, lambda v: v.add(2)),
        (bytearray(b"a"), lambda v: v.extend(b"b")),
        (deque([1]), lambda v: v.appendleft(0)),
        (Counter("a"), lambda v: v.update("ab")),
        (OrderedDict(a=1, b=2), lambda v: v.move_to_end("a")),
        (defaultdict(list), lambda v: v["x"].append(1)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_a_container_holds_after_a_call_is_told_where_it_changed(
    value: Any, change: Any
) -> None:
    given = Given()
    given.places.add(value)
    given.remember()
    assert given.changed() == []
    change(value)
    ((number, held),) = given.changed()
    other = type(value)()
    put(other, held)
    assert number == 0 and list(other) == list(value) and other is not value
    with pytest.raises((TypeError, ValueError)):
        put(other, 5)  # type: ignore[arg-type]
