"""Functions of C, C++, Java and JavaScript are called, and tests run behind programs of these."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from sandbox import CallTests, HarnessTests, Program, RequestError, Sandbox, SandboxError, Status
from sandbox.drivers import calls_build
from sandbox.drivers.java import apart

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box() -> AsyncIterator[Sandbox]:
    """One backend is enough: what is tested here lies inside of a box."""
    reasons = []
    for backend in ("bubblewrap", "docker"):
        opened = Sandbox.open(backend)
        try:
            await opened.start()
        except SandboxError as error:
            reasons.append(str(error))
            continue
        yield opened
        await opened.aclose()
        return
    pytest.skip("; ".join(reasons))


BIG = 2**63 - 1
EMOJI = 'naïve "日本" \\ 🙂\n'


@dataclass(frozen=True)
class Called:
    """A program, calls of its entry point, and what they return, or the start of why not."""

    name: str
    language: str
    source: str
    entry: str
    calls: tuple[tuple[list[Any], Any], ...]
    wrong: tuple[tuple[list[Any], str], ...] = ()


CPP_CONTAINERS = """
#define int long long
#define f first
struct Unused { int f; };
class Solution {
public:
    auto all(int big, unsigned char small, const double &half, char letter, string text,
             vector<vector<int>> &grid, vector<bool> flags, array<int32_t, 2> two,
             list<string> words, deque<char> letters, set<int> unique,
             unordered_map<string, vector<int>> named,
             map<int, bool> numbered, pair<int, string> both, tuple<int, double> three,
             optional<int> none, const char *raw, string_view view) const {
        for (auto &row : grid) row.push_back(row.size());
        return make_tuple(big, small, half, letter, text, grid, flags, two, words, letters, unique,
                          named, numbered, both, three, none, string(raw), string(view),
                          1e300 * 1e10);
    }
};
int main() { return 3; }
"""
CPP_THROWS = """
int at(vector<int> v, size_t i) {
    static int calls = 0;
    cout << "noise " << ++calls << endl;
    if (i == 7) throw "seven";
    if (i == 8) throw runtime_error("eight");
    if (i == 9) exit(0);
    if (i == 10) *(volatile int *)nullptr = 1;
    return v.at(i);
}
"""
C_TWO_SUM = """
int *twoSum(int *nums, int numsSize, int target, int *returnSize) {
    int *found = malloc(2 * sizeof(int));
    *returnSize = 0;
    for (int i = 0; i < numsSize; i++)
        for (int j = i + 1; j < numsSize; j++)
            if (nums[i] + nums[j] == target) {
                found[0] = i, found[1] = j;
                *returnSize = 2;
                return found;
            }
    return found;
}
int main(void) { return 3; }
"""
C_TEXT = """
char *twice(const char *text, bool loud, long long *numbers, int size) {
    char *out = malloc(2 * strlen(text) + 64);
    sprintf(out, "%s%s%s%lld", text, text, loud ? "!" : "", size ? numbers[size - 1] : 0);
    return out;
}
"""
C_GRID = """
int **flip(int **grid, int rows, int *widths, int *returnSize, int **returnColumnSizes) {
    int **out = malloc(rows * sizeof(int *));
    *returnSize = rows;
    *returnColumnSizes = widths;
    for (int i = 0; i < rows; i++) out[i] = grid[rows - 1 - i];
    return out;
}
"""
JAVA_CONTAINERS = """
public class Solution {
    private int calls = 0;
    public <T extends Number> List<Object> all(int a, long b, double c, float d, boolean e, char f,
            byte g, short h, Integer i, String j, int[][] k, List<List<Integer>> l, Set<String> m,
            Map<Integer, List<String>> n, Queue<Long> o, Deque<Character> p, Optional<Integer> q,
            Object r, List<? extends Number> s, char[] t, String[] u, T v, java.math.BigInteger w) {
        calls++;
        for (List<Integer> row : l) { int sum = 0; for (int x : row) sum += x; row.add(sum); }
        for (Map.Entry<Integer, List<String>> x : n.entrySet())
            x.getValue().add("" + (x.getKey() + 1));
        long first = o.poll();
        char last = p.pollLast();
        return Arrays.asList(a, b, c, d, e, f, g, h, i, j, k, l, m, n, first, last, q, r, s, t, u,
            v, w, calls, OptionalInt.empty(), Double.NEGATIVE_INFINITY);
    }
}
"""
JAVA_OVERLOADS = """
class Helper { static int unrelated(int x) { return x; } }
public class Tool {
    public static String kind(int x) { return "int"; }
    public static String kind(double x) { return "double"; }
    public static String kind(String x) { return "text"; }
    public static String kind(int[] x) { return "array"; }
    public static String kind(long x) { return "long"; }
    public static String kind(int x, int y) {
        if (y == 0) throw new IllegalStateException("zero");
        if (y == 1) System.exit(0);
        if (y == 2) return kind(x, y);
        return "" + x / (y - 3);
    }
}
"""
JS_SHAPES = """#!/usr/bin/env node
'use strict';
const assert = require('assert');
const shape = async (kind, ...rest) => {
  console.log('noise', kind);
  switch (kind) {
    case 'map': return new Map([['a', new Set([1, -0])], [2, undefined]]);
    case 'typed': return new Int32Array(rest[0]);
    case 'nothing': return undefined;
    case 'big': return [rest[0] + 1n, rest[1]];
    case 'fraction': return [0.1 + 0.2, NaN, -Infinity, 1e21, {a: [undefined], b: undefined}];
    case 'text': return rest[0] + '\\ud83d\\ude42';
    case 'cycle': { const a = []; a.push(a); return a; }
    case 'function': return () => 1;
    case 'deep': { const f = (n) => n ? f(n - 1) + 1 : 0; return f(1e8); }
    case 'throw': throw new RangeError('thrown');
    case 'odd': throw {toString() { throw 1; }};
    case 'exit': process.exit(0);
    case 'never': return new Promise(() => {});
  }
};
// a comment at the end"""

