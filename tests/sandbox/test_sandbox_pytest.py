"""Test files as data sets have them: what runs, what counts, and what a program keeps from running.

Each case is a test with a right and a wrong program; the wrong one says what the test would miss if
it did not run.
"""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from sandbox import Limits, Program, Sandbox, Status
from sandbox.harness import why_unusable
from sandbox.types import HarnessTests
from tests.sandbox.conftest import judged

pytestmark = pytest.mark.asyncio(loop_scope="session")

RIGHT = "def f(x): return 2 * x\n"
WRONG = "def f(x): return 0\n"
IMPORT = "from solution import f\n"


class Case(NamedTuple):
    """A test, and programs that it tells apart."""

    test: str
    right: str = RIGHT
    wrong: str = WRONG


MODULE_LEVEL: Mapping[str, Case] = {
    "imported": Case(IMPORT + "def test_a():\n    assert f(1) == 2\n"),
    "renamed": Case("candidate = f\ndef test_a():\n    assert candidate(1) == 2\n"),
    "called": Case("BASE = f(0)\ndef test_a():\n    assert f(1) == BASE + 2\n"),
    "in a table": Case(
        "CASES = [(f, 1, 2), (f, 3, 6)]\ndef test_a():\n    for g, a, b in CASES:\n"
        "        assert g(a) == b\n"
    ),
    "as a module": Case(
        "import solution as s\nclass TestIt:\n    def test_a(self):\n        assert s.f(1) == 2\n"
    ),
    "star": Case("from solution import *\ndef test_a():\n    assert f(1) == 2\n"),
    "unittest": Case(
        IMPORT + "import unittest\nclass T(unittest.TestCase):\n    @classmethod\n"
        "    def setUpClass(cls): cls.y = 4\n    def setUp(self): self.x = 3\n"
        "    def test_a(self):\n        self.assertEqual(f(self.x), 6)\n"
        "        for i in range(3):\n            with self.subTest(i=i):\n"
        "                self.assertEqual(f(self.y + i), 8 + 2 * i)\n"
    ),
    "unittest.main": Case(
        IMPORT + "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        self.assertEqual(f(3), 6)\nif __name__ == '__main__':\n    unittest.main()\n"
    ),
    "a runner whose result nobody reads": Case(
        IMPORT + "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        self.assertEqual(f(3), 6)\nunittest.TextTestRunner().run("
        "unittest.defaultTestLoader.loadTestsFromTestCase(T))\n"
    ),
    "a base class of cases": Case(
        IMPORT + "from unittest import TestCase\nclass Base(TestCase):\n"
        "    def go(self, x): self.assertEqual(f(x), 2 * x)\n"
        "class T(Base):\n    def test_a(self): self.go(3)\n"
    ),
    "swallowed": Case(
        IMPORT + "def test_a():\n    assert f(1) == 2\ntry:\n    test_a()\n"
        "except AssertionError:\n    print('failed')\n"
    ),
    "called under the guard": Case(
        IMPORT + "def test_a():\n    assert f(1) == 2\nif __name__ == '__main__':\n    test_a()\n"
    ),
    "a helper named like a test": Case("def test(g, x, y):\n    assert g(x) == y\ntest(f, 1, 2)\n"),
    "an exit code": Case("import sys\nsys.exit(0 if f(1) == 2 else 1)\n"),
}
PYTEST: Mapping[str, Case] = {
    "class": Case(
        IMPORT + "class TestF:\n    def setup_method(self):\n        self.x = 3\n"
        "    def test_a(self):\n        assert f(self.x) == 6\n"
    ),
    "parametrize": Case(
        IMPORT + "import pytest\n@pytest.mark.parametrize('a', [1, 2], ids=['x', 'y'])\n"
        "@pytest.mark.parametrize('b', [pytest.param(1, id='q'), 2])\n"
        "def test_a(a, b):\n    assert f(a + b) == 2 * (a + b)\n"
        "@pytest.mark.parametrize('c', [5])\nclass TestC:\n    def test_c(self, c):\n"
        "        assert f(c) == 10\n"
    ),
    "fixtures": Case(
        IMPORT + "import pytest\n@pytest.fixture\ndef data():\n    yield [1, 2]\n"
        "@pytest.fixture(params=[3, 4])\ndef p(request): return request.param\n"
        "@pytest.fixture(autouse=True)\ndef more():\n    global X\n    X = f(2)\n"
        "def test_a(data, p):\n    assert [f(x) for x in data] == [2, 4]\n"
        "    assert f(p) == 2 * p and X == 4\n"
    ),
    "raises and approx": Case(
        IMPORT + "import pytest\ndef test_a():\n    with pytest.raises(ValueError, match='neg'):\n"
        "        f(-1)\n    assert f(1) == pytest.approx(0.333333333)\n",
        "def f(x):\n    if x < 0: raise ValueError('negative')\n    return x / 3\n",
        "def f(x): return x / 3\n",
    ),
    "skips": Case(
        IMPORT + "import pytest, unittest\n@pytest.mark.skip\ndef test_b(): assert f(1) == 7\n"
        "@pytest.mark.skipif(False, reason='')\ndef test_a(): assert f(1) == 2\n"
        "@pytest.mark.xfail\ndef test_c(): assert f(1) == 9\n"
        "class T(unittest.TestCase):\n    @unittest.skip('x')\n    def test_d(self): 1 / 0\n"
        "    @unittest.expectedFailure\n    def test_e(self): self.assertEqual(f(1), 9)\n"
    ),
    "async": Case(
        IMPORT + "import pytest\n@pytest.mark.asyncio\nasync def test_a():\n"
        "    assert await f(1) == 2\n",
        "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return 2 * x\n",
        "async def f(x): return 0\n",
    ),
    "pytest.main": Case(
        IMPORT + "import pytest, sys\ndef test_a():\n    assert f(1) == 2\n"
        "if __name__ == '__main__':\n    sys.exit(pytest.main([__file__]))\n"
    ),
    "tmp_path": Case(
        IMPORT + "def test_a(tmp_path, monkeypatch):\n    p = tmp_path / 'a.txt'\n"
        "    p.write_text('hi')\n    monkeypatch.chdir(tmp_path)\n    assert f(p) == 'HI'\n"
        "    assert (tmp_path / 'b.txt').read_text() == 'HI'\n",
        "def f(p):\n    text = open(p).read().upper()\n    open('b.txt', 'w').write(text)\n"
        "    return text\n",
        "def f(p): return open(p).read().upper()\n",
    ),
    "capsys": Case(
        IMPORT + "def test_a(capsys):\n    f('Bob')\n"
        "    assert capsys.readouterr().out == 'Hello Bob\\n'\n",
        "def f(n): print('Hello', n)\n",
        "def f(n): print('Hi', n)\n",
    ),
    "monkeypatch": Case(
        "import io, solution\ndef test_a(monkeypatch):\n"
        "    monkeypatch.setattr('builtins.input', lambda _='': '20')\n"
        "    monkeypatch.setattr('sys.stdin', io.StringIO('1\\n'))\n"
        "    monkeypatch.setenv('KEY', '300')\n    monkeypatch.setattr('sys.argv', ['p', '4000'])\n"
        "    monkeypatch.setattr(solution, 'LIMIT', 50000)\n"
        "    monkeypatch.setattr(solution, 'helper', lambda: 600000)\n"
        "    assert solution.f() == 654321\n",
        "import os, sys\nLIMIT = 0\ndef helper(): return 0\n"
        "def f(): return int(input('n? ')) + int(sys.stdin.readline()) + int(os.environ['KEY'])"
        " + int(sys.argv[1]) + LIMIT + helper()\n",
        "def f(): return 0\n",
    ),
    "patches of the standard library": Case(
        "from unittest.mock import mock_open, patch\nimport random\nimport time as t\n"
        "from solution import f\n@patch('builtins.open', mock_open(read_data='hey'))\n"
        "@patch('random.randint', return_value=4)\ndef test_a(randint, monkeypatch):\n"
        "    monkeypatch.setattr(random, 'choice', lambda x: x[-1])\n"
        "    with patch.object(t, 'sleep') as sleep, patch('os.path.exists', return_value=True):\n"
        "        assert f('x') == (4, 3, 'hey', True)\n    sleep.assert_called_once_with(1000)\n"
        "    monkeypatch.undo()\n",
        "import os, random, time\ndef f(p):\n    time.sleep(1000)\n    with open(p) as h:\n"
        "        text = h.read()\n    return random.randint(1, 6), random.choice([1, 2, 3]), text, "
        "os.path.exists('/nowhere')\n",
        "def f(p): return 4, 3, 'hey', True\n",
    ),
    "logs and warnings": Case(
        IMPORT + "import pytest\ndef test_a(caplog):\n    with pytest.warns(DeprecationWarning):\n"
        "        f(1)\n    assert 'one 1' in caplog.text\n",
        "import logging, warnings\ndef f(x):\n    logging.getLogger('a').error('one %s', x)\n"
        "    warnings.warn('old', DeprecationWarning)\n",
        "import warnings\ndef f(x): warnings.warn('old', DeprecationWarning)\n",
    ),
    "mock.patch": Case(
        "from unittest.mock import Mock, patch\nimport solution\n"
        "@patch('solution.helper', return_value=10)\ndef test_a(helper):\n"
        "    call = Mock(return_value=5)\n    assert solution.f(call) == 15\n"
        "    helper.assert_called_once()\n    call.assert_called_once_with(3)\n",
        "def helper(): return 2\ndef f(g): return helper() + g(3)\n",
        "def helper(): return 2\ndef f(g): return 15\n",
    ),
}


