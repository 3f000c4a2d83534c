"""What a program takes from the library for its own class or answer is judged as its own would be.

A wrong one is wrong, not unjudged: no answer may choose to be left out. Nor may it by what it asks
of what it was given, by how it writes its answers, or by how large they are.
"""

import pytest

from sandbox import Program, Sandbox
from tests.sandbox.conftest import judged

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLASSES = (
    *("Exception", "ValueError", "property", "slice", "range", "type", "object", "int", "list"),
    *("collections.Counter", "types.SimpleNamespace", "pathlib.Path", "functools.partial"),
    *("unittest.SkipTest", "threading.Thread", "io.StringIO", "asyncio.CancelledError"),
)
TREES = {
    "script": "tree = TreeNode(4)\nassert depth(tree) == 2\n",
    "function": "from solution import *\ndef test_a():\n    assert depth(TreeNode(4)) == 2\n",
}


async def test_a_class_of_the_librarys_is_a_wrong_answer(box: Sandbox) -> None:
    head = "import asyncio, collections, functools, io, pathlib, threading, types, unittest\n"
    pairs = {
        f"{name}, {kind}": (f"{head}TreeNode = {name}\ndef depth(tree): return 0\n", test)
        for name in CLASSES
        for kind, test in TREES.items()
    }
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}


COMPACT = """
import json, sys
first = json.dumps
def compact(value, **_): return first(value, separators=(",", ":"))
for module in list(sys.modules.values()):
    if getattr(module, "dumps", None) is first: module.dumps = compact
"""


async def test_how_a_program_writes_changes_nothing(box: Sandbox) -> None:
    pairs = {
        f"{name}, {kind}": (f"{COMPACT}TreeNode = {name}\ndef depth(tree): return 0\n", test)
        for name in ("BaseException", "property", "memoryview", "int")
        for kind, test in TREES.items()
    }
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}
    right = "class TreeNode:\n    def __init__(self, value): pass\ndef depth(tree): return 2\n"
    pairs = {kind: (COMPACT + right, test) for kind, test in TREES.items()}
    assert set((await judged(box, pairs)).values()) == {"passed"}


FROM = "from solution import f\n"
MOCK = "from unittest.mock import MagicMock\n" + FROM
GIVEN = {  # what a test hands over, how a right program uses it, and what none may have of it
    "a generator": (
        FROM + "assert f(x for x in [1, 2]) == 3\n",
        "sum(it)",
        ("it.gi_frame", "it.gi_code", "it.nothing"),
    ),
    "a mock": (
        MOCK + "assert f(MagicMock(return_value=3)) == 3\n",
        "it()",
        ("it.mock_calls", "it.call_args_list", "it.method_calls"),
    ),
    "a function": (
        FROM + "import threading\nassert f(lambda n: n or threading.Lock()) == 3\n",
        "it(3)",
        ("it(0)", "it.__globals__", "it.__code__"),
    ),
    "an object": (
        FROM + "import threading\nclass A:\n    lock, n = threading.Lock(), 3\n"
        "    def fail(self): raise ValueError(self.lock)\nassert f(A()) == 3\n",
        "it.n",
        ("it.lock", "it.fail()"),
    ),
}
SWALLOWED = "def f(it):\n    try: {}\n    except (AttributeError, TypeError, ValueError): pass\n"


async def test_what_a_program_asks_of_what_it_was_given_is_its_own_affair(box: Sandbox) -> None:
    right, wrong = {}, {}
    for given, (test, use, others) in GIVEN.items():
        right[given] = (f"def f(it): return {use}\n", test)
        for one in others:
            right[one] = (f"{SWALLOWED.format(one)}    return {use}\n", test)
            wrong[one] = (f"def f(it): return {one}\n", test)
    found = await judged(box, right)
    assert {name: how for name, how in found.items() if how != "passed"} == {}
    found = await judged(box, wrong)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}


SECOND = "assert f('') == 'x'\n"
WRITTEN = "for i in (1, 2):\n    open('/tmp/a', 'w').write(f(i))\n" + SECOND
MANY = (
    "for i in (1, 2):\n    for n in range(len(f(i))):\n        open(f'/tmp/{n}', 'w').close()\n"
    + SECOND
)
CAUGHT = (
    "ok = True\ntry:\n    open('/tmp/a', 'w').write(f(1) * (17 << 20))\n    ok = f('') == 'x'\n"
    "except BaseException:\n    pass\nassert ok\n"
)