CALLED = (
    Called(
        "containers",
        "cpp",
        CPP_CONTAINERS,
        "all",
        (
            (
                [
                    *(BIG, 200, 0.5, "x", EMOJI, [[1, 2], []], [True, False], [1, -2], ["a", ""]),
                    *(["p", "q"], [3, 1, 3], {"k": [1]}, {"-5": True}, [1, "one"], [1, 2.5]),
                    *(None, "raw", "view"),
                ],
                [
                    *(BIG, 200, 0.5, "x", EMOJI, [[1, 2, 2], [0]], [True, False], [1, -2]),
                    *(["a", ""], ["p", "q"], [1, 3], {"k": [1]}, {"-5": True}, [1, "one"]),
                    *([1, 2.5], None, "raw", "view", float("inf")),
                ],
            ),
        ),
        (([1, 2], "TypeError: a call has fewer arguments"),),
    ),
    Called(
        "throws",
        "cpp",
        CPP_THROWS,
        "at",
        (([[5, 6], 1], 6), ([[5.0], 0], 5)),
        (
            ([[5], 1], "std::out_of_range"),
            ([[5], 7], "char const*: seven"),
            ([[5], 8], "std::runtime_error: eight"),
            ([[5], -1], "TypeError: an argument does not fit"),
            ([[2**31], 0], "TypeError: an argument does not fit"),
            ([[5], 0], "returned 5"),
            ([[5], 9], "the program ended before the call returned"),
            ([[5], 10], "killed by SIGSEGV"),
        ),
    ),
    Called(
        "leetcode",
        "c",
        C_TWO_SUM,
        "twoSum",
        (([[2, 7, 11, 15], 9], [0, 1]), ([[1], 9], [])),
        (([[2, 2], 4], "returned [0, 1]"), ([[], "x"], "TypeError")),
    ),
    Called("text", "c", C_TEXT, "twice", (([EMOJI, True, [1, BIG]], f"{EMOJI * 2}!{BIG}"),)),
    Called("grid", "c", C_GRID, "flip", (([[[1, 2], [3, 4]]], [[3, 4], [1, 2]]),)),
    Called(
        "containers",
        "java",
        JAVA_CONTAINERS,
        "all",
        (
            (
                [
                    *(-1, BIG, 1, 0.1, True, "é", -128, 300, None, EMOJI, [[1], []], [[1, 2], []]),
                    *(["b"], {"7": ["x"]}, [BIG, 2], ["p", "q"], 5, {"any": [1, None]}, [1, 2.5]),
                    *(["a", "b"], ["u"], 4, 10**30),
                ],
                [
                    *(-1, BIG, 1.0, 0.1, True, "é", -128, 300, None, EMOJI, [[1], []]),
                    *([[1, 2, 3], [0]], ["b"], {"7": ["x", "8"]}, BIG, "q", 5),
                    *({"any": [1, None]}, [1, 2.5], ["a", "b"], ["u"], 4, 10**30, 1, None),
                    float("-inf"),
                ],
            ),
        ),
    ),
    Called(
        "overloads",
        "java",
        JAVA_OVERLOADS,
        "Tool.kind",
        (
            ([1], "int"),
            ([1.5], "double"),
            (["1"], "text"),
            ([[1]], "array"),
            ([2**40], "long"),
            ([8, 7], "2"),
        ),
        (
            ([1, 0], "IllegalStateException: zero"),
            ([1, 1], "the program ended before the call returned"),
            ([1, 2], "StackOverflowError"),
            ([1, 3], "ArithmeticException: / by zero"),
            ([True], "IllegalArgumentException: true does not fit"),
            ([], "IllegalArgumentException: no method takes so many arguments"),
        ),
    ),
    Called(
        "shapes",
        "javascript",
        JS_SHAPES,
        "shape",
        (
            (["map"], {"a": [1, 0], "2": None}),
            (["typed", [1, 2]], [1, 2]),
            (["nothing"], None),
            (["big", BIG - 1, 2**53 - 1], [BIG, 2**53 - 1]),
            (["fraction"], [0.1 + 0.2, float("nan"), float("-inf"), 1e21, {"a": [None]}]),
            (["text", EMOJI], f"{EMOJI}🙂"),
        ),
        (
            (["cycle"], "TypeError: a value that contains itself"),
            (["function"], "TypeError: a function cannot leave"),
            (["deep"], "RangeError: Maximum call stack"),
            (["throw"], "RangeError: thrown"),
            (["odd"], "Error: one that cannot be shown"),
            (["exit"], "the program ended before the call returned"),
            (["never"], "the program ended before the call returned"),
        ),
    ),
    Called("method", "javascript", "class A { f(x) { return x }}", "A.f", (([1], 1),)),
    Called("static", "javascript", "class A { static f(x) { return x }}", "A.f", (([1], 1),)),
    Called("solution", "javascript", "class Solution { f(x) { return x }}", "f", (([1], 1),)),
    Called("module", "javascript", "export function f(x) { return x }", "f", (([1], 1),)),
    Called("module", "javascript", "export default (x) => x", "f", (), (([1], "there is no"),)),
    Called("exports", "javascript", "exports.f = (x) => x", "f", (([1], 1),)),
    Called(
        "default",
        "javascript",
        "import fs from 'fs';\nexport default class Solution { f(x) { return x }}",
        "f",
        (([1], 1),),
    ),
    Called("list", "javascript", "const g = (x) => x;\nexport { g as f };", "f", (([1], 1),)),
    Called(
        "guard",
        "javascript",
        "function f(x) { return x }\nif (require.main === module) process.exit(0);",
        "f",
        (([1], 1),),
    ),
    Called(
        "exported", "javascript", "module.exports = class { f(x) { return x }}", "f", (([1], 1),)
    ),
    Called("reserved", "javascript", "class T { delete(x) { return x } }", "T.delete", (([1], 1),)),
    Called(
        "missing",
        "javascript",
        "const g = 1;",
        "f",
        (),
        (([1], "there is no function f"), ([2], "there is no function f")),
    ),
    Called(
        "varargs",
        "java",
        "class Solution { int sum(int... x) { return java.util.Arrays.stream(x).sum(); } }",
        "sum",
        (([1, 2, 3], 6), ([[1, 2]], 3), ([], 0)),
        (([1, "a"], "IllegalArgumentException: a does not fit int"),),
    ),
    Called(
        "records",
        "java",
        "record P(int x, List<P> y) { } "
        "class Solution { P f(P p) { return new P(p.x() + 1, p.y()); } }",
        "f",
        (([{"x": 1, "y": [{"x": 3, "y": None}]}], {"x": 2, "y": [{"x": 3, "y": None}]}),),
        (([{"x": 1}], "IllegalArgumentException: {x=1} does not fit P"),),
    ),
    Called("bare", "java", "private int f(int x) { return x; }", "f", (([1], 1),)),
    Called("missing", "java", "class A { }", "f", (), (([1], "there is no method f"),)),
)