@pytest.mark.parametrize("cases", [MODULE_LEVEL, PYTEST], ids=["plain", "pytest"])
async def test_a_test_file_tells_right_from_wrong(box: Sandbox, cases: Mapping[str, Case]) -> None:
    right = await judged(box, {name: (case.right, case.test) for name, case in cases.items()})
    assert {name: how for name, how in right.items() if how != "passed"} == {}
    wrong = await judged(box, {name: (case.wrong, case.test) for name, case in cases.items()})
    assert {name: how for name, how in wrong.items() if not how.startswith("failed")} == {}


NOTHING = {
    "an import": IMPORT,
    "a function that nobody calls": IMPORT + "def verify():\n    assert f(1) == 2\n",
    "names alone": "candidate = f\nBASE = 1\n",
    "what is printed": "print('right' if f(1) == 2 else 'wrong')\n",
    "skipped": IMPORT + "import pytest\n@pytest.mark.skip(reason='x')\ndef test_a(): f(1)\n",
    "a skipped module": IMPORT + "import pytest\npytestmark = pytest.mark.skip\n"
    "def test_a():\n    assert f(1) == 2\n",
    "a skipped case": IMPORT + "import unittest\n@unittest.skip('x')\n"
    "class T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(1), 2)\n",
    "one that is to fail": IMPORT + "import pytest\n@pytest.mark.xfail\n"
    "def test_a():\n    assert f(1) == 2\n",
    "a class with a constructor": IMPORT + "class TestA:\n    def __init__(self): pass\n"
    "    def test_a(self): assert f(1) == 2\n",
    "nothing of the program": "def test_a():\n    assert 1 + 1 == 2\n",
    "no Python": "def test_a(:\n",
    "a fixture that is none": IMPORT + "def test_a(mocker):\n    assert f(1) == 2\n",
}
KEPT = {
    "exit": "import sys\nsys.exit(0)\n",
    "hard exit": "import os\nos._exit(0)\n",
    "import": "import nothing_like_it\n",
    "syntax": "def f(\n",
    "no such name": "g = 1\n",
    "error": "raise KeyError('f')\n",
    "skip": "import unittest\nraise unittest.SkipTest('x')\n",
}


