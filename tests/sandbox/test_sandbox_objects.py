"""The program's objects in a test's process: they keep their meaning, and lend it to no hack.

Right programs, each with a test that uses what it returns as one does; and one object that is
equal to everything, near everything and true, with tests that it must not pass.
"""

from collections.abc import Mapping, Sequence

import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import judged

pytestmark = pytest.mark.asyncio(loop_scope="session")

POINT = """
class P:
    def __init__(self, x, y): self.x, self.y = x, y
    def __eq__(self, o): return isinstance(o, P) and (self.x, self.y) == (o.x, o.y)
    def __hash__(self): return hash((self.x, self.y))
    def __add__(self, o): return P(self.x + o.x, self.y + o.y)
    def __mul__(self, k): return P(self.x * k, self.y * k)
    __rmul__ = __mul__
    def __repr__(self): return f"P({self.x}, {self.y})"
    def __len__(self): return 2
    def __contains__(self, v): return v in (self.x, self.y)
    def __getitem__(self, i): return (self.x, self.y)[i]
    def __lt__(self, o): return self.x < o.x
    def __neg__(self): return P(-self.x, -self.y)
    def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5
def make(): return P(1, 2)
"""
RIGHT: Mapping[str, tuple[str, str]] = {
    "operators": (
        POINT,
        "assert P(1, 2) == P(1, 2) and P(1, 2) != P(1, 3) and P(1, 2) + P(1, 1) == P(2, 3)\n"
        "assert P(1, 2) * 3 == P(3, 6) == 3 * P(1, 2) and make() * 2 == P(2, 4)\n"
        "assert repr(make()) == 'P(1, 2)' and len({make(), make()}) == 1 and -make() == P(-1, -2)\n"
        "assert 2 in make() and 3 not in make() and make()[1] == 2 and list(make()) == [1, 2]\n"
        "assert sorted([P(2, 1), P(1, 1)])[0].x == 1 and isinstance(make(), P)\n"
        "assert type(make()) is P and make() in [P(1, 2)] and abs(P(3, 4)) == 5\n",
    ),
    "comparisons that are not about state": (
        "class Q:\n    def __init__(s, n, d): s.n, s.d = n, d\n"
        "    def __eq__(s, o):\n        if not isinstance(o, Q): return NotImplemented\n"
        "        return s.n * o.d == o.n * s.d\n",
        "assert Q(1, 2) == Q(2, 4) and Q(1, 2) != Q(2, 3) and Q(1, 1) != 1\n",
    ),
    "comparisons with values": (
        "class V:\n    def __init__(s, x): s.x = x\n    def __eq__(s, o): return s.x == o\n"
        "    def __add__(s, o): return s.x + o\n    def __ge__(s, o): return s.x >= o\n"
        "    def __float__(s): return 1.5\n    def __index__(s): return 1\n",
        "v = V(3)\nassert v == 3 and v != 4 and v + 1 == 4 and v >= 2 and float(v) == 1.5\n"
        "assert [5, 6][v] == 6\n",
    ),
    "comparisons that leave attributes out, or compute with them": (
        "class M:\n    def __init__(s, v, m): s.v, s.m = v, m\n"
        "    def __eq__(s, o): return s.m == o.m and (s.v - o.v) % s.m == 0\n"
        "class N:\n    seen = 0\n    def __init__(s, n): N.seen += 1; s.id, s.n = N.seen, n\n"
        "    def __eq__(s, o): return s.n.lower() == o.n.lower()\n"
        "class B:\n    __slots__ = ('a', '_c')\n    def __init__(s, *a): s.a = list(a)\n"
        "    def __eq__(s, o): return sorted(s.a) == sorted(o.a)\n"
        "class T:\n    def __init__(s, x): s.x = x\n"
        "    def __eq__(s, o): return isinstance(o, T) and abs(s.x - o.x) < 1e-9\n"
        "class W:\n    def __init__(s, i): s.i, s.k, s.u = T(i), 5, None\n"
        "    def __eq__(s, o): return s.i == o.i\n"
        "class L(list):\n    def __eq__(s, o): return isinstance(o, L) and list.__eq__(s, o)\n"
        "class F:\n    def __init__(s, on): s.on = on\n    def __eq__(s, o): return s.on is o.on\n"
        "class C:\n    def __init__(s, v, n=None): s.v, s.n = v, n\n    def __eq__(s, o):\n"
        "        while s and o:\n            if s.v != o.v: return False\n"
        "            s, o = s.n, o.n\n        return s is o is None\n",
        "assert M(3, 7) == M(10, 7) != M(4, 7) and N('a') == N('A') != N('b')\n"
        "assert B(1, 2) == B(2, 1) != B(1) and B() == B() and T(0.1 + 0.2) == T(0.3) != T(0.4)\n"
        "assert W(1) == W(1) != W(2) and L() == L() and L([1]) == L([1]) != L([2])\n"
        "assert F(True) == F(True) != F(False) and F(None) == F(None)\n"
        "assert C(1, C(2)) == C(1, C(2)) != C(1, C(3)) != C(1) == C(1)\n",
    ),
    "comparisons that drop what is zero": (
        "class P:\n    def __init__(s, c): s.c = list(c)\n    def t(s):\n        c = list(s.c)\n"
        "        while c and not c[-1]: c.pop()\n        return c\n"
        "    def __eq__(s, o): return s.t() == o.t()\n"
        "    def __sub__(s, o): return P([a - b for a, b in zip(s.c, o.c)])\n"
        "class V:\n    def __init__(s, d=()): s.d = dict(d)\n"
        "    def t(s): return {k: v for k, v in s.d.items() if v}\n"
        "    def __eq__(s, o): return s.t() == o.t()\n"
        "class W(list):\n    def __eq__(s, o): return [*filter(None, s)] == [*filter(None, o)]\n"
        "class B:\n    def __init__(s, *b): s.b = b\n"
        "    def __eq__(s, o): return {*filter(None, s.b)} == {*filter(None, o.b)}\n",
        "assert P([1, 2]) - P([1, 2]) == P([0]) == P([]) != P([0, 1]) and P([]) == P([])\n"
        "assert V({1: 0}) == V() != V({1: 1}) and V({'a': 0}) == V({'b': 0}) and V() == V()\n"
        "assert W([0]) == W() != W([1]) and B(False) == B() != B(True)\n"
        "assert B('') == B() != B('a')\n",
    ),
    "comparisons that look at some of a text": (
        "def kind(keep):\n    class K:\n        def __init__(s, t): s.t = t\n"
        "        def __eq__(s, o): return keep(s.t) == keep(o.t)\n    return K\n"
        "def of(test): return kind(lambda t: ''.join(filter(test, t.lower())))\n"
        "Digits, Letters, Slug = of(str.isdigit), of(str.isalpha), of(str.isalnum)\n"
        "First = kind(lambda t: t[:1].lower())\nNumber = kind(int)\n",
        "assert Digits('1-2') == Digits('12') != Digits('13') and Letters('a 1') == Letters('A')\n"
        "assert Slug('A b!') == Slug('a-b') != Slug('b') and First('ab') == First('Ac')\n"
        "assert Number('07') == Number('7') != Number('8') and Letters('a') != Letters('b')\n",
    ),
    "comparisons of what is near, large or of one sign": (
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: float\n    b: float\n"
        "def kind(equal):\n    class K:\n        def __init__(s, x): s.x = x\n"
        "        def __eq__(s, o): return equal(s.x, o.x)\n    return K\n"
        "Sign = kind(lambda a, b: (a > 0) - (a < 0) == (b > 0) - (b < 0))\n"
        "Near = kind(lambda a, b: abs(a - b) <= 50)\nRound = kind(lambda a, b: round(a, -3) == "
        "round(b, -3))\nPart = kind(lambda a, b: abs(a - b) <= max(abs(a), abs(b)) / 2)\n"
        "Even = kind(lambda a, b: half(a) == half(b))\ndef half(n):\n    k = 0\n"
        "    while n != 0: n, k = n - 2, k + 1\n    return k\n"
        "class Lamp:\n    def __init__(s, name, on): s.name, s.on = name, on\n"
        "    def __eq__(s, o): return s.on is o.on\n",
        "i, e = float('inf'), 2.0**53\nassert D(i, -i) == D(i, -i) and D(1e300, e) == D(1e300, e)\n"
        "assert D(e, i) == D(e, i) != D(1.0, i) == D(1, i) and D(0.0, i) == D(0, i)\n"
        "assert Sign(3) == Sign(5) != Sign(-3) == Sign(-9) and Sign(0) == Sign(0) != Sign(1)\n"
        "assert Near(10) == Near(30) != Near(90) and Round(1) == Round(400) != Round(900)\n"
        "assert Part(1000) == Part(1100) != Part(9) and Even(4) == Even(4) != Even(6)\n"
        "assert Lamp('a', True) == Lamp('b', True) != Lamp('a', False)\n",
    ),
    "the standard library's values": (
        "from collections import *\nfrom fractions import Fraction\nfrom decimal import Decimal\n"
        "import datetime as d, pathlib\ndef a(): return Counter('aab')\n"
        "def b(): return defaultdict(list, {'a': [1]})\ndef c(): return deque([1], maxlen=3)\n"
        "def e(): return {'x': Decimal('1.10'), 'y': [Fraction(1, 3), (d.date(2020, 1, 2),)]}\n"
        "def g(): return d.datetime(2020, 1, 2, tzinfo=d.timezone.utc), d.timedelta(hours=1)\n"
        "def h(): return pathlib.Path('/a/b.txt'), range(3), {1: 2}.keys(), ..., b'x', 1 + 2j\n",
        "from collections import *\nfrom fractions import Fraction\nfrom decimal import Decimal\n"
        "import datetime as d\nassert a() == Counter('aab') and a()['zz'] == 0\n"
        "assert a().most_common(1) == [('a', 2)] and b()['q'] == [] and c() == deque([1])\n"
        "assert e() == {'x': Decimal('1.1'), 'y': [Fraction(1, 3), (d.date(2020, 1, 2),)]}\n"
        "when, long = g()\nassert when.year == 2020 and long.total_seconds() == 3600\n"
        "path, span, keys, dots, text, number = h()\nassert path.name == 'b.txt'\n"
        "assert span == range(3) and keys == {1} and dots is ... and text == b'x'\n"
        "assert number.imag == 2\n",
    ),
    "classes that derive from builtin ones": (
        "from typing import NamedTuple\nfrom enum import Enum, IntEnum\n"
        "class N(NamedTuple):\n    a: int\n    b: int = 2\n    def s(n): return n.a + n.b\n"
        "class C(Enum):\n    R = 1\n    G = 2\nclass I(IntEnum):\n    A = 1\n"
        "class S(list):\n    def push(self, x): self.append(x)\nclass D(dict): pass\n"
        "def f(x): return C(x)\ndef n(): return N(1)\ndef i(): return I.A\n",
        "assert n() == (1, 2) and n().a == 1 and n().s() == 3 and isinstance(n(), N)\n"
        "assert f(1) is C.R and C['G'] == f(2) and f(1).name == 'R' and len(C) == 2\n"
        "assert [c.value for c in C] == [1, 2] and {C.R: 5}[f(1)] == 5\n"
        "assert i() == 1 and i().name == 'A'\ns = S()\ns.push(3)\n"
        "assert s == [3] and len(s) == 1 and D(a=1) == {'a': 1}\n",
    ),
    "exceptions": (
        "import json\nclass E(Exception):\n    def __init__(s, m, c=3):\n"
        "        super().__init__(m)\n        s.code = c\nclass F(E): pass\n"
        "def f(x):\n    if x: raise F('bad', 7)\n    return json.loads('{')\n",
        "import json\ntry:\n    f(1)\n    assert False\nexcept E as e:\n"
        "    assert e.code == 7 and str(e) == 'bad' and isinstance(e, F)\n"
        "try:\n    f(0)\n    assert False\nexcept json.JSONDecodeError:\n    pass\n"
        "assert issubclass(F, E) and issubclass(F, Exception)\n",
    ),
    "iterators, coroutines and contexts": (
        "from contextlib import contextmanager\ndef g(n):\n    got = []\n    for i in range(n):\n"
        "        got.append((yield i))\n    return got\n"
        "class It:\n    def __init__(s, n): s.n = n\n    def __iter__(s): return s\n"
        "    def __next__(s):\n        if not s.n: raise StopIteration\n        s.n -= 1\n"
        "        return s.n\nLOG = []\n@contextmanager\ndef c():\n    yield 5\n    LOG.append(2)\n"
        "class A:\n    async def __aenter__(s): return s\n    async def __aexit__(s, *a): pass\n"
        "    async def go(s): return 5\nasync def ag(n):\n    for i in range(n): yield i\n",
        "import asyncio, types\nx = g(2)\nassert isinstance(x, types.GeneratorType)\n"
        "assert next(x) == 0 and x.send('a') == 1 and list(g(2)) == [0, 1]\n"
        "assert list(It(3)) == [2, 1, 0] and next(It(0), None) is None\n"
        "with c() as five:\n    assert five == 5\nassert LOG == [2]\n"
        "async def main():\n    async with A() as a:\n        assert await a.go() == 5\n"
        "    return [i async for i in ag(3)]\nassert asyncio.run(main()) == [0, 1, 2]\n",
    ),
    "what is handed over": (
        "def f(g, *a): return g(*a)\ndef total(node):\n    t = 0\n    while node:\n"
        "        t, node = t + node.v, node.n\n    return t\ndef lines(h): return [l for l in h]\n"
        "def again(g):\n    try: return g()\n    except ValueError as e: return str(e)\n",
        "import io\nclass Node:\n    def __init__(self, v, n=None): self.v, self.n = v, n\n"
        "assert f(lambda x: x + 1, 3) == 4 and f(len, 'abc') == 3\nseen = []\nf(seen.append, 7)\n"
        "assert seen == [7] and total(Node(1, Node(2))) == 3 and f(lambda: f(max, 1, 2)) == 2\n"
        "assert lines(io.StringIO('a\\nb')) == ['a\\n', 'b']\n"
        "def bad(): raise ValueError('v')\nassert again(bad) == 'v'\n"
        "class Mine(Exception): pass\ndef worse(): raise Mine\n"
        "try:\n    again(worse)\n    assert False\nexcept Mine:\n    pass\n",
    ),
    "arguments changed in place": (
        "def f(a, d, q):\n    for r in a: r.sort()\n    d['a'].append(2)\n    d['b'] = 3\n"
        "    q.append(1)\n",
        "from collections import deque\na = [[3, 1], [2]]\ninner = a[0]\nd = {'a': [1]}\n"
        "q = deque()\nf(a, d, q)\nassert a == [[1, 3], [2]] and inner == [1, 3]\n"
        "assert d == {'a': [1, 2], 'b': 3} and list(q) == [1]\n",
    ),
    "properties and static methods": (
        "class T:\n    n = 0\n    def __init__(self): T.n += 1; self._c = 0\n    @property\n"
        "    def f(self): return self._c + 32\n    @f.setter\n    def f(self, v):\n"
        "        if v < 0: raise ValueError\n        self._c = v - 32\n    @classmethod\n"
        "    def w(cls): return cls()\n    @staticmethod\n    def z(a, b=2): return a + b\n",
        "t = T()\nT.n = 0\nassert t.f == 32\nt.f = 40\nassert t._c == 8\n"
        "try:\n    t.f = -1\n    assert False\nexcept ValueError:\n    pass\n"
        "assert T.z(1) == 3 and isinstance(T.w(), T) and T.n == 1\n",
    ),
    "decorators": (
        "import functools\ndef memo(g):\n    kept = {}\n    @functools.wraps(g)\n"
        "    def w(*a):\n        if a not in kept: kept[a] = g(*a)\n        return kept[a]\n"
        "    return w\n",
        "n = []\n@memo\ndef square(x):\n    n.append(x)\n    return x * x\n"
        "assert square(3) == 9 == square(3) and n == [3] and square.__name__ == 'square'\n",
    ),
    "a builtin as the answer": (
        "f = sorted\n",
        "for v in ([2, 1], []):\n    assert f(v) == sorted(v)\n",
    ),
    "a module that the program imports": (
        "import math\ndef f(r): return math.pi * r\n",
        "r = 3\nassert math.isclose(f(r), math.pi * r)\n",
    ),
}