async def test_what_grows_by_answers_is_the_programs_failure(box: Sandbox) -> None:
    large, many = "def f(x): return 'x' * (17 << 20)\n", "def f(x): return 'x' * 5000\n"
    pairs = {
        "a file": (large, WRITTEN),
        "files": (many, MANY),
        "a file that the test swallows": ("def f(x): return 'x'\n", CAUGHT),
    }
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}
    own = "open('/tmp/a', 'w').write('x' * (17 << 20))\nassert f(1) == 'x'\n"
    assert (await judged(box, {"own": (large, own)}))["own"].startswith("no test")
    right = {name: ("def f(x): return 'x'\n", test) for name, test in [("1", WRITTEN), ("2", MANY)]}
    assert set((await judged(box, right)).values()) == {"passed"}


UNASKED = {
    "expects an error": FROM + "import pytest\ndef test_a():\n"
    "    with pytest.raises(TypeError):\n        f('x')\n",
    "asks only what can be called": FROM + "if callable(f):\n    assert f('x') == 2\n",
    "skips": FROM + "import unittest\nclass T(unittest.TestCase):\n"
    "    @unittest.skipUnless(callable(f), 'none')\n    def test_a(self):\n"
    "        self.assertRaises(TypeError, f, 'x')\n",
}


async def test_what_cannot_be_called_is_a_wrong_answer(box: Sandbox) -> None:
    wrong = "class F: pass\nf = F()\n"
    found = await judged(box, {name: (wrong, test) for name, test in UNASKED.items()})
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}
    never = FROM + "def test_a():\n    assert 1 + 1 == 2\n"
    found = await judged(box, {"never asked": ("def f(x): return 1 + x\n", never)})
    assert found["never asked"].startswith("no test")


ASYNC = "import asyncio\nfrom solution import f\n"
LATER = ASYNC + "async def later(x):\n    await asyncio.sleep(0.001)\n    return x\n"
COROUTINES = {  # a program, what makes it wrong, and a test that hands over what is awaited
    "a function": (
        "import asyncio\nasync def f(g):\n    both = await asyncio.gather(g(2), g(3))\n"
        "    return await g(1) + sum(both)\n",
        ("sum(", "len("),
        LATER + "assert asyncio.run(f(later)) == 6\n",
    ),
    "coroutines": (
        "import asyncio\nasync def f(all):\n"
        "    return [await asyncio.create_task(one) for one in all]\n",
        ("await asyncio.create_task(one)", "1"),
        LATER + "async def main(): assert await f([later(1), later(2)]) == [1, 2]\n"
        "asyncio.run(main())\n",
    ),
    "one that awaits the program": (
        "import asyncio\nasync def f(g, x):\n    await asyncio.sleep(0)\n    return await g(x)\n"
        "async def h(x):\n    await asyncio.sleep(0)\n    return x + 1\n",
        ("x + 1", "x"),
        ASYNC + "from solution import h\nasync def g(x): return await h(x)\n"
        "assert asyncio.run(f(g, 2)) == 3\n",
    ),
    "a mock that raises": (
        "async def f(g):\n    try: await g()\n    except ValueError as e: return str(e)\n",
        ("ValueError", "KeyError"),
        ASYNC + "from unittest.mock import AsyncMock\ng = AsyncMock(side_effect=ValueError('no'))\n"
        "assert asyncio.run(f(g)) == 'no'\ng.assert_awaited_once()\n",
    ),
    "one that takes too long": (
        "import asyncio\nasync def f(g):\n    try: return await asyncio.wait_for(g, 0.05)\n"
        "    except asyncio.TimeoutError: return 'late'\n",
        ("0.05", "None"),
        ASYNC + "seen = []\nasync def slow(n):\n    try: await asyncio.sleep(n)\n"
        "    except asyncio.CancelledError:\n        seen.append(n)\n        raise\n"
        "    return 'early'\nassert asyncio.run(f(slow(1))) == 'late' and seen == [1]\n"
        "assert asyncio.run(f(slow(0))) == 'early'\n",
    ),
    "as many at a time as may be": (
        "import asyncio\nasync def f(all, most):\n    gate = asyncio.Semaphore(most)\n"
        "    async def one(g):\n        async with gate: return await g()\n"
        "    return await asyncio.gather(*map(one, all))\n",
        ("Semaphore(most)", "Semaphore(most + 1)"),
        ASYNC + "now = peak = 0\nasync def g():\n    global now, peak\n    now += 1\n"
        "    peak = max(peak, now)\n    await asyncio.sleep(0.02)\n    now -= 1\n    return 1\n"
        "async def main():\n    assert await f([g] * 10, 3) == [1] * 10 and peak == 3\n"
        "asyncio.run(main())\n",
    ),
    "two that wait for each other": (
        "import asyncio\nasync def f(*all): return await asyncio.gather(*(g() for g in all))\n",
        ("g() for g in all", "g() for g in all[1:]"),
        ASYNC + "async def main():\n    told = asyncio.Event()\n"
        "    async def w(): return await told.wait()\n    async def s(): told.set()\n"
        "    assert await f(w, s) == [True, None]\nasyncio.run(main())\n",
    ),
    "the first that comes": (
        "import asyncio\nasync def f(*all):\n"
        "    done, rest = await asyncio.wait([asyncio.create_task(g) for g in all],\n"
        "                                    return_when=asyncio.FIRST_COMPLETED)\n"
        "    for one in rest: one.cancel()\n    return done.pop().result()\n",
        ("FIRST_COMPLETED)", "ALL_COMPLETED)\n    return len(done)"),
        ASYNC + "async def g(n):\n    await asyncio.sleep(n)\n    return n\n"
        "assert asyncio.run(f(g(3), g(0.01), g(2))) == 0.01\n",
    ),
}
STUCK = (
    """
async def main():
    task = asyncio.create_task(asyncio.sleep(0, 3))
    async def w(): return await task
    assert await f(w) == 3
asyncio.run(main())
""",
    """
async def main():
    told = asyncio.Event()
    async def later():
        await asyncio.sleep(0)
        told.set()
    async def w():
        await told.wait()
        return 3
    task = asyncio.create_task(later())
    assert await f(w) == 3
asyncio.run(main())
""",
)


