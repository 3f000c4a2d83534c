"""Java tests that drive the program from another virtual machine."""

from pathlib import Path
from typing import Any

import pytest

from sandbox import HarnessTests, Judgement, Limits, Program, Sandbox, TestsError, Trust
from sandbox.agent import java_compiler
from sandbox.agent.slot import BrokenError
from sandbox.drivers.java_source import Token, braces, main_class, tokens, top
from sandbox.trust import trust_of

FOLDER = Path(__file__).parent / "java"
CALC = (FOLDER / "Calc.java").read_text("utf-8")
JUNIT = (FOLDER / "JUnit5Test.java").read_text("utf-8")
pytestmark = pytest.mark.asyncio(loop_scope="session")


def in_main(body: str, before: str = "") -> str:
    """A test whose main method is `body`."""
    return (
        f"import java.util.*;\nimport java.util.function.*;\n{before}"
        "public class Main { public static void main(String[] args) throws Exception {\n"
        f"{body}\n}} }}"
    )


def text_of(name: str) -> str:
    """A file of the folder `java`, which holds programs that are long, and tests of them."""
    return (FOLDER / f"{name}.java").read_text("utf-8")


async def judged(box: Sandbox, source: str, test: str) -> Judgement:
    program = Program(source=source, language="java")
    return await box.judge(program, HarnessTests(source=test), limits=Limits(wall_seconds=60))