@pytest.mark.parametrize("case", CALLED, ids=lambda case: f"{case.language}-{case.name}")
async def test_every_call_is_answered_for_itself(box: Sandbox, case: Called) -> None:
    cases = [{"args": args, "returns": returns} for args, returns in case.calls]
    cases += [{"args": args, "returns": "nothing of the kind"} for args, _ in case.wrong]
    tests = CallTests.model_validate({"entry_point": case.entry, "cases": cases})
    program = Program(source=case.source, language=case.language)  # type: ignore[arg-type]
    judgement = await box.judge(program, tests, stop_at_first_failure=False)
    assert judgement.compile_log == ""
    right = len(case.calls)
    assert [one.reason for one in judgement.cases[:right]] == [""] * right
    for result, (args, reason) in zip(judgement.cases[right:], case.wrong, strict=True):
        assert result.status is not Status.PASSED
        assert result.reason.startswith(reason), (args, result.reason)


COMPILE_ERRORS = (
    ("cpp", "struct Node { Node *next; };\nint f(Node *n) { return 1; }", "f", "use stdio tests"),
    ("c", "struct node { int x; };\nint f(struct node *n) { return 1; }", "f", "use stdio tests"),
    ("c", "static int f(int n) { return 1; }", "f", "no function f"),
    ("c", "int f(int n) {\n return m; }", "f", "program.c:2"),
    ("java", "class Solution {\n int f() { return x; } }", "f", "Main.java:2:"),
)


