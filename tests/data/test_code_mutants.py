"""Mutants differ from their program in one place that tests can see, in each language."""

import ast
import itertools

import pytest

from data.curate.code_functions import emptied
from data.curate.code_mutant import Mutant
from data.curate.code_mutants import FEW, LONGEST, mutants, names_used
from data.curate.code_mutants_python import python_changes, python_mutant
from data.curate.code_mutants_tokens import token_changes, token_mutant
from sandbox import Program
from sandbox.judge import parse_tests
from sandbox.types import AnyTests, Language
from tests.processor_time import least_seconds

STDIO = parse_tests({"kind": "stdio", "cases": [{"stdin": "1", "stdout": "2"}]})
CALLS = parse_tests({"kind": "calls", "entry_point": "f", "cases": [{"args": [1], "returns": 2}]})
SCRIPT = parse_tests(
    {"kind": "harness", "source": "from solution import Solution\nassert Solution().f(1) == 2"}
)

PYTHON = '''
import sys
from typing import List
sys.setrecursionlimit(10_000)
LIMIT: int = 7
def unused(x): return x + 41
@cache(maxsize=42)
def helper(a, b=43):
    """44"""
    assert a > 45
    text = f"{b:.46f}x"; return a if a < b else text
class Solution:
    def f(self, x: "47" = 48) -> "49":
        total = 0
        for i in range(x):
            if i % 2 == 0 and not x:
                total += helper(i)
            print("50")
        try:
            self.g(-x)
        except ValueError:
            total = 51
        if x:
            raise ValueError("52 %d" % x)
        self.seen.append(3)
        return total
if __name__ == "__main__":
    print(Solution().f(53))
'''
HIDDEN = range(41, 54)
CPP = """#include <vector>
#define N 9
using namespace std; int a[50]; // 1 < 2
vector<int> f(vector<pair<int,int>>& v, int k) {
  for (int i = 0; i < (int)v.size(); i++) if (v[i].first > 3 && !k) return {};
  string s = "a < 4"; auto x = R"(raw "5" < 6)"; /* 7 == 8 */
  int *p = &a[0]; k += k * 2 - 'b';
  return vector<int>(k);
}
int main() { ios::sync_with_stdio(false); cin.tie(0); if (f({}, 10)[0] == 11) return 1; return 0; }
"""
JAVA = """import java.util.*;
public class Main { private int n; public Main(int n) { this.n = n; }
 static List<Integer> f(Map<String, List<Integer>> m, int k) throws Exception {
  for (int i = 0; i < k; i++) if (m.size() >= 2 || k != 3) return null;
  return new ArrayList<>(m.get("a < 4")); }
 boolean b() { return true; }
 int[] of(int[] a) { return new int[5]; }
 void nothing() { n = n / 6; }
 public static void main(String[] args) { System.out.println(7); } }
"""
SCRIPTED = """const f = (a) => a.filter(x => x >= 1 && /[/]<2\\//.test(`${x} < 3`));
function g(a, b) { if (a === b) { return a / 4 / b; } switch (a) { case 5: return !b; } }
class A { constructor(x) { this.x = x; } get(y) { return this.x * y } }
"""


def every(source: str, tests: AnyTests) -> list[Mutant]:
    """Every mutant of a Python program."""
    roots = names_used(tests)
    numbers = range(len(python_changes(source, roots)))
    return [one for n in numbers if (one := python_mutant(source, roots, n)) is not None]


def changes(source: str, language: Language, tests: AnyTests) -> list[str]:
    """What every mutant of a program says that it changes."""
    made = token_changes(source, language, is_called=bool(names_used(tests)))
    found = [token_mutant(source, one) for one in made]
    assert len({mutant.source for mutant in found} | {source}) == len(found) + 1
    return [mutant.change for mutant in found]


def test_a_mutant_in_python_is_a_program_with_one_other_place() -> None:
    found = every(PYTHON, CALLS)
    original = ast.dump(ast.parse(PYTHON)).split()
    assert len(found) > 12
    for mutant in found:
        changed = ast.dump(ast.parse(mutant.source)).split()
        assert ast.dump(ast.parse(mutant.source)) != " ".join(original)
        assert abs(len(changed) - len(original)) < 12, mutant.change


def test_what_tests_cannot_see_stays() -> None:
    def kept(tests: AnyTests) -> set[int]:
        found = every(PYTHON, tests)
        return {n for n in HIDDEN if all(str(n) in mutant.source for mutant in found)}

    assert kept(CALLS) == set(HIDDEN)
    assert kept(SCRIPT) == set(HIDDEN)
    assert {50, 53}.isdisjoint(kept(STDIO))  # a script prints, and has a main part
    assert set(HIDDEN) - {50, 53} <= kept(STDIO)
    lines = {mutant.change.split(":")[0] for mutant in every(PYTHON, CALLS)}
    assert {f"line {n}" for n in (11, 14, 16, 17, 20, 23, 25, 26)} <= lines


