"""Ways around a wrong verdict, found by attacking the sandbox; and tests that right ones pass."""

from typing import Any

import pytest

from sandbox import Limits, Program, Sandbox, Status, TestCase, TestsError

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = Limits(wall_seconds=4.0, memory_mb=256)


def calls(value: object) -> dict[str, Any]:
    return {"kind": "calls", "entry_point": "f", "cases": [{"args": [3], "returns": value}]}


def check(*lines: str) -> dict[str, Any]:
    body = "".join(f"    {line}\n" for line in lines)
    return {"kind": "check", "entry_point": "f", "source": f"def check(candidate):\n{body}"}


def script(source: str) -> dict[str, Any]:
    return {"kind": "harness", "source": source}


UNITTEST = (
    "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
    "        self.assertEqual(f(3), 6)\nif __name__ == '__main__':\n    unittest.main({})\n"
)
IMPORTED = "from solution import f\nfor i in range(3):\n    assert f(i) == 2 * i\n"
WRONG = {
    "integer_of_many_digits": ("def f(x): return 10 ** 5000", calls(6)),
    "key_of_many_digits": ("def f(x): return {10 ** 5000: 1}", calls({"a": 1})),
    "lone_surrogate": ("def f(x): return chr(0xd800)", calls("a")),
    "lone_surrogate_raised": ("def f(x): raise ValueError(chr(0xd800))", calls("a")),
    "missing_name_imported": ("x = 1", script(IMPORTED)),
    "syntax_error_by_eval": (
        "def f(x): return '('",
        check("import ast", "for i in range(2):", "    assert ast.literal_eval(candidate(i)) == i"),
    ),
    "deep_result_handed_back": (
        "def f(x):\n    r = []\n    for _ in range(300): r = [r]\n    return r",
        check("x = candidate(1)", "assert candidate(x) == 1"),
    ),
    "unittest": ("def f(x): return 0", script(UNITTEST.format(""))),
    "unittest_without_exit": ("def f(x): return 0", script(UNITTEST.format("exit=False"))),
    "pytest_style": ("def f(x): return 0", script("def test_f():\n    assert f(3) == 6\n")),
    "stop_iteration_in_map": (
        "def f(x): raise StopIteration",
        check("assert all(map(lambda c: candidate(c) == 2 * c, [1, 3]))"),
    ),
    "stop_iteration_in_zip": (
        "def f(x): raise StopIteration",
        check("for g, w in zip(map(candidate, [1, 3]), [2, 6]):", "    assert g == w"),
    ),
    "generator_exit": ("def f(x): raise GeneratorExit", check("assert candidate(x=1) == 2")),
    "forged_exception": (
        "class AssertionError(Exception):\n    from_program = 1\ndef f(x): raise AssertionError",
        check("for i in range(2):", "    assert candidate(i) == 2"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_it_is_a_wrong_answer(box: Sandbox, name: str) -> None:
    source, tests = WRONG[name]
    judgement = await box.judge(Program(source=source), tests, limits=LIMITS)
    assert not judgement.passed
    assert judgement.status in (Status.WRONG_ANSWER, Status.RUNTIME_ERROR), judgement
    assert judgement.model_validate_json(judgement.model_dump_json()) == judgement


GCD = {"kind": "calls", "entry_point": "gcd", "cases": [{"args": [12, 8], "returns": 4}]}
IMPORTED_GCD = {
    "by name": "from math import gcd\n",
    "all": "from math import *\n",
    "assigned": "import math\ngcd = math.gcd\n",
    "under another name": "from math import gcd as g\ngcd = g\n",
    "if there is one": "try:\n    from math import gcd\nexcept ImportError:\n    gcd = None\n",
    "the library's, as it is given": "gcd = math.gcd\n",
}


@pytest.mark.parametrize("used", ["", "print(gcd(12, 8))\n", "def f(x): return gcd(x, 2)\n"])
async def test_a_librarys_function_that_the_program_binds_is_its_answer(
    box: Sandbox, used: str
) -> None:
    for name, source in IMPORTED_GCD.items():
        judgement = await box.judge(Program(source=source + used), GCD, limits=LIMITS)
        assert judgement.passed, (name, judgement.reason)
    judgement = await box.judge(Program(source=used or "x = 1"), GCD, limits=LIMITS)
    assert "defines no function 'gcd'" in judgement.reason


async def test_a_test_finds_types_that_its_program_was_given(box: Sandbox) -> None:
    source = "class Solution:\n    def f(self, x: List[int]): return sum(x) + gcd(2, 4)\n"
    test = "def t(a: List[int]): assert Solution().f(a) == 5\nt([1, 2])\n"
    judgement = await box.judge(Program(source=source), script(test), limits=LIMITS)
    assert judgement.passed, judgement.reason
    test = "for i in (1, 2):\n    assert gcd(i, i) == i\n"
    judgement = await box.judge(Program(source=source), script(test), limits=LIMITS)
    assert not judgement.passed


NO_TEST = {
    "misnamed_check": check("pass") | {"source": "def chek(candidate):\n    assert candidate(1)\n"},
    "never_asks": script("x = 1\nassert x == 1\n"),
    "builtin_of_the_same_name": script("for i in range(3):\n    assert pow(i, 2) == i * i\n"),
    "does_not_compile": script("assert f(1) =="),
    "needs_a_module": script("import nothing_like_it\nassert f(1) == 2"),
    "hands_over_a_module": check(
        "import math", "for i in (1, 2):", "    assert candidate(math) == i"
    ),
}


@pytest.mark.parametrize("name", NO_TEST)
async def test_it_is_no_test(box: Sandbox, name: str) -> None:
    program = Program(source="def f(x): return 2 * x\ndef check(c): pass\ndef pow(a, b): pass")
    with pytest.raises(TestsError):
        await box.judge(program, NO_TEST[name], limits=LIMITS)


RIGHT = {
    "unittest": ("def f(x): return 2 * x", script(UNITTEST.format(""))),
    "pytest_style": ("def f(x): return 2 * x", script("def test_f():\n    assert f(3) == 6\n")),
    "in_place": (
        "def f(v): v.sort()",
        script("a = [3, 1, 2]\nf(a)\nassert a == [1, 2, 3]\n"),
    ),
    "objects": (
        "class Node:\n    def __init__(self, v): self.v, self.next = v, None\n"
        "def f(n):\n    return n.v + (f(n.next) if n.next else 0)",
        script("a = Node(1)\na.next = Node(2)\nassert f(a) == 3\nassert a.next.v == 2\n"),
    ),
    "containers": (
        "class M(dict): pass\nclass C:\n    def __init__(self): self.d = {}\n"
        "    def __setitem__(self, k, v): self.d[k] = v\n"
        "    def __getitem__(self, k): return self.d[k]\n"
        "    def __enter__(self): return self\n    def __exit__(self, *a): self.d['closed'] = True",
        script("m = C()\nwith m as n:\n    n['a'] = 1\nassert m['a'] == 1\nassert m['closed']\n"),
    ),
    "exceptions": (
        "def f(x): raise KeyError('x')",
        script(
            "try:\n    f(1)\n    assert False\nexcept KeyError as e:\n    assert e.args == ('x',)\n"
        ),
    ),
    "iterators": (
        "def f(n):\n    yield from range(n)",
        check("assert list(candidate(3)) == [0, 1, 2]", "assert sum(candidate(4)) == 6"),
    ),
    "types": (
        "from typing import List\ndef f(v: List[int]) -> int: return sum(v)",
        script("def t(a: List[int]):\n    assert f(a) == 3\nt([1, 2])\n"),
    ),
    "separators": ("def f(x): return 'a\\u2028b\\x85c'", calls("a\u2028b\x85c")),
    "leetcode": (
        "class Solution:\n    def f(self, x: List[int]) -> Optional[int]:\n"
        "        return Counter(x).most_common(1)[0][1] if x else None",
        {"kind": "calls", "entry_point": "f", "cases": [{"args": [[3, 3]], "returns": 2}]},
    ),
    "much_on_standard_error": (
        "import sys\nsys.stderr.write('x' * 300000)\ndef f(x): return 6",
        calls(6),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
async def test_it_is_right(box: Sandbox, name: str) -> None:
    source, tests = RIGHT[name]
    judgement = await box.judge(Program(source=source), tests, limits=LIMITS)
    assert judgement.passed, judgement


async def test_the_first_process_cannot_be_limited(box: Sandbox) -> None:
    source = (
        "import resource\nfor kind in range(16):\n    try:\n"
        "        resource.prlimit(1, kind, (1, 1))\n        print(kind)\n"
        "    except (OSError, ValueError):\n        pass\nresource.prlimit(0, 0, (2, 2))"
    )
    result = await box.run(Program(source=source), limits=LIMITS)
    assert (result.status, result.stdout) == (Status.PASSED, ""), result


async def test_an_output_that_breaks_the_checker_is_wrong(box: Sandbox) -> None:
    checker = {
        "source": "import sys\nx = [0] * int(open(sys.argv[2]).read())\nsys.exit(len(x) != 3)"
    }
    tests = {"kind": "stdio", "cases": [{"stdout": "3"}], "checker": checker}
    judgement = await box.judge(Program(source="print(10 ** 15)"), tests)
    assert judgement.status is Status.WRONG_ANSWER
    assert (await box.judge(Program(source="print(3)"), tests)).passed
    broken = tests | {"checker": {"source": "1 / 0 if True else 0\n"}}
    broken["checker"] = {"source": "import os\nos._exit(3)"}
    with pytest.raises(TestsError):
        await box.judge(Program(source="print(3)"), broken)


CHECKER = """
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
int main(int count, char **names) {
    char word[64] = "", right[64] = "";
    fscanf(fopen(names[2], "r"), "%63s", word);
    fscanf(fopen(names[3], "r"), "%63s", right);
    switch (word[0]) {
    case 'a': abort();
    case 's': raise(SIGSEGV);
    case 'e': exit(42);
    case 'm': for (;;) *(volatile char *)malloc(1 << 20) = 1;
    }
    return atoi(word) != atoi(right);
}"""


async def test_however_a_checker_breaks_on_an_output_it_is_wrong(box: Sandbox) -> None:
    """If it accepts the reference; else the tests are at fault, for this answer and any other."""
    checker = {"source": CHECKER, "language": "c"}
    tests = {"kind": "stdio", "cases": [{"stdout": "7"}], "checker": checker}
    for output, status in [
        ("07", Status.PASSED),
        ("8", Status.WRONG_ANSWER),
        *((word, Status.WRONG_ANSWER) for word in ("abort", "segv", "exit", "memory")),
    ]:
        judgement = await box.judge(Program(source=f"print({output!r})"), tests)
        assert judgement.status is status, (output, judgement)
    with pytest.raises(TestsError, match="SIGABRT"):
        await box.judge(Program(source="print('a')"), tests | {"cases": [{"stdout": "abort"}]})


async def test_an_output_that_breaks_a_checker_which_can_judge_is_wrong(box: Sandbox) -> None:
    """Also where it rejects the reference: it judges other outputs, so this one counts."""
    checker = {"source": CHECKER.replace("!= atoi(right)", "!= 7"), "language": "c"}
    tests = {"kind": "stdio", "cases": [{"stdout": "0"}], "checker": checker}
    for output, passes in (("7", True), ("8", False), ("abort", False), ("exit", False)):
        judgement = await box.judge(Program(source=f"print({output!r})"), tests)
        assert judgement.passed is passes, (output, judgement)


async def test_hostile_output_does_not_hold_up_the_judge(box: Sandbox) -> None:
    import time

    began = time.monotonic()
    tests = {"kind": "stdio", "compare": "float", "cases": [{"stdout": "1.0"}]}
    judgement = await box.judge(Program(source="print('1' * 2_000_000 + 'x')"), tests)
    assert judgement.status is Status.WRONG_ANSWER
    flood = "def f(x): return [[]] * 1_500_000"
    limits = Limits(wall_seconds=20, memory_mb=256)
    judgement = await box.judge(Program(source=flood), calls(6), limits=limits)
    assert judgement.status in (Status.OUTPUT_LIMIT, Status.MEMORY_LIMIT), judgement
    assert time.monotonic() - began < 90


async def test_descriptors_in_flight_do_not_delay_the_end(box: Sandbox) -> None:
    source = (
        "import socket, os, array\na, b = socket.socketpair()\n"
        "fds = array.array('i', [1, 2, a.fileno(), b.fileno()])\nfor s in (a, b) * 20:\n"
        "    s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])\n"
        "print(1, flush=True)\nos._exit(0)"
    )
    limits = Limits(wall_seconds=60)
    judgement = await box.judge(Program(source=source), [TestCase(stdout="1")], limits=limits)
    assert judgement.passed, judgement
    assert judgement.wall_seconds < 30


@pytest.mark.parametrize("stop", [True, False])
async def test_being_slow_on_purpose_does_not_miss_the_verdict(box: Sandbox, stop: bool) -> None:
    limits = Limits(wall_seconds=30.0, total_seconds=2.0)
    slow = "import time\ntime.sleep(0.3)\nprint(1)"
    cases = [*[TestCase(stdout="1")] * 20, TestCase(stdout="2")]
    judgement = await box.judge(
        Program(source=slow), cases, limits=limits, stop_at_first_failure=stop, deadline=20
    )
    assert judgement.status is Status.TIME_LIMIT
    assert "together" in judgement.reason
    assert judgement.passed_count < 20
    slow = "import os, time\ndef f(x):\n    time.sleep(0.2)\n    os._exit(0)"
    tests = {"kind": "calls", "entry_point": "f", "cases": [{"args": [1], "returns": 1}] * 30}
    judgement = await box.judge(
        Program(source=slow), tests, limits=limits, stop_at_first_failure=stop, deadline=20
    )
    assert judgement.passed_count == 0