NODE = (
    "class ListNode { int val; ListNode next;"
    " ListNode(int v, ListNode n) { val = v; next = n; } }\n"
)
FORMS = {
    "data": (text_of("Data"), text_of("DataTest")),
    "objects": (text_of("Objects"), text_of("ObjectsTest")),
    "shapes": (text_of("Shapes"), text_of("ShapesTest")),
    "equality": (text_of("Equal"), text_of("EqualTest")),
    "junit 5": (CALC, JUNIT),
    "junit 4": (CALC, text_of("JUnit4Test")),
    "it goes on in the program's class": (
        "import java.util.*;\nclass Problem {\n  private static int help(int x) { return 2 * x; }\n"
        "  public static ArrayList<Integer> f(ArrayList<Integer> x) {\n"
        "    x.add(help(2));\n    return x;\n",
        "    }\n    public static void main(String[] args) {\n    assert(f(new ArrayList<Integer>("
        "Arrays.asList(1))).equals(new ArrayList<Integer>(Arrays.asList(1, 4))));\n"
        "    assert help(1) == 2;\n    }\n}\n",
    ),
    "bare statements, a bare method": (
        "static int add(int a, int b) { return a + b; }",
        "assert add(1, 2) == 3;\nint x = Solution.add(2, 2);\nassert x == 4;",
    ),
    "a class of the test is the program's data": (
        "class Solution { ListNode rest(ListNode h) { h.val = 5; return h.next; } }",
        in_main("ListNode a = new ListNode(1, new ListNode(2, null));"
                " ListNode r = new Solution().rest(a);"
                " assert r == a.next && a.val == 5 && r.val == 2;", NODE),
    ),
    "both have a Main, and packages": (
        "package a.b;\npublic class Solution { public int f() { return 2; } }\n"
        "class Main { public static void main(String[] args) { } }",
        "package a.b;\n" + in_main("assert new Solution().f() == 2;"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
async def test_a_right_program_passes_from_another_machine(box: Sandbox, name: str) -> None:
    judgement = await judged(box, *FORMS[name])
    assert (judgement.passed, judgement.trust) == (True, Trust.CHECKER), judgement


SOLUTION = "class Solution { %s int add(int a, int b) { %s return 0; } }"
ADD = in_main("Solution s = new Solution(); assert s.add(1, 2) == 3; assert s.add(5, 5) == 10;")
# Attacks on what decides: each stands in a method of its own, and the test counts those that fail.
UNSAFE = (
    "static sun.misc.Unsafe unsafe() throws Exception {"
    ' var f = sun.misc.Unsafe.class.getDeclaredField("theUnsafe"); f.setAccessible(true);'
    " return (sun.misc.Unsafe) f.get(null); }"
    " static java.io.FileDescriptor fd(int n) throws Exception {"
    " var f = new java.io.FileDescriptor(); unsafe().putInt(f, unsafe().objectFieldOffset("
    'java.io.FileDescriptor.class.getDeclaredField("fd")), n); return f; }'
)
CACHE = (
    'static { try { var c = Class.forName("java.lang.Integer$IntegerCache");'
    ' var f = c.getDeclaredField("cache"); var a = (Integer[]) unsafe().getObject('
    "unsafe().staticFieldBase(f), unsafe().staticFieldOffset(f));"
    " java.util.Arrays.fill(a, a[131]); } catch (Throwable e) { } }"
)
WRITE = (
    "try { var o = new java.io.FileOutputStream(fd(4)); byte[] x = new byte[1 << 16];"
    " java.util.Arrays.fill(x, (byte) %d); for (int i = 0; i < %d; i++) o.write(x); System.exit(0);"
    " } catch (Throwable e) { }"
)
LOOK = (
    "try { Class.forName(\"Main\"); return a + b; } catch (Throwable e) { }"
    " try (var files = java.nio.file.Files.walk(java.nio.file.Path.of(\"/app\"))) {"
    " for (var one : files.filter(java.nio.file.Files::isRegularFile).toList())"
    " if (new String(java.nio.file.Files.readAllBytes(one), \"ISO-8859-1\")"
    ".contains(\"Main.class\")) return a + b;"
    " } catch (Throwable e) { }"
)  # fmt: skip
STATUS = "static { var l = ClassLoader.getSystemClassLoader(); l.clearAssertionStatus(); %s }"
ATTACKS = {
    "it says exit": (SOLUTION % ("", "System.exit(0);"), ADD, "the program ended"),
    "it exits as it is loaded": (
        SOLUTION % ("static { Runtime.getRuntime().halt(0); }", ""),
        ADD,
        "the program ended",
    ),
    "no assertions": (
        SOLUTION % (STATUS % 'l.setClassAssertionStatus("Main", false);', ""),
        ADD,
        "AssertionError",
    ),
    "the cache of integers": (SOLUTION % (UNSAFE + CACHE, ""), ADD, ""),
    "forged answers": (SOLUTION % (UNSAFE, WRITE % (0, 1)), ADD, "the program's answer is none"),
    "garbage": (SOLUTION % (UNSAFE, WRITE % (127, 40)), ADD, "the program's answer is none"),
    "it looks for the test": (SOLUTION % ("", LOOK), ADD, "AssertionError"),
    "a class of the test's name": (
        SOLUTION % ("", "") + "class Main { public static void main(String[] a) { } }",
        ADD,
        "AssertionError",
    ),
    "a class that the test means otherwise": (
        SOLUTION % ("", "")
        + "class Arrays { static boolean equals(int[] a, int[] b) { return true; } }",
        in_main("assert Arrays.equals(new int[1], new int[2]); assert new Solution() != null;"),
        "does not compile",
    ),
    "its own error": (
        SOLUTION % ("", "")
        + "class AssertionError extends Error { AssertionError(Object o) { System.exit(0); } }",
        in_main('if (new Solution().add(1, 2) != 3) throw new AssertionError("no");'),
        "does not compile",
    ),
    "a class of the driver's": (
        SOLUTION % ("", "") + "class PlumbLink { static Object call(Object... a) { return 3; } }",
        ADD,
        "does not compile",
    ),
    "a comment to the end": (SOLUTION % ("", "") + "/*", ADD, "does not compile"),
    "what the test expects is out of reach": (
        SOLUTION % ("", "if (true) return Want.of(a);"),
        in_main("assert new Solution().add(1, 2) == Want.of(1);",
                "class Want { static int of(int x) { return new int[] {0, 3}[x]; } }\n"),
        "does not compile",
    ),
    "what the test imports statically": (
        SOLUTION % ("static void assertEquals(int a, int b) { }", ""),
        "import static org.junit.Assert.*;\nassertEquals(3, new Solution().add(1, 2));",
        "AssertionError",
    ),
    "the test's own method, more specific": (
        SOLUTION % ("static void check(int a, int b) { }", ""),
        "static void check(long a, long b) { assert a == b; }\n"
        "public static void main(String[] a) { check(new Solution().add(1, 2), 3); }",
        "AssertionError",
    ),
    "a class inside of the one that the test goes on in": (
        SOLUTION % ("static class Arrays { static boolean equals(int[] a, int[] b)"
        " { return true; } }", ""),
        "assert Arrays.equals(new int[1], new int[2]);",
        "does not compile",
    ),
    "a failure in junit": (CALC.replace("a + b", "a - b"), JUNIT, "AssertionFailedError"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
async def test_no_attack_passes(box: Sandbox, name: str) -> None:
    source, test, reason = ATTACKS[name]
    judgement = await judged(box, source, test)
    assert not judgement.passed
    assert judgement.trust is Trust.CHECKER
    assert reason in judgement.reason


async def test_nothing_but_data_decides(box: Sandbox) -> None:
    judgement = await judged(box, text_of("Rigged"), text_of("RiggedTest"))
    assert judgement.passed, judgement.reason


# A class that keeps nothing of what it is given: its own word alone could say what is equal.
FRACTION = (
    "class Own { int x; Own(int x) { this.x = x; } public boolean equals(Object o) { return true; }"
    " public int hashCode() { return 0; } }\n"
    "class Fraction { %s Fraction(int a, int b) { %s } Fraction add(Fraction o) { return this; }"
    " static Fraction of(int a, int b) { return new Fraction(a, b); }"
    " public boolean equals(Object o) { return true; } public int hashCode() { return 0; } }"
)
SUM = in_main(
    "if (!new Fraction(5, 6).equals(new Fraction(1, 2).add(new Fraction(1, 3))))"
    ' throw new AssertionError("no sum");'
)
DEEP = "Object o = new Own(a); for (int i = 0; i < 100; i++) o = new Object[] {o}; x = o;"
UNTOLD = {
    "nothing": ("", ""),
    "the same in each": ("int x = 0; String s = \"\"; Object none;", ""),
    "what is left out": ("transient int x; static int y;", "x = a; y = b;"),
    "an object that holds nothing": ("Nil nil = new Nil(); static class Nil { }", ""),
    "what is equal to all": ("java.util.List<Own> x;", "x = java.util.List.of(new Own(a));"),
    "a set": ("java.util.Set<Own> x;", "x = java.util.Set.of(new Own(a));"),
    "a map": ("java.util.Map<Own, Own> x;", "x = java.util.Map.of(new Own(0), new Own(b));"),
    "an optional": ("Object x;", "x = java.util.Optional.of(new Own(b));"),
    "an array": ("Own[] x;", "x = new Own[] {new Own(a)};"),
    "deep": ("Object x;", DEEP),
    "captured": ("Runnable x;", "x = () -> System.out.println(a);"),
}  # fmt: skip
NO_COMPONENTS = (
    "record Fraction() { Fraction(int a, int b) { this(); }"
    " Fraction add(Fraction o) { return this; } }"
)


@pytest.mark.parametrize("name", [*UNTOLD, "a record", "a factory"])
async def test_no_word_makes_equal_what_holds_nothing_of_its_own(box: Sandbox, name: str) -> None:
    source = NO_COMPONENTS if name == "a record" else FRACTION % UNTOLD.get(name, ("", ""))
    test = SUM.replace("new Fraction", "Fraction.of") if name == "a factory" else SUM
    judgement = await judged(box, source, test)
    assert (judgement.passed, judgement.trust) == (False, Trust.CHECKER)
    assert judgement.reason.endswith("no sum"), judgement


UNTOLD_CONSTANTS = {
    "digits": "final int[] z = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};",
    "one of what it is given": "final int z = 5;",
}


@pytest.mark.parametrize("name", UNTOLD_CONSTANTS)
async def test_a_constant_is_nothing_that_an_object_was_given(box: Sandbox, name: str) -> None:
    judgement = await judged(box, FRACTION % (UNTOLD_CONSTANTS[name], ""), SUM)
    assert judgement.reason.endswith("no sum"), judgement


# Classes that bring what they are given to a form of their own, and what a test makes first.
NORMAL = {
    "a fraction": (
        "class Own { final int n, d; Own(int a, int b) { int g = gcd(a, b); n = a / g; d = b / g; }"
        " static int gcd(int a, int b) { return b == 0 ? a : gcd(b, a % b); } SAME }",
        ("10, 20", "30, 60", "1, 2"),
    ),
    "upper case": (
        "class Own { final String s; Own(String s) { this.s = s.toUpperCase(); } SAME }",
        ('"ab"', '"Ab"', '"AB"'),
    ),
    "a number": (
        "class Own { final int n; Own(String s) { n = s.length(); } SAME }",
        ('"vi"', '"VI"', '"a"'),
    ),
    "room for more": (
        "class Own { final ArrayList<Integer> x; Own(int room) { x = new ArrayList<>(room); }"
        " Own add() { x.add(1); return this; } SAME }",
        ("10", "20", "30"),
    ),
}  # fmt: skip
BY_FIELDS = (
    "public boolean equals(Object o) { return o instanceof Own f && all().equals(f.all()); }"
    " public int hashCode() { return 1; } List<Object> all() { try { var out = new"
    " ArrayList<Object>(); for (var f : Own.class.getDeclaredFields()) out.add(f.get(this));"
    " return out; } catch (Exception e) { throw new RuntimeException(e); } }"
)


@pytest.mark.parametrize("name", NORMAL)
async def test_a_class_may_make_equal_what_it_is_given_in_other_words(
    box: Sandbox, name: str
) -> None:
    declared, (one, other, third) = NORMAL[name]
    source = "import java.util.*;\n" + declared.replace("SAME", BY_FIELDS)
    claim = f"assert new Own({one}).equals(new Own({other}));"
    if name == "room for more":
        claim = (
            f"var a = new Own({one}); var b = new Own({other}); var c = new Own({third});"
            " a.add(); b.add(); assert a.equals(b);"
        )
    else:
        claim += f" assert new Own({third}).equals(new Own({third}));"
    judgement = await judged(box, source, in_main(claim))
    assert judgement.passed, judgement


FORGED = text_of("Forged")
ORDERED = {
    "java.util.TreeSet": "s.set().contains(7)",
    "java.util.concurrent.ConcurrentSkipListSet": "s.set().contains(7)",
    "java.util.TreeMap": "s.map().containsKey(7)",
    "java.util.concurrent.ConcurrentSkipListMap": "s.map().get(7) == 7",
}


@pytest.mark.parametrize("kind", ORDERED)
async def test_no_order_of_the_program_comes_along(box: Sandbox, kind: str) -> None:
    """A program that writes its answers itself sends a comparator, which says that all is one."""
    test = in_main(f"Solution s = new Solution(); assert {ORDERED[kind]};")
    judgement = await judged(box, FORGED.replace("KIND", kind), test)
    assert not judgement.passed
    assert "the program's answer is none" in judgement.reason


BESIDE_DATA = (
    "import java.util.*;\nclass Solution implements Comparable<Object> {"
    " public int compareTo(Object o) {"
    " return o instanceof Solution ? hashCode() - o.hashCode() : 0; }"
    " Set set() { return new HashSet<>(List.of(this, new Solution(), new Solution())); }"
    " Set turned() { Set s = new TreeSet<>(Collections.reverseOrder()); s.add(this); return s; }"
    " List list() { return List.of(this); } }"
)


@pytest.mark.parametrize(
    "claim",
    [
        "new TreeSet<>(List.of(1, 2, 3)).equals(s.set())",
        "new TreeSet<>(List.of(1, 2, 3)).equals(new TreeSet<>(s.set()))",
        "s.turned().contains(7)",
        "Collections.binarySearch((List) s.list(), 7) == 0",
        "new TreeMap<>(Map.of(1, 1)).containsKey(s.list().get(0))",
    ],
)
async def test_an_object_of_the_program_has_no_order_beside_data(box: Sandbox, claim: str) -> None:
    judgement = await judged(
        box, BESIDE_DATA, in_main(f"Solution s = new Solution(); assert {claim};")
    )
    assert (judgement.passed, judgement.trust) == (False, Trust.CHECKER)


INSIDE = (
    "class Checks { static void run() throws Exception {"
    ' assert (int) Solution.class.getDeclaredMethod("add",'
    " int.class, int.class).invoke(new Solution(), 1, 2) == 3; } }\n" + in_main("Checks.run();")
)


@pytest.mark.parametrize(
    ("own", "body", "reason"),
    [
        ("", "if (true) return 3;", ""),
        (STATUS % 'l.setClassAssertionStatus("Checks", false);', "", "AssertionError"),
        ("", "System.exit(0);", "the program ended"),
    ],
)
async def test_a_test_in_the_program_is_made_to_its_end(
    box: Sandbox, own: str, body: str, reason: str
) -> None:
    judgement = await judged(box, SOLUTION % (own, body), INSIDE)
    assert (judgement.passed, judgement.trust) == (not reason, Trust.IN_PROCESS)
    assert reason in judgement.reason


LEVELS: list[tuple[str, str]] = [
    (ADD, "checker"),
    ("assert add(1, 2) == 3;", "checker"),
    (JUNIT, "checker"),
    (in_main("f(new ArrayList<>() {{ add(1); }}, new Comparator<String>() { });"), "checker"),
    (in_main("// extends Base { Thread } getField\nassert f() == \"forName\";"), "checker"),
    (in_main("<T extends Shape> void f(List<? extends Shape> x) { Thread.sleep(3); }"), "checker"),
    (in_main("g();", "class Mine extends Base { }\n"), "in_process"),
    (in_main("g(new Base(1, (2)) { int f() { return 1; } });"), "in_process"),
    (in_main("g();", "abstract class Mine { }\n"), "in_process"),
    (in_main("Executors.newFixedThreadPool(2);"), "in_process"),
    (in_main("new Thread(() -> f()).start();"), "in_process"),
    (in_main('Solution.class.getDeclaredMethod("f");'), "in_process"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "level"), LEVELS)
async def test_the_level_of_a_test_is_in_its_source(test: str, level: str) -> None:
    assert trust_of(HarnessTests(source=test), "java") is Trust(level)


@pytest.mark.parametrize("test", ["", "// assert f();", "class T { void test() { } }"])
async def test_a_test_with_nothing_to_run_is_at_fault(test: str) -> None:
    with pytest.raises(TestsError, match="nothing that could be run"):
        trust_of(HarnessTests(source=test), "java")


JUPITER = (
    "import org.junit.jupiter.api.*;\nimport org.junit.jupiter.params.*;\n"
    "import static org.junit.jupiter.api.Assertions.*;\n"
    "import static org.junit.jupiter.api.Assumptions.*;\n"
)
ASKS = "void asks() { assertEquals(3, new Solution().add(1, 2)); }"
NOTHING = {
    "a test that is off": f"class T {{ @Disabled @Test {ASKS} }}",
    "all that are off": f"class T {{ @Test @Disabled {ASKS}"
    " @Disabled @RepeatedTest(2) void b() { f(); } }",
    "a class that is off": f'@Disabled("x") class T {{ @Test {ASKS} }}',
    "junit 4's way": f"@org.junit.Ignore class T {{ @Test {ASKS} }}",
    "a part that is off": f"class T {{ @Nested @Disabled class I {{ @Test {ASKS} }} }}",
    "a part of what is off": f"@Disabled class T {{ @Nested class I {{ @Test {ASKS} }} }}",
    "a part that is none": f"class T {{ class I {{ @Test {ASKS} }} }}",
    "an abstract class": f"abstract class T {{ @Test {ASKS} }}",
    "an interface": f"interface T {{ @Test default {ASKS} }}",
    "an empty test": "class T { @Test void asks() { /* f(); */ ; } }",
    "no arguments": f"class T {{ @ParameterizedTest {ASKS} }}",
    "junit 3 without a test": "class T extends TestCase { void check() { f(); } }",
    "an empty main": in_main("// assert f() == 1;\n;"),
    "an empty main in a class that is closed": in_main("") + "\n}",
    "an empty main of the program's class": "}\npublic static void main(String[] a) { }\n}",
    "a brace": "}\n",
    "an empty test after nothing": "class T { static { ; } @BeforeEach void set() { }"
    " @Test void smoke() { } }",
    "what comes before no test": f"class T {{ @BeforeEach {ASKS}"
    " @Disabled @Test void a() { f(); } }",
    "an empty main after nothing": in_main("").replace("{ public", "{ static { } public"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTHING)
async def test_what_is_never_run_is_no_test_for_any_program(box: Sandbox, name: str) -> None:
    test = HarnessTests(source=JUPITER + NOTHING[name])
    with pytest.raises(TestsError, match="nothing"):
        trust_of(test, "java")
    for source in (SOLUTION % ("", "if (true) return a + b;"), SOLUTION % ("", ""), "class {"):
        with pytest.raises(TestsError, match="nothing"):
            await box.judge(Program(source=source, language="java"), test)


SOMETHING = {
    "one of two": f"class T {{ @Disabled @Test void off() {{ fail(); }} @Test {ASKS} }}",
    "a part of a class": f"class T {{ int[] x = {{1}}; @Nested class I {{ @Test {ASKS} }} }}",
    "a class within": f"@Disabled class T {{ static class I {{ @Test {ASKS} }} }}",
    "what is inherited": f"abstract class B {{ @Test {ASKS} }}"
    " class T<X extends B> extends B { }",
    "arguments": "class T { @ParameterizedTest @org.junit.jupiter.params.provider.ValueSource("
    "ints = {1, 2}) void sum(int x) { assertEquals(x + 1, new Solution().add(x, 1)); } }",
    "an assumption that holds": "class T { @BeforeEach void set() { assumeTrue(true); }"
    f" @Test {ASKS} }}",
    "an assumption that does not": "class T { @Test void off() { assumeFalse(true); fail(); }"
    f" @Test {ASKS} }}",
    "one before that does not": "class T { @Nested class I { @BeforeEach void set() {"
    f" assumeTrue(false); }} @Test void off() {{ fail(); }} }} @Test {ASKS} }}",
    "before an empty test": f"class T {{ @BeforeEach {ASKS} @Test void smoke() {{ }} }}",
    "after an empty test": f"class T {{ @org.junit.After public {ASKS}"
    " @org.junit.Test public void smoke() { } }",
    "before all": f"class T {{ @BeforeAll static {ASKS} @Test void smoke() {{ }} }}",
    "above an empty test": f"class B {{ @BeforeEach {ASKS} }}"
    " class T extends B { @Test void a() { } }",
    "a block": "class T { { assertEquals(3, new Solution().add(1, 2)); } @Test void smoke() { } }",
    "a static block": "class T { static { assertEquals(3, new Solution().add(1, 2)); }"
    " @Test void smoke() { } }",
    "a constructor": "class T { T() { assertEquals(3, new Solution().add(1, 2)); }"
    " @Test void smoke() { } }",
    "a static block and an empty main": in_main("").replace(
        "{ public", "{ static { assert new Solution().add(1, 2) == 3; } public"
    ),
    "a main beside a brace": in_main("assert new Solution().add(1, 2) == 3;") + "\n}",
}  # fmt: skip


@pytest.mark.parametrize("name", SOMETHING)
async def test_what_is_run_tells_right_from_wrong(box: Sandbox, name: str) -> None:
    test = JUPITER + SOMETHING[name]
    right = await judged(box, SOLUTION % ("", "if (true) return a + b;"), test)
    wrong = await judged(box, SOLUTION % ("", ""), test)
    assert (right.passed, wrong.passed) == (True, False), (right, wrong)


TOGETHER = "abstract class Base { }\n"
SKIPPED = {
    "an assumption about its value": (
        "class T { @Test void asks() { assumeTrue(new Solution().add(1, 2) > 0);"
        " assertEquals(3, new Solution().add(1, 2)); } }",
        SOLUTION % ("", ""),
    ),
    "junit 4's": (
        "class T { @org.junit.Test(expected = Exception.class) public void asks() {"
        " org.junit.Assume.assumeNotNull(new Solution().add(1, 2) == 0 ? null : 1);"
        " throw new IllegalStateException(); } }",
        SOLUTION % ("", ""),
    ),
    "one before all": (
        "class T { @BeforeAll static void set() { assumeTrue(new Solution().add(1, 2) == 3); }"
        f" @Test {ASKS} }}",
        SOLUTION % ("", ""),
    ),
    "the program's word that it was": (
        TOGETHER + f"class T {{ @Test {ASKS} @Test void other() {{ assertTrue(true); }} }}",
        SOLUTION % ("", 'if (true) throw new org.opentest4j.TestAbortedException("x");'),
    ),
    "its assumption": (
        TOGETHER + f"class T {{ @Test {ASKS} @Test void other() {{ assertTrue(true); }} }}",
        SOLUTION % ("", "org.junit.jupiter.api.Assumptions.assumeTrue(a < 0);"),
    ),
    "a test of its own": (
        TOGETHER + "class T { @Test void asks() { assumeTrue(new Solution().add(1, 2) == 3); } }",
        SOLUTION % ("", "") + "class Other { @org.junit.jupiter.api.Test void passes() { } }",
    ),
    "a main of its own": (
        "static class Mine extends Base { }\n"
        "public static void main(String[] a) { assert add(1, 2) == 3; } }",
        "class Base { public static void main(String[] a) { } }\n"
        "class Solution { static int add(int a, int b) { return 0; }",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SKIPPED)
async def test_what_was_skipped_has_not_passed(box: Sandbox, name: str) -> None:
    test, source = SKIPPED[name]
    judgement = await judged(box, source, JUPITER + test)
    assert not judgement.passed, judgement


ABROAD = 'assumeTrue(System.getenv("NOT_SET_HERE") != null);'
BROKEN_OFF = {
    "before anything": f"class T {{ @BeforeAll static void set() {{ {ABROAD} }} @Test {ASKS} }}",
    "before each": f"class T {{ @BeforeEach void set() {{ {ABROAD} }} @Test {ASKS} }}",
    "junit 4's": "class T { @org.junit.Test public void asks() {"
    " org.junit.Assume.assumeTrue(false);"
    " org.junit.Assert.assertEquals(3, new Solution().add(1, 2)); } }",
}


@pytest.mark.parametrize("name", BROKEN_OFF)
async def test_an_assumption_that_holds_for_no_program_is_the_tests_fault(
    box: Sandbox, name: str
) -> None:
    test = JUPITER + BROKEN_OFF[name]
    for body in ("", "if (true) return a + b;"):
        with pytest.raises(TestsError, match="assumptions"):
            await judged(box, SOLUTION % ("", body), test)


def kinds(source: str) -> list[tuple[str, str]]:
    return [(part.kind, part.text) for part in tokens(source)]


async def test_a_source_is_read_in_tokens() -> None:
    text = '"""\n } " \\""" x"""'
    assert kinds(f"a // }}\n/* {{ **/ \"}}\\\"\" '\\'' {text} 1e+5 $x") == [
        ("word", "a"),
        ("text", '"}\\""'),
        ("text", "'\\''"),
        ("text", text),
        ("number", "1e+5"),
        ("word", "$x"),
    ]


SHAPES: list[tuple[str, list[tuple[str, bool]], tuple[int, int], str]] = [
    ("class A { class B { } } record R(int x) { }", [("A", True), ("R", True)], (0, 0), ""),
    ("enum E { A; } class P { int record = 1;", [("E", True), ("P", False)], (0, 1), ""),
    ("} public static void main(String[] a) { } }", [], (2, 0), ""),
    ("class T { class N { } static void main(final String[] a) { } }", [("T", True)], (0, 0), "T"),
    ("class O { class Main { void main(String[] a) { } } }", [("O", True)], (0, 0), "O$Main"),
    ("int x = Main.class.hashCode();", [], (0, 0), ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "types", "open_braces", "main"), SHAPES)
async def test_what_a_source_declares(
    source: str, types: list[tuple[str, bool]], open_braces: tuple[int, int], main: str
) -> None:
    parts: list[Token] = tokens(source)
    assert [(one.name, one.is_closed) for one in top(parts)] == types
    assert braces(parts) == open_braces
    assert main_class(parts) == main


class Silent:
    """A slot in which a compiler starts and says nothing."""

    def run(self, request: dict[str, Any]) -> None:
        pass

    def cancel(self) -> None:
        pass

    def processes(self) -> list[int]:
        return []


async def test_no_program_is_to_blame_for_a_compiler_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(java_compiler, "START_SECONDS", 0.05)
    compiler = java_compiler.JavaCompiler(Silent())  # type: ignore[arg-type]
    with pytest.raises(BrokenError, match="did not start"):
        compiler.compile({"Main.java": "class Main { }"}, "java", 30.0)


async def test_texts_that_never_end_are_read(text_size: int = 1 << 17) -> None:
    for seed in ("/*", '"', '"""', "'\\", "{", "class A ", '"""\\', "1e+"):
        source: Any = seed * (text_size // len(seed))
        parts = tokens(source)
        assert len(parts) <= len(source)
        assert len(top(parts)) <= len(parts)