@pytest.mark.parametrize(
    ("language", "source", "expected"),
    [
        ("cpp", CPP, "0>1 <>>= >><= 3>4 &&>|| !>  0>1 +=>-= *>+ 2>3 ->+ 10>11 0>1 ==>!= 11>12 1>2"),
        ("c", CPP, None),
        ("java", JAVA, "0>1 <>>= >=>< 2>3 ||>&& !=>== 3>4 true>false />* 6>7 7>8"),
        ("javascript", SCRIPTED, ">=>< 1>2 &&>|| ===>!== />* 4>5 />* 5>6 !>  *>+"),
    ],
)
def test_tokens_are_exchanged_where_they_are_code(
    language: Language, source: str, expected: str | None
) -> None:
    found = changes(source, language, STDIO)
    said = [change.split(": ")[1].replace("'", "").replace(" became ", ">") for change in found]
    if expected is not None:
        assert " ".join(said) == expected
    assert not any(text in " ".join(said) for text in ("50>", "9>", "8>9", "sync"))


def test_main_is_not_called_by_tests_of_functions() -> None:
    for language, source in (("cpp", CPP), ("java", JAVA)):
        last = {change.split(":")[0] for change in changes(source, language, CALLS)}
        assert f"line {source.count(chr(10))}" not in last
        assert last < {change.split(":")[0] for change in changes(source, language, STDIO)}


def test_a_few_mutants_are_spread_over_the_program() -> None:
    source = "def f(x):\n" + "".join(f"    x = x + {n}\n" for n in range(1, 101)) + "    return x\n"
    few = mutants(Program(source=source), CALLS, 8)
    assert few == mutants(Program(source=source), CALLS, 8)
    lines = [int(mutant.change.split(":")[0].removeprefix("line ")) for mutant in few]
    assert len(few) == 8
    assert all(10 <= b - a <= 15 for a, b in itertools.pairwise(lines))


def test_constants_are_changed_where_little_else_can_be() -> None:
    def constants(source: str) -> tuple[int, int]:
        found = mutants(Program(source=source), CALLS, 8)
        return sum("is changed" in one.change for one in found), len(found)

    body = "    x = x + 10\n"
    assert constants(f"def f(x):\n{body * 20}    return x") == (0, 8)
    assert constants("def f(x):\n    x = x + 1\n    return [1, 2, 3, x]") == (2, FEW)
    assert constants("def f(x):\n    return ['yes']") == (1, 2)
    assert constants("def f(x):\n    return 'yes'") == (0, 1)  # what is returned tells


@pytest.mark.parametrize(
    ("language", "source", "kept", "gone"),
    [
        (
            "cpp",
            CPP,
            ["f(vector<pair<int,int>>& v, int k) { return {}; }", "cin.tie(0)"],
            "size()",
        ),
        (
            "c",
            "long f(int *a) { return a[0]; } void g(void) { f(0); }",
            ["{ return 0; } void g(void) { }"],
            "a[0]",
        ),
        (
            "java",
            JAVA,
            [
                "throws Exception { return null; }",
                "b() { return false; }",
                "nothing() { }",
                "{ this.n = n; }",
                "println(7)",
            ],
            "for (",
        ),
        (
            "javascript",
            SCRIPTED,
            ["function g(a, b) { }", "{ this.x = x; }", "get(y) { }"],
            "switch",
        ),
    ],
)
def test_an_emptied_program_keeps_its_functions(
    language: str, source: str, kept: list[str], gone: str
) -> None:
    found = emptied(source, language)
    assert found is not None
    assert all(text in found for text in kept), found
    assert gone not in found
    assert emptied("int x = 1;", language) is None


@pytest.mark.parametrize(
    "piece", ["=[/[", "/*", "\"'", "`${", 'R"x(', "f(a){", "a<b<", "#\\\n", "("]
)
def test_reading_takes_linear_time(piece: str) -> None:
    def seconds(times: int) -> float:
        def read() -> None:
            for language in ("cpp", "java", "javascript"):
                mutants(Program(source=piece * times, language=language), CALLS, 8)
                emptied(piece * times, language)

        return least_seconds(read)

    most = 20_000 // len(piece)
    assert seconds(most) < 40 * seconds(most // 10) + 0.3


def test_what_is_no_program_has_no_mutants() -> None:
    for source in ("def f(:", "print 'x'", "(" * 5000, "x = " + "-" * 50_000 + "1", "", "\0"):
        assert mutants(Program(source=source), CALLS, 8) == []
    assert mutants(Program(source="x = 1\n" * LONGEST), STDIO, 8) == []