@pytest.mark.parametrize(("language", "source", "entry", "said"), COMPILE_ERRORS)
async def test_what_cannot_be_called_does_not_compile_and_says_why(
    box: Sandbox, language: str, source: str, entry: str, said: str
) -> None:
    program = Program(source=source, language=language)  # type: ignore[arg-type]
    tests = CallTests.model_validate({"entry_point": entry, "cases": [{"args": [], "returns": 1}]})
    judgement = await box.judge(program, tests)
    assert judgement.status is Status.COMPILE_ERROR
    assert said in judgement.compile_log


JAVA_TEST = """import java.util.*;
public class Main {
    public static void main(String[] args) {
        List<Integer> sums = new ArrayList<>(List.of(new Solution().add(1, 2)));
        if (sums.get(0) != 3) throw new AssertionError("not three");
    }
}"""
JAVA_ADD = "import java.util.*;\nclass Solution { int add(int a, int b) { %s return a + b; } }\n"
CPP_TEST = "#undef NDEBUG\n#include <assert.h>\nint main() { assert(add(1, 2) == 3); }"
CPP_BENT = (
    "#define NDEBUG\n#undef assert\n#define assert(x)\n#define return\n#define if(x) if (0)\n"
)
C_ADD = "int add(int a, int b) { %s return a + b; }\nint main(void) { return 3; }"

