"""How programs use their streams, and what a judge's Python allows them: right ones are right."""

import pytest

from sandbox import Program, Sandbox, Status, TestCase

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAST_INPUT = """
import os, sys
from io import BytesIO, IOBase
class FastIO(IOBase):
    def __init__(self, file):
        self._fd = file.fileno()
        self.buffer = BytesIO()
        self.writable = "x" in file.mode or "r" not in file.mode
        self.write = self.buffer.write if self.writable else None
    def readline(self):
        if not self.buffer.tell():
            self.buffer = BytesIO(os.read(self._fd, max(os.fstat(self._fd).st_size, 8192)))
        return self.buffer.readline()
    def flush(self):
        if self.writable:
            os.write(self._fd, self.buffer.getvalue())
class IOWrapper(IOBase):
    def __init__(self, file):
        self.buffer = FastIO(file)
        self.flush = self.buffer.flush
        self.write = lambda s: self.buffer.write(s.encode())
        self.readline = lambda: self.buffer.readline().decode()
sys.stdin, sys.stdout = IOWrapper(sys.stdin), IOWrapper(sys.stdout)
print(int(sys.stdin.readline()) * 2)
"""
AT_EXIT = """
import atexit, io, sys
sys.stdout = io.StringIO()
@atexit.register
def write():
    sys.__stdout__.write(sys.stdout.getvalue())
print(int(input()) * 2)
"""
OWN_STREAM = """
import sys
class Out:
    def write(self, text):
        sys.__stdout__.write(text)
    def flush(self):
        pass
sys.stdout = Out()
print(int(input()) * 2)
"""
RIGHT = {  # each reads 4 and writes 8
    "a fast reader that asks for modes": FAST_INPUT,
    "output written at exit": AT_EXIT,
    "a stream of its own that knows not whether it is closed": OWN_STREAM,
    "descriptor 1 in a file that nobody closes": (
        "out = open(1, 'w')\nprint(int(input()) * 2, file=out)"
    ),
    "a binary file that nobody closes": (
        "import sys\nsys.stdout = sys.stderr\nout = open(1, 'wb')\n"
        "out.write(b'%d' % (int(input()) * 2))"
    ),
    "the first stream, kept": (
        "import sys\nkept = sys.stdout\nsys.stdout = sys.stderr\nprint(int(input()) * 2, file=kept)"
    ),
    "a stream by its path": "with open('/dev/stdout', 'w') as out: print(int(input())*2, file=out)",
    "a recursion that a judge allows": (
        "def f(n): return 0 if n == 0 else 2 + f(n - 1)\nprint(f(int(input()) * 5000) // 5000)"
    ),
    "a cached recursion": (
        "from functools import cache\n@cache\n"
        "def f(n): return 0 if n == 0 else 2 + f(n - 1)\nprint(f(int(input()) * 5000) // 5000)"
    ),
    "a number of many digits": "n = int(input())\nprint(len(str(10 ** (n * 1500))) // 750)",
    "a number read of many digits": ("print(int(input() + '0' * 6000) // 10**6000 * 2)"),
}


async def test_right_programs_are_right(box: Sandbox) -> None:
    case = [TestCase(stdin="4\n", stdout="8\n")]
    found = {
        name: await box.judge(Program(language="python", source=source), case)
        for name, source in RIGHT.items()
    }
    assert {name: one.reason for name, one in found.items() if not one.passed} == {}


NAMES = {  # what each gives for 4 as `f`, and what the names are that it takes for granted
    "class Solution:\n    def f(self, n: List[int]) -> Optional[int]: return gcd(n, 6)": 2,
    "class Solution:\n    def f(self, n): return ceil(sqrt(n)) + len(deque([n]))": 3,
    "class Solution:\n    @cache\n    def f(self, n): return n and self.f(n - 1) + n": 10,
    "class Solution:\n    def f(self, n): return pow(n, 2, 5) + len(json.dumps([]))": 3,
    "def f(n: int) -> Dict[str, int]: return defaultdict(int, {'a': math.floor(n / 3)})": {"a": 1},
    "class Solution:\n    def f(self, n): return len([*permutations(range(n))])\n"
    "    def permutations(self): pass": 24,
}


async def test_names_that_judges_give(box: Sandbox) -> None:
    found = {}
    for source, returns in NAMES.items():
        tests = {
            "kind": "calls",
            "entry_point": "f",
            "cases": [{"args": [4], "returns": returns}],
        }
        found[source] = await box.judge(Program(source=source), tests)
    assert {source: one.reason for source, one in found.items() if not one.passed} == {}


@pytest.mark.parametrize(
    "source", ["x = gcd", "class Solution:\n    def g(self, n): return gcd(n)"]
)
async def test_a_name_that_was_given_is_no_answer(box: Sandbox, source: str) -> None:
    tests = {"kind": "calls", "entry_point": "gcd", "cases": [{"args": [4, 6], "returns": 2}]}
    assert not (await box.judge(Program(source=source), tests)).passed
    defined = "class Solution:\n    def gcd(self, a, b): return gcd(a, b)"
    assert (await box.judge(Program(source=defined), tests)).passed


async def test_an_endless_recursion_ends(box: Sandbox) -> None:
    program = Program(language="python", source="def f(n): return f(n + 1)\nprint(f(0))")
    judged = await box.judge(program, [TestCase(stdout="1\n")])
    assert judged.status is Status.RUNTIME_ERROR