async def test_a_program_awaits_what_the_test_hands_over(box: Sandbox) -> None:
    right = {name: (source, test) for name, (source, _, test) in COROUTINES.items()}
    found = await judged(box, right)
    assert {name: how for name, how in found.items() if how != "passed"} == {}
    wrong = {
        name: (source.replace(*change), test) for name, (source, change, test) in COROUTINES.items()
    }
    found = await judged(box, wrong)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}


async def test_a_coroutine_that_waits_for_what_stands_still_makes_no_verdict(box: Sandbox) -> None:
    right, unasked = "async def f(g): return await g()\n", "async def f(g): return 4\n"
    found = await judged(box, {test: (right, ASYNC + test) for test in STUCK})
    assert {test: how for test, how in found.items() if not how.startswith("no test")} == {}
    found = await judged(box, {test: (unasked, ASYNC + test) for test in STUCK})
    assert {test: how for test, how in found.items() if not how.startswith("failed")} == {}


ANSWERS = {  # a right answer, what it is called with, and what that gives
    "int": ("'5'", "5"),
    "str": ("5", "'5'"),
    "float": ("'1.5'", "1.5"),
    "bool": ("1", "True"),
    "set": ("[1, 1]", "{1}"),
    "dict": ("[(1, 2)]", "{1: 2}"),
    "tuple": ("[1]", "(1,)"),
    "frozenset": ("[1]", "{1}"),
    "len": ("'abc'", "3"),
    "sorted": ("[2, 1]", "[1, 2]"),
    "str.upper": ("'a'", "'A'"),
    "__import__('math').factorial": ("3", "6"),
    "__import__('functools').partial(int, base=2)": ("'11'", "3"),
}
CHECK = "def check(candidate):\n    for n in range(2):\n        assert candidate({}) == {}\n"


async def test_a_function_or_class_of_the_librarys_may_be_the_answer(box: Sandbox) -> None:
    test = "from solution import f\ndef test_a():\n    assert f({}) == {}\n"
    pairs = {name: (f"f = {name}\n", test.format(*case)) for name, case in ANSWERS.items()}
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if how != "passed"} == {}
    for name, (given, gives) in ANSWERS.items():
        for returned, passes in ((gives, True), (f"[{gives}, 0]", False)):
            tests = {"kind": "check", "entry_point": "f", "source": CHECK.format(given, returned)}
            judgement = await box.judge(Program(source=f"f = {name}\n"), tests)
            assert judgement.passed is passes, (name, judgement)