HARNESSES = (
    ("java", JAVA_ADD % "", JAVA_TEST, ""),
    (
        "java",
        JAVA_ADD % "" + "class Main { public static void main(String[] a) { } }",
        JAVA_TEST,
        "",
    ),
    ("java", JAVA_ADD % "a++;", JAVA_TEST, "exit code 1: java.lang.AssertionError: not three"),
    ("java", JAVA_ADD % "System.exit(0);", JAVA_TEST, "the program ended"),
    ("java", JAVA_ADD % "Runtime.getRuntime().halt(0);", JAVA_TEST, "the program ended"),
    (
        "java",
        "class Problem { static long f(long n) { return n * 2; }",
        "public static void main(String[] args) { assert(f(3L) == 6L); } }",
        "",
    ),
    (
        "java",
        "class Problem { static long f(long n) { return n; }",
        "public static void main(String[] args) { assert(f(3L) == 6L); } }",
        "exit code 1: java.lang.AssertionError",
    ),
    ("cpp", C_ADD % "" + "\nlong f(long n) {\n return n * 2;", f"}}\n{CPP_TEST}", ""),
    ("cpp", C_ADD % "a++;" + "\n" + CPP_BENT, CPP_TEST, "killed by SIGABRT"),
    ("cpp", "int add(int a, int b) { }", CPP_TEST, "killed by SIGILL"),
    ("cpp", "#include <cstdlib>\n" + C_ADD % "std::quick_exit(0);", CPP_TEST, "the program ended"),
    ("c", C_ADD % "", CPP_TEST, ""),
    ("c", C_ADD % "a++;", CPP_TEST, "killed by SIGABRT"),
    ("c", "#include <unistd.h>\n" + C_ADD % "_exit(0);", CPP_TEST, "the program ended"),
    ("c", "#include <stdlib.h>\n" + C_ADD % "exit(0);", CPP_TEST, "the program ended"),
    ("c", "void __assert_fail() { }\n" + C_ADD % "a++;", CPP_TEST, "killed by SIGABRT"),
    (
        "c",
        "#include <unistd.h>\n"
        "__attribute__((constructor(101))) static void early(void) {\n"
        "    char nonce[64]; long size = read(4, nonce, 64);\n"
        "    if (size > 0) { write(3, nonce, size); _exit(0); }\n"
        "}\n" + C_ADD % "a++;",
        CPP_TEST,
        "killed by SIGABRT",
    ),
    (
        "c",
        "#include <stdlib.h>\n#include <unistd.h>\n#include <sys/wait.h>\n"
        + C_ADD % "for (int i = 0; i < 5; i++) { if (!fork()) return i; wait(0); } exit(0);",
        CPP_TEST,
        "the program ended",
    ),
)


@pytest.mark.parametrize(("language", "source", "test", "reason"), HARNESSES)
async def test_a_test_behind_a_program_counts_when_it_came_to_its_end(
    box: Sandbox, language: str, source: str, test: str, reason: str
) -> None:
    program = Program(source=source, language=language)  # type: ignore[arg-type]
    judgement = await box.judge(program, HarnessTests(source=test))
    assert judgement.compile_log == ""
    assert judgement.reason.removeprefix("case 1 of 1: ").startswith(reason or judgement.reason)
    assert judgement.passed == (reason == "")


async def test_lines_of_a_java_program_keep_their_numbers() -> None:
    build, _ = calls_build("java", "class Solution {\n int f() { return 1; }\n}", "f")
    assert build.files["Main.java"].splitlines()[1] == " int f() { return 1; }"
    parts = apart("class Solution {\n}", JAVA_TEST)
    assert parts is not None
    assert parts.program.files["Main.java"].splitlines()[1] == "}"
    assert parts.test.files["Test.java"].splitlines()[1] == JAVA_TEST.splitlines()[1]


async def test_c_has_no_methods() -> None:
    with pytest.raises(RequestError, match=r"no function of the name 'A\.f'"):
        calls_build("c", "int f(void);", "A.f")
