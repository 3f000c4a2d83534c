"""Every language through standard input and output: right, wrong, broken, slow, large programs."""

import pytest

from sandbox import Limits, Program, Sandbox, Status, TestCase
from sandbox.languages import LANGUAGES

pytestmark = pytest.mark.asyncio(loop_scope="session")

JAVA = (
    "import java.util.*;\npublic class Main {{\n"
    "  public static void main(String[] args) throws Exception {{\n    {}\n  }}\n}}\n"
)
SUM = {
    "python": "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "c": '#include <stdio.h>\nint main() { long long s = 0, x; while (scanf("%lld", &x) == 1)'
    " s += x;"
    ' printf("%lld\\n", s); }',
    "cpp": "#include <bits/stdc++.h>\nusing namespace std;\n"
    "int main() { long long s = 0, x; while (cin >> x) s += x; cout << s << endl; }",
    "java": JAVA.format(
        "Scanner in = new Scanner(System.in); long s = 0;"
        " while (in.hasNextLong()) s += in.nextLong(); System.out.println(s);"
    ),
    "javascript": "const text = require('fs').readFileSync(0, 'utf8');\n"
    "const words = text.split(/\\s+/).filter(Boolean);\n"
    "console.log(words.reduce((s, w) => s + Number(w), 0));",
}
LOOP = {
    "python": "while True: pass",
    "c": "int main() { for (volatile int i = 0;; i++); }",
    "cpp": "int main() { for (volatile int i = 0;; i = i + 1); }",
    "java": JAVA.format("while (true) { }"),
    "javascript": "for (;;);",
}
CRASH = {
    "python": "print(1 / 0)",
    "c": "#include <stdlib.h>\nint main() { abort(); }",
    "cpp": '#include <stdexcept>\nint main() { throw std::runtime_error("no"); }',
    "java": JAVA.format(
        "System.out.println(new int[1][0].length + new int[0][1].length);"
        " int[] a = new int[1]; a[2] = 1;"
    ),
    "javascript": "null.x;",
}
BROKEN = {
    "c": "int main() { return undeclared; }",
    "cpp": "int main() { std::vector<int> v; }",
    "java": 'public class Main { public static void main(String[] a) { int x = "s"; } }',
}
HUNGRY = {
    "python": "x = bytearray(1 << 30)",
    "c": "#include <stdlib.h>\n#include <string.h>\n"
    "int main() { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }",
    "cpp": "#include <vector>\nint main() { std::vector<std::vector<char>> v;"
    " for (;;) v.emplace_back(1 << 20, 'x'); }",
    "java": JAVA.format(
        "List<byte[]> v = new ArrayList<>(); while (true) v.add(new byte[1 << 20]);"
    ),
    "javascript": "const v = []; for (;;) v.push(new Array(1 << 17).fill(0.5));",
}
DEEP = {  # a recursion of 50,000 calls
    "python": "import sys\nsys.setrecursionlimit(10 ** 6)\n"
    "def f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(50000))",
    "c": "#include <stdio.h>\nint f(int n) { volatile int x[16]; x[0] = n;"
    ' return n == 0 ? 0 : 1 + f(x[0] - 1); }\nint main() { printf("%d\\n", f(50000)); }',
    "cpp": "#include <iostream>\nint f(int n) { volatile int x[16]; x[0] = n;"
    " return n == 0 ? 0 : 1 + f(x[0] - 1); }\nint main() { std::cout << f(50000) << '\\n'; }",
    "java": "public class Main { static int f(int n) { return n == 0 ? 0 : 1 + f(n - 1); }\n"
    "  public static void main(String[] a) { System.out.println(f(50000)); } }",
    "javascript": "const f = n => n === 0 ? 0 : 1 + f(n - 1);\nconsole.log(f(50000));",
}
CASES = [
    TestCase(stdin="1 2 3", stdout="6"),
    TestCase(stdin="", stdout="0"),
    TestCase(stdin="\n".join(["10"] * 50_000), stdout="500000"),
    TestCase(stdin="-4 4000000000", stdout="3999999996"),
]
each_language = pytest.mark.parametrize("language", LANGUAGES)


@each_language
async def test_right_and_wrong(box: Sandbox, language: str) -> None:
    program = Program(source=SUM[language], language=language)
    judgement = await box.judge(program, CASES, stop_at_first_failure=False)
    assert judgement.passed, judgement
    assert judgement.passed_count == 4
    wrong = [*CASES[:2], TestCase(stdin="1", stdout="2"), *CASES[2:]]
    judgement = await box.judge(program, wrong)
    assert not judgement.passed
    assert judgement.reason.startswith("case 3 of 5: word 1 is wrong")
    assert [case.status for case in judgement.cases[3:]] == [Status.NOT_RUN] * 2
    judgement = await box.judge(program, wrong, stop_at_first_failure=False)
    assert (judgement.passed_count, judgement.total) == (4, 5)


@each_language
async def test_a_crash(box: Sandbox, language: str) -> None:
    result = await box.run(Program(source=CRASH[language], language=language))
    assert result.status is Status.RUNTIME_ERROR, result
    assert result.reason


@pytest.mark.parametrize("language", BROKEN)
async def test_a_program_that_does_not_compile(box: Sandbox, language: str) -> None:
    program = Program(source=BROKEN[language], language=language)
    judgement = await box.judge(program, CASES)
    assert judgement.status is Status.COMPILE_ERROR
    assert "error" in judgement.compile_log
    assert (await box.run(program)).status is Status.COMPILE_ERROR


@each_language
async def test_an_endless_loop(box: Sandbox, language: str) -> None:
    program = Program(source=LOOP[language], language=language)
    result = await box.run(program, limits=Limits(wall_seconds=1.0))
    assert result.status is Status.TIME_LIMIT, result


@each_language
async def test_too_much_memory(box: Sandbox, language: str) -> None:
    program = Program(source=HUNGRY[language], language=language)
    result = await box.run(program, limits=Limits(memory_mb=128, wall_seconds=20))
    assert result.status in (Status.MEMORY_LIMIT, Status.RUNTIME_ERROR), result


@each_language
async def test_a_deep_recursion(box: Sandbox, language: str) -> None:
    result = await box.run(Program(source=DEEP[language], language=language))
    assert result.stdout.strip() == "50000", result


async def test_a_checker_program_decides(box: Sandbox) -> None:
    checker = Program(
        source="import sys\nasked, got, answer = (open(name).read() for name in sys.argv[1:])\n"
        "a, b = map(int, got.split())\n"
        "sys.exit(0 if a + b == int(asked) and answer == 'any' else 1)"
    )
    tests = {
        "kind": "stdio",
        "cases": [{"stdin": "10", "stdout": "any"}, {"stdin": "3", "stdout": "any"}],
        "checker": checker.model_dump(),
    }
    right = await box.judge(Program(source="n = int(input())\nprint(1, n - 1)"), tests)
    assert right.passed, right
    assert right.trust == "checker"
    wrong = await box.judge(Program(source="print(1, 9)"), tests)
    assert wrong.reason == "case 2 of 2: the checker rejects the output"
