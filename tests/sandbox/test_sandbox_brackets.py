"""A test that breaks off is no test, whatever the program is; what only looks so is one."""

import pytest

from sandbox import TestsError
from sandbox.judge import parse_tests
from sandbox.trust import trust_of

MAIN = "int main() {{ {} return 0; }}"
CLOSED = (
    "assert(f('{') == '('); assert(f('\\'') == '{');",
    'assert(f("a { \\" ( ") == 1); // ) }\n',
    "/* ) */ int n = 1'000'000; assert(g[{0}] == 0xf'f);",
    'auto s = R"x( ) " ( )x"; auto t = R"({)";',
    "switch (c) { case'a': f(\"}\"); case'(': break; }",
)
OPEN = ("assert(f(1) == 2;", "if (f(1)) { ", "int a[2 = {1};", "f(1)) ;", "assert((f)1));", "} }")
JAVA = "class T {{ public static void main(String[] a) {{ {} }} }}"
JAVA_CLOSED = ('String s = """\n { " \\""" ( """;', "char c = '}'; char d = '\\'';", 'f("}");')


def _trust(source: str, language: str) -> object:
    tests = parse_tests({"kind": "harness", "source": source})
    return trust_of(tests, language)  # type: ignore[arg-type]


def test_brackets_that_do_not_match_are_the_tests_fault() -> None:
    for language in ("c", "cpp"):
        for body in CLOSED:
            _trust(MAIN.format(body), language)
        for body in OPEN:
            with pytest.raises(TestsError, match="does not compile"):
                _trust(MAIN.format(body), language)
    for body in JAVA_CLOSED:
        _trust(JAVA.format(body), "java")
    for body in OPEN[:-1]:  # the last could close a class of the program's
        with pytest.raises(TestsError, match="does not compile"):
            _trust(JAVA.format(body), "java")


def test_a_test_may_begin_by_closing_what_the_program_left_open() -> None:
    _trust("}\n" + MAIN.format("assert(f(1) == 2);"), "cpp")
    _trust("} // the class\n" + JAVA.format("f(1);"), "java")


def test_a_test_may_end_by_closing_what_the_program_left_open() -> None:
    _trust("public static void main(String[] a) { f(1); } } // the class\n", "java")
    _trust(MAIN.format("assert(f(1) == 2);") + "\n};\n", "cpp")
    with pytest.raises(TestsError, match="closes nothing"):
        _trust(MAIN.format("assert(f(1) == 2);") + "\n} int g() { return 1; }", "cpp")


def test_conditional_lines_leave_it_to_the_compiler() -> None:
    _trust("#ifdef A\nint main() {\n#else\nint main(void) {\n#endif\nreturn 0; }", "c")