EVERYTHING = """
class E:
    def __init__(s, *a): pass
    def __eq__(s, o): return True
    def __ne__(s, o): return False
    def __hash__(s): return 0
    def __lt__(s, o): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(s, o): return 0.0
    __rsub__ = __add__ = __radd__ = __mod__ = __pow__ = __truediv__ = __sub__
    def __abs__(s): return 0.0
    def __float__(s): return 0.0
    def __round__(s, n=0): return 0
    def __len__(s): return 3
    def __contains__(s, x): return True
    def __iter__(s): return iter([s, s, s])
    def __getattr__(s, n): return s
    def __getitem__(s, i): return s
    def __call__(s, *a, **k): return s
    def __enter__(s): return s
    def __exit__(s, *a): return True
"""
AS_A_FUNCTION = EVERYTHING + "def f(*a): return E()\n"
AS_A_CLASS = EVERYTHING + "f = E\n"
CLAIMS: Sequence[str] = (
    "f(i) == 9",
    "9 == f(i)",
    "abs(f(i) - 9.5) < 1e-6",
    "(f(i) - 9.5) ** 2 < 1e-9",
    "math.isclose(f(i), 9.5)",
    "3 < f(i) < 9",
    "f(i) - 7 == 0",
    "f(i) % 7 == 0",
    "sum([f(i), 3]) == 9",
    "max(f(i), 9) == 9",
    "9 in f(i)",
    "f(i) in [9, 8]",
    "not (f(i) != 9)",
    "f(i).value == 9",
    "isinstance(f(i), int)",
    "{f(i)} == {9}",
    "{0: [f(i)]} == {0: [9]}",
)
ALWAYS_EQUAL = """
class P:
    def __init__(self, x): self.x, self.ok, self.tag = x, True, 'p'
    def __eq__(self, o): return {}
    def __hash__(self): return 0
    def add(self, o): return P(0)
"""
COMPARISONS = (
    *("True", "isinstance(o, P)", "type(o) is type(self)", "hasattr(o, 'add')", "hasattr(o, 'x')"),
    *("isinstance(o, P) and type(o.x) is int", "isinstance(o, P) and o.x >= 0", "o.x == o.x"),
    *("o.x is not None", "self.x <= o.x", "abs(self.x - o.x) >= 0", "bool(str(o.x))"),
    *("isinstance(o, P) and o.ok is True", "hasattr(o, 'ok') and o.ok is True is self.ok"),
    *("isinstance(o, P) and o.tag == 'p'", "hasattr(o, 'ok') and bool(o.ok and o.tag)"),
    *("isinstance(o, P) and o.x <= self.x + 10**4 and o.x < 10**5",),
    *("dir(self) == dir(o)", "self.__class__ == o.__class__ and hasattr(o, 'x')"),
)
BODIES = {  # of the class whose objects are compared
    "attributes": ALWAYS_EQUAL,
    "slots": ALWAYS_EQUAL.replace("class P:", "class P:\n    __slots__ = ('x', 'ok', 'tag')"),
    "a list": ALWAYS_EQUAL.replace("class P:", "class P(list):"),
    "one that goes": ALWAYS_EQUAL + "    def __del__(self): pass\n",
}
HANDED = """
class Node:
    def __init__(self, v): self.v = v
    def check(self): assert self.v == 5
n = Node(1)
assert f(n) == 2
assert f(lambda: n) == 2
n.check()
"""
TAKES_MORE = """
def attempt(*steps):
    for step in steps:
        try: step()
        except Exception: pass
"""
WRONG: Mapping[str, tuple[str, str]] = {
    "changes a test's object": (
        TAKES_MORE + "def f(n):\n    attempt(lambda: setattr(n, 'check', lambda: None),\n"
        "        lambda: setattr(n, '__class__', object), lambda: n.__dict__.update(v=5),\n"
        "        lambda: n.__init__(5))\n    return 2\n",
        HANDED,
    ),
    "reaches through a test's function": (
        TAKES_MORE + "def f(g):\n    attempt(lambda: setattr(g.__globals__['n'], 'v', 5),\n"
        "        lambda: setattr(g, '__code__', attempt.__code__),\n"
        "        lambda: setattr(g.__closure__[0].cell_contents, 'v', 5),\n"
        "        lambda: g().__init__(5))\n    return 2\n",
        HANDED,
    ),
    **{
        f"{claim}, {name}": (source, f"import math\nfor i in (1, 2):\n    assert {claim}\n")
        for claim in CLAIMS
        for name, source in {"function": AS_A_FUNCTION, "class": AS_A_CLASS}.items()
    },
    **{
        f"a comparison by {how}, {name}": (
            body.format(how),
            "for i in (1, 2):\n    assert P(i).add(P(2)) == P(i + 2)\n",
        )
        for how in COMPARISONS
        for name, body in BODIES.items()
    },
    "equal to every number": (
        ALWAYS_EQUAL.format("isinstance(o, int)"),
        "for i in (1, 2):\n    assert P(i) == i + 1\n",
    ),
    "swallows a failed assertion": (AS_A_FUNCTION, "with f(1) as r:\n    assert False\n"),
    "swallows its own error": (
        "class C:\n    def __enter__(s): return s\n    def __exit__(s, *a): return True\n",
        "with C() as c:\n    assert c.value == 3\n",
    ),
    "a module of its own": (
        "class math:\n    pi = 1\n    isclose = staticmethod(lambda *a, **k: True)\n"
        "def f(r): return 0\n",
        "r = 3\nassert math.isclose(f(r), math.pi * r)\n",
    ),
}


async def test_objects_mean_to_a_test_what_they_are(box: Sandbox) -> None:
    found = await judged(box, RIGHT)
    assert {name: how for name, how in found.items() if how != "passed"} == {}


async def test_what_is_equal_to_everything_passes_nothing(box: Sandbox) -> None:
    found = await judged(box, WRONG)
    assert {name: how for name, how in found.items() if not how.startswith("failed")} == {}