async def test_nothing_to_run_is_known_before_there_is_an_answer() -> None:
    found = {name: why_unusable(HarnessTests(source=source)) for name, source in NOTHING.items()}
    assert {name for name, why in found.items() if not why} == set()


async def test_what_can_fail_is_something_to_run() -> None:
    cases = {**MODULE_LEVEL, **PYTEST}
    found = {name: why_unusable(HarnessTests(source=case.test)) for name, case in cases.items()}
    assert {name: why for name, why in found.items() if why} == {}


async def test_nothing_to_run_is_no_test_whatever_the_program(box: Sandbox) -> None:
    programs = {"right": RIGHT, "wrong": WRONG, **KEPT}
    pairs = {
        f"{test}, {program}": (source, NOTHING[test])
        for test in NOTHING
        for program, source in programs.items()
    }
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if not how.startswith("no test")} == {}


async def test_what_a_program_keeps_from_running_is_its_failure(box: Sandbox) -> None:
    by_pytest = PYTEST["class"].test
    pairs = {
        f"{kind}, {name}": (source, test)
        for kind, test in {"plain": MODULE_LEVEL["imported"].test, "pytest": by_pytest}.items()
        for name, source in KEPT.items()
    }
    found = await judged(box, pairs)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}


async def test_a_program_that_hangs_is_late(box: Sandbox) -> None:
    judgement = await box.judge(
        Program(source="while True: pass"),
        HarnessTests(source=MODULE_LEVEL["imported"].test),
        limits=Limits(wall_seconds=60.0, cpu_seconds=1.0),
    )
    assert judgement.status in (Status.TIME_LIMIT, Status.RUNTIME_ERROR), judgement


TESTS = {
    "plain": IMPORT + "def test_a():\n    assert f(1) == 2\ndef test_b():\n    assert f(2) == 4\n",
    "pytest": IMPORT + "import pytest\n@pytest.mark.parametrize('a', [1, 2])\ndef test_a(a):\n"
    "    assert f(a) == 2 * a\n",
    "unittest": IMPORT + "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
    "        self.assertEqual([f(1), f(2)], [2, 4])\n",
}
LIAR = (
    "import gc\ndef find(name):\n"
    "    return [o for o in gc.get_objects() if type(o).__name__ == name]\n"
)
HACKS = {
    "skips": "import unittest\ndef f(x): raise unittest.SkipTest('x')\n",
    "calls itself pytest's skip": "class Skipped(BaseException): pass\n"
    "Skipped.__module__ = '_pytest.outcomes'\ndef f(x): raise Skipped('x')\n",
    "exits in a call": "import os\ndef f(x): os._exit(0)\n",
    "raises an exit in a call": "import sys\ndef f(x): sys.exit(0)\n",
    "interrupts": "def f(x): raise KeyboardInterrupt\n",
    "patches unittest and pytest": "import builtins, sys, unittest\n"
    "unittest.TestCase.assertEqual = lambda *a: None\nunittest.TestCase.run = lambda *a: None\n"
    "builtins.AssertionError = Exception\nsys.modules['pytest'] = object()\ndef f(x): return 0\n",
    "writes a conftest": "import itertools\n"
    "for d, n in itertools.product(('/tmp', '/dev/shm', '.', '/app'), ('conftest.py',\n"
    "        'pytest.py', 'test_solution.py', 'pytest.ini', 'sitecustomize.py')):\n"
    "    try: open(f'{d}/{n}', 'w').write('import os\\nos._exit(0)\\n')\n"
    "    except OSError: pass\ndef f(x): return 0\n",
    "defines tests": "def test_a(): pass\ndef test_b(): pass\nclass TestX:\n"
    "    def test_z(self): pass\ndef f(x): return 0\n",
    "ends at exit": "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(x): return 0\n",
    "ends by a thread": "import os, threading, time\nthreading.Thread(target=lambda: (\n"
    "    time.sleep(0.05), os._exit(0)), daemon=True).start()\ndef f(x): return 0\n",
    "is a way out": "import os\nf = os._exit\n",
    "is a skip": "import unittest\nf = unittest.skip\n",
    "is a builtin class": "f = type\n",
    "asks for more than it was given": LIAR + "def f(x):\n    for o in find('Server'):\n"
    "        for r in ({'do': 'attribute', 'target': 0, 'name': '__globals__'},\n"
    "                  {'do': 'special', 'target': 0, 'name': '__setattr__', 'args': ['a', 1]},\n"
    "                  {'do': 'stdin', 'name': '__class__', 'args': []},\n"
    "                  {'do': 'call', 'target': -1, 'args': [], 'kwargs': {}}):\n"
    "            try: o._want(r)\n            except Exception: pass\n    return 0\n",
    "says that it is os._exit": LIAR + "def f(x):\n    for o in find('Objects'):\n"
    "        o.encode = lambda v: {'o': {'ref': ['os', '_exit']}}\n    return 0\n",
    "says that it skipped": LIAR + "def f(x):\n    for o in find('Server'):\n"
    "        o._described = lambda e: {'n': 99, 'ref': ['unittest.case', 'SkipTest'],\n"
    "            'args': ['x'], 'kind': 'SkipTest', 'text': 'x'}\n    raise ValueError\n",
    "says that the test raised": LIAR + "def f(x):\n    for o in find('Server'):\n"
    "        o._described = lambda e: {'original': 0}\n    raise ValueError\n",
    "describes nonsense": LIAR + "def f(x):\n    for o in find('Objects'):\n"
    "        o._news = {7: {'name': 'X', 'bases': ['int', 7, ['builtins', 'exec'], 'list'],\n"
    "            'told': ['__eq__', '__hash__'], 'is_listed': True, 'says': True}}\n"
    "        o.encode = lambda v: {'o': {'n': 5, 't': 7, 'v': 0}}\n    return 0\n",
}


async def test_no_hack_passes_a_test_file(box: Sandbox) -> None:
    pairs = {
        f"{kind}, {name}": (source, test)
        for kind, test in TESTS.items()
        for name, source in HACKS.items()
    }
    found = await judged(box, pairs | {f"{kind}, right": (RIGHT, t) for kind, t in TESTS.items()})
    right = {name: how for name, how in found.items() if name.endswith("right")}
    assert set(right.values()) == {"passed"}, right
    others = {name: how for name, how in found.items() if name not in right}
    assert {name: how for name, how in others.items() if not how.startswith("failed")} == {}
