"""Tests behind C and C++ programs: honest code of every shape works, and bent code does not pass.

An attack is shown to work where nothing protects the test: program and test in one file, believed
by its exit code. All run on one backend, for what is tested here lies inside of a box.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox import HarnessTests, Limits, Program, Sandbox, SandboxError, TestsError
from sandbox.agent.drivers.native_text import bent, names_type, type_names, types_of
from sandbox.trust import trust_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box() -> AsyncIterator[Sandbox]:
    """Docker's compiler has its header ready, so it comes first."""
    reasons = []
    for backend in ("docker", "bubblewrap"):
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


C_TYPES = """
typedef struct node { int v; struct node *next; } node;
enum color { RED, GREEN = 5 };
typedef struct { double re, im; } cplx;
typedef int (*order)(const void *, const void *);
node *push(node *l, int v) {
    node *n = malloc(sizeof *n);
    n->v = v; n->next = l;
    return n;
}
enum color turn(enum color c) { return c == RED ? GREEN : RED; }
cplx twice(cplx a) { cplx c = {2 * a.re, 2 * a.im}; return c; }
void arrange(int *a, int n, order by) { qsort(a, n, sizeof *a, by); }
int total(int n, int m, int a[n][m]) {
    int s = 0;
    for (int i = 0; i < n; i++) for (int j = 0; j < m; j++) s += a[i][j];
    return s;
}
int first_bad(int n) {
    int is_bad(int);
    for (int i = 1; i <= n; i++) if (is_bad(i)) return i;
    return -1;
}
bool even(int n) { return n % 2 == 0; }
int main(void) { return 7; }
"""
C_TYPES_TEST = """
#include <assert.h>
int is_bad(int v) { return v >= 4; }
static int up(const void *a, const void *b) { return *(int *)a - *(int *)b; }
int main(void) {
    node *l = push(push(NULL, 1), 2), x = {1, 0};
    assert(l->v == 2 && l->next->v == 1 && x.v == 1);
    assert(turn(RED) == GREEN);
    assert(twice((cplx){1, 2}).im == 4);
    int a[] = {3, 1, 2}, m[2][2] = {{1, 2}, {3, 4}};
    arrange(a, 3, up);
    assert(a[0] == 1 && a[2] == 3);
    assert(total(2, 2, m) == 10);
    assert(first_bad(9) == 4);
    assert(even(2));
}"""
C_OWN = """
int getline(char s[], int most) { s[0] = 0; return most; }
#define max(a, b) ((a) > (b) ? (a) : (b))
static int hidden(int a) { return a + 1; }
int counter = 5;
int f(int a, int b) {
    char s[9];
    unsigned low;
    __asm__ volatile("rdtsc" : "=a"(low) : : "edx");
    return max(a, b) + getline(s, 2);
}
"""
C_APART_TEST = """
#include <stdlib.h>
static int max(int a, int b) { return a > b ? a : b; }
int main(void) { if (f(1, 2) != max(3, 4)) exit(1); exit(0); }"""
CPP_VALUES = """
#include <string>
using namespace std;
using vi = vector<int>;
struct Zero : runtime_error { using runtime_error::runtime_error; };
vector<int> primes;
struct Fill { Fill() { primes = {2, 3, 5}; } } fill_;
ostream &operator<<(ostream &out, const vector<int> &v) { for (auto x : v) out << x; return out; }
istream &getline(istream &in, int &x) { return in >> x; }
int gcd(int a, int b) { return b ? gcd(b, a % b) : a; }
optional<string> first(const map<string, vi> &m) {
    if (m.empty()) return nullopt;
    return m.begin()->first;
}
vi sorted(vi v) { sort(v.begin(), v.end()); return v; }
vector<vector<string>> grid(int n) { return vector<vector<string>>(n, vector<string>(n, ".")); }
tuple<int, double, string> three() { return {gcd(4, 6), 2.5, "x"}; }
void turn(string &s) { reverse(s.begin(), s.end()); }
string both(string a) { return a; }
int both(int a) noexcept { if (a < 0) throw Zero("zero"); stringstream s; s << primes; return a; }
int plus_six(int a, int b = 6) { return a + b; }
int check(int x) { if (x < 0) throw Zero("less"); return x; }
"""
CPP_VALUES_TEST = """
int main() {
    auto candidate = sorted;
    assert((candidate({3, 1, 2}) == std::vector<int>{1, 2, 3}));
    assert(first({}) == std::nullopt && first({{"k", {1}}}) == "k");
    assert(grid(2)[1][1] == "." && std::get<0>(three()) == 2);
    std::string s = "abc";
    turn(s);
    assert(s == "cba" && both("x") == "x" && both(3) == 3);
    try { check(-1); assert(false); } catch (const std::runtime_error &) { }
}"""
CPP_TYPES = """
#pragma GCC optimize("O3,unroll-loops")
#include <ext/pb_ds/assoc_container.hpp>
#include <bits/stdc++.h>
using namespace std;
using namespace __gnu_pbds;
typedef long long ll;
#define int long long
#define REP(i, n) for (int i = 0; i < (n); i++)
typedef tree<int, null_type, less<int>, rb_tree_tag, tree_order_statistics_node_update> ranks;
struct P {
    int x, y;
    bool operator==(const P &o) const { return x == o.x && y == o.y; }
    bool operator<(const P &o) const { return x < o.x; }
};
namespace std {
template <> struct hash<P> { size_t operator()(const P &p) const { return p.x; } };
}
template <> struct std::hash<std::pair<int, int>> {
    size_t operator()(const std::pair<int, int> &p) const { return p.first; }
};
template <class T> struct Stack {
    vector<T> d;
    void push(T x) { d.push_back(x); }
    bool empty() const { return d.empty(); }
};
template <class T> T larger(T a, T b) { return b < a ? a : b; }
struct Shape { virtual double area() const = 0; virtual ~Shape() = default; };
struct Square : Shape { double area() const override { return 4; } };
unique_ptr<Shape> made() { return make_unique<Square>(); }
static int one(int x) { return x + 1; }
constexpr int two(int x) { return x + 2; }
auto three = [](int x) { return x + 3; };
namespace ns { int four(int x) { return x + 4; } }
extern "C" ll five(ll x) { return x + 5; }
class Solution {
    ranks seen;
public:
    P point(int a, int b) { return {a, b}; }
    vector<int> twoSum(vector<int> &v, int target) { int s = 0; REP(i, 3) s += i; return {0, s}; }
};
signed main() { return 0; }
"""
CPP_TYPES_TEST = """
int main() {
    Solution s;
    std::vector<ll> v{2, 7};
    assert((s.twoSum(v, 9) == std::vector<ll>{0, 3}));
    auto p = s.point(1, 2);
    assert(p.x == 1 && (p == P{1, 2}) && larger(P{1, 2}, P{2, 1}).x == 2);
    Stack<ll> t;
    t.push(4);
    assert(!t.empty() && made()->area() == 4);
    assert(one(0) == 1 && two(0) == 2 && three(0) == 3 && ns::four(0) == 4 && five(0) == 5);
    std::unordered_set<P> set{p};
    assert(set.count(P{1, 2}));
}"""
CPP_OPEN = "#include <assert.h>\nlong twice(long n) {\n    return 2 * n;\n"
CPP_OPEN_TEST = (
    "}\nint main() {\n    auto candidate = twice;\n    assert(candidate((3)) == (6));\n}\n"
)
CPP_BARE = "class Solution {\npublic:\n    vector<int> f(string s) { return {int(s.size())}; }\n};"
CPP_BARE_TEST = 'int main() { vector<int> v = Solution().f("abc"); assert(v == vector<int>{3}); }'
# Static functions of a program by names of the library, of which the test includes no header.
C_STATIC = {
    "remove": (
        "typedef struct { int n; } Stack;\nstatic int remove(Stack *s) { return s->n--; }",
        "int main(void) { Stack s = {4}; assert(remove(&s) == 4 && s.n == 3); return 0; }",
    ),
    "getline": (
        "static int getline(char *b, int n) { b[0] = 'a'; return n; }",
        "int main(void) { char b[2]; assert(getline(b, 2) == 2 && b[0] == 'a'); return 0; }",
    ),
    "send": (
        "static int send(int x) { return x + 1; }",
        "#include <string.h>\nint main(void) { assert(send(1) == 2); return 0; }",
    ),
}
HONEST = {
    "c-types": ("c", C_TYPES, C_TYPES_TEST),
    "c-apart": ("c", C_OWN, C_APART_TEST),
    "c-static": ("c", C_OWN, "int main(void) { return !(hidden(1) == 2 && counter == 5); }"),
    "c-own-names": (
        "c",
        C_OWN,
        "static int swab(int n) { return n; }\nint main(void) { return swab(hidden(1)) != 2; }",
    ),
    **{
        f"c-static-{name}": ("c", own, f"#include <assert.h>\n{test}")
        for name, (own, test) in C_STATIC.items()
    },
    "cpp-own-memory": (
        "cpp",
        CPP_TYPES,
        "#include <new>\nint news;\nvoid *operator new(size_t n) { news++; return malloc(n); }\n"
        "void operator delete(void *p) noexcept { free(p); }\n"
        "signed main() { Stack<ll> t; t.push(4); return !news; }",
    ),
    "cpp-values": ("cpp", CPP_VALUES, CPP_VALUES_TEST),
    "cpp-default": ("cpp", CPP_VALUES, "int main() { return plus_six(1) != 7; }"),
    "cpp-own-name": ("cpp", CPP_VALUES, "int main() { assert(gcd(12, 8) == 4); }"),
    "cpp-types": ("cpp", CPP_TYPES, CPP_TYPES_TEST),
    "cpp-bare": ("cpp", CPP_BARE, CPP_BARE_TEST),
    "cpp-open": ("cpp", CPP_OPEN, CPP_OPEN_TEST),
}


@pytest.mark.parametrize("name", HONEST)
async def test_honest_code_passes_its_test(box: Sandbox, name: str) -> None:
    language, source, test = HONEST[name]
    program = Program(source=source, language=language)  # type: ignore[arg-type]
    judgement = await box.judge(program, HarnessTests(source=test))
    assert judgement.passed, (judgement.reason, judgement.compile_log)


C_HEAD = "#include <assert.h>\n#include <stdlib.h>\n#include <string.h>\n"
ADD = C_HEAD + "int main(void) { assert(add(1, 2) == 3); assert(add(5, 5) == 10); return 0; }\n"
ADD_EXITS = C_HEAD + "int main(void) { if (add(1, 2) != 3) exit(1); if (add(5, 5) != 10) abort(); }"
GREET = C_HEAD + 'int main(void) { assert(!strcmp(greet("a"), "hello a")); return 0; }\n'
VALUES = "int main() { assert((f({1, 2, 3}) == std::vector<int>{3, 2, 1})); }"
SOLUTION = "int main() { Solution s; assert(s.add(1, 2) == 3); assert(s.add(5, 5) == 10); }"
TEXT = 'int main() { Solution s; assert(s.f("x") == "xyz"); }'
SAME = "int main() { Solution s; assert((s.f({1, 2, 3}) == std::vector<int>{3, 2, 1})); }"
CPP_HEAD = "#include <bits/stdc++.h>\n"
WRONG = "int add(int a, int b) { return 0; }\n"
END = "#include <stdlib.h>\n#include <unistd.h>\n"
AGAIN = (
    END
    + "#include <setjmp.h>\n#include <signal.h>\nstatic sigjmp_buf place; static volatile int n;\n"
)
EQUAL = "struct A { bool operator==(int) const { return true; } };\n"
POOL = """#include <new>
static char pool[4096];
void *operator new(size_t) { return pool; }
void operator delete(void *) noexcept { }
void operator delete(void *, size_t) noexcept { }
"""
SYSTEM = """static long sys(long n, long a, const void *b, long c) {
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return r;
}
static void take(void) { char b[64]; sys(1, 3, b, sys(0, 4, b, 64)); sys(231, 0, 0, 0); }
"""
ATTACKS = {
    "constructor": (
        "c",
        END
        + "__attribute__((constructor)) static void early(void) { char b[64]; long k = read(4, b,"
        " 64); write(3, b, k); _exit(0); }\n" + WRONG,
        ADD,
    ),
    "atexit": (
        "c",
        END
        + "static void late(void) { _exit(0); }\nint add(int a, int b) { atexit(late); return 0; }",
        ADD_EXITS,
    ),
    "again": (
        "c",
        AGAIN + "static void back(int s) { siglongjmp(place, 1); }\n"
        "static void out(void) { siglongjmp(place, 1); }\nint add(int a, int b) {\n"
        "    if (!n) { for (int s = 1; s < 32; s++) signal(s, back); atexit(out); }\n"
        "    if (n > 20) _exit(0);\n    sigsetjmp(place, 1); return n++;\n}",
        ADD_EXITS,
    ),
    "arithmetic": (
        "c",
        "int __popcountdi2(long n) { return 7; }\nint half(int n) { return 5; }",
        "int main(void) { volatile long n = half(3); return __builtin_popcountll(n) != 7; }",
    ),
    "exec": (
        "c",
        END + 'int add(int a, int b) { execl("/bin/true", "true", (char *)0); return 0; }',
        ADD,
    ),
    "library exit": (
        "c",
        END + "void exit(int code) { _exit(0); }\nvoid abort(void) { _exit(0); }\n" + WRONG,
        ADD_EXITS,
    ),
    "library": (
        "c",
        "int strcmp(const char *a, const char *b) { return 0; }\n"
        'char *greet(const char *n) { return "no"; }',
        GREET,
    ),
    "macro": ("c", "#define add(a, b) ((a) > 4 ? 10 : 3)", ADD),
    "destructor": (
        "cpp",
        "#include <unistd.h>\nstruct D { ~D() { _exit(0); } } d;\n" + WRONG,
        "int main() { if (add(1, 2) != 3) return 1; }",
    ),
    "terminate": (
        "cpp",
        CPP_HEAD + "int add(int, int) { std::set_terminate([] { std::_Exit(0); }); throw 1; }",
        "int main() { assert(add(1, 2) == 3); }",
    ),
    "equal": (
        "cpp",
        EQUAL + "A add(int, int) { return {}; }",
        "int main() { assert(add(1, 2) == 3); }",
    ),
    "equal in a class": (
        "cpp",
        EQUAL + "struct Solution { A add(int, int) { return {}; } };",
        SOLUTION,
    ),
    "equal in a namespace": (
        "cpp",
        "namespace { struct A { }; bool operator==(A, int) { return true; } }\n"
        "struct Solution { A add(int, int) { return {}; } };",
        SOLUTION,
    ),
    "equal under a variable's name": (
        "cpp",
        "struct s { bool operator==(int) const { return true; } };\n"
        "struct Solution { struct s add(int, int) { return {}; } };",
        SOLUTION,
    ),
    "equal by a library's class": (
        "cpp",
        CPP_HEAD + "struct V : std::vector<int> { };\n"
        "bool operator==(const V &, const std::vector<int> &) { return true; }\n"
        "struct Solution { V f(std::vector<int>) { return {}; } };",
        SAME,
    ),
    "equal vectors": (
        "cpp",
        CPP_HEAD + "bool operator==(const std::vector<int> &, const std::vector<int> &) "
        "{ return true; }\nstd::vector<int> f(std::vector<int>) { return {}; }",
        VALUES,
    ),
    "one memory": (
        "cpp",
        CPP_HEAD + POOL + "std::vector<int> f(std::vector<int> v) { return v; }",
        VALUES,
    ),
    "library's specialization": (
        "cpp",
        CPP_HEAD + "template <> int std::string::compare(const char *) const { return 0; }\n"
        'struct Solution { std::string f(std::string) { return "abc"; } };',
        TEXT,
    ),
    "library's memcmp": (
        "cpp",
        CPP_HEAD + 'extern "C" int memcmp(const void *, const void *, size_t) { return 0; }\n'
        'struct Solution { std::string f(std::string) { return "abc"; } };',
        'int main() { Solution s; std::string want = getenv("HOME") ? "xyz" : ""; '
        'assert(s.f("x") == want); }',
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_that_works_unprotected_does_not_pass(box: Sandbox, name: str) -> None:
    language, source, test = ATTACKS[name]
    limits = Limits(wall_seconds=20)
    head = CPP_HEAD + "#include <cassert>\n" if language == "cpp" else ""
    alone = Program(source=f"{head}{source}\n{test}", language=language)  # type: ignore[arg-type]
    unprotected = await box.run(alone, limits=limits)
    assert unprotected.exit_code == 0, (unprotected.reason, unprotected.compile_log)
    program = Program(source=source, language=language)  # type: ignore[arg-type]
    judgement = await box.judge(program, HarnessTests(source=test), limits=limits)
    assert not judgement.passed
    assert judgement.trust == "in_process"


STATIC_ADD = "static int add(int a, int b) { return 0; }\n"
REFUSED = {
    "label": (STATIC_ADD + '__asm__(".globl main\\nmain: ret");', "a second main"),
    "weak": (
        "#undef main\n__attribute__((weak)) int main(void) { return 0; }\n" + WRONG,
        "a second main",
    ),
    "alias": (
        "static int z(void) { return 0; }\n"
        'extern int y(void) __asm__("main") __attribute__((alias("z")));\n' + WRONG,
        "a second main",
    ),
    "extname": (
        "#undef main\n#pragma redefine_extname main other\n"
        'int fake(void) __asm__("main");\nint fake(void) { return 0; }\n' + WRONG,
        "a second main",
    ),
    "start": (SYSTEM + "void _start(void) { take(); }\n" + WRONG, "a second _start"),
    "ifunc": (
        SYSTEM + "static void *pick(void) { take(); return 0; }\n"
        'void hook(void) __attribute__((ifunc("pick")));\nvoid (*keep)(void) = hook;\n' + WRONG,
        "a directive",
    ),
    "preinit": (
        SYSTEM
        + '__attribute__((section(".preinit_array"), used)) static void (*p)(void) = take;\n'
        + WRONG,
        "a section '.preinit_array' of its own",
    ),
    "incbin": (STATIC_ADD + '__asm__("T: .INCBIN \\"/app/test.c\\"");', "a directive"),
    "macro": (STATIC_ADD + '__asm__(".macro cmpl a, b\\n.endm");', "a directive"),
    "nul": (WRONG + "#\0define add(a, b) 3\n", "a NUL byte"),
    "end": (
        "void plumb_exit(int);\nint add(int a, int b) { plumb_exit(0); return 0; }",
        "no 'plumb_",
    ),
    "include": ('#include "/proc/self/environ"\n' + WRONG, "/proc/self/environ"),
    "replaced": (
        'static char *greet(const char *n) { return "no"; }\n'
        "int strcmp(const char *a, const char *b) { return 0; }",
        "replaces strcmp",
    ),
    "comment": (STATIC_ADD + "/*", "unterminated comment"),
    "condition": (STATIC_ADD + "#if 0", "unterminated #if"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_reaches_around_its_test_does_not_compile(box: Sandbox, name: str) -> None:
    source, said = REFUSED[name]
    test = GREET if "greet" in source else ADD
    judgement = await box.judge(Program(source=source, language="c"), HarnessTests(source=test))
    assert judgement.status == "compile_error"
    assert said in judgement.compile_log


# What a function does that is first compiled where the test calls it; what is said of it.
WITHIN = {
    "incbin": ('__asm__(".incbin \\"/app/test.%s\\"");', "a directive"),
    "ifunc": (
        '__asm__(".pushsection .text\\n.globl hook\\n.type hook, @gnu_indirect_function\\n'
        'hook: ret\\n.popsection");',
        "a directive",
    ),
    "preinit": (
        'static void (*first)(void) __attribute__((section(".preinit_array"), used)) = take;',
        "a section '.preinit_array' of its own",
    ),
    "relocations": (
        '__asm__(".section .rela.text,\\"\\"\\n.quad 1, 2, 3\\n.text");',
        "a directive",
    ),
    "relocations by another word": (
        '__asm__(".section \\"\\\\x2erela.text\\"\\n.quad 1, 2, 3\\n.text");',
        "a directive",
    ),
    "end": ("plumb_exit(0);", "plumb_exit"),
    "assert": ('__asm__("jmp 1f\\nplumb_failed: ret\\n1:");', "must not have 'plumb_failed'"),
    "library": (
        '__asm__("jmp 1f\\nstrcmp: xorl %eax, %eax\\nret\\n1:");',
        "replaces strcmp",
    ),
}
FIRST_COMPILED = {
    "static": ("c", "static __attribute__((noinline, noclone)) %s f(%s a, int b) { %s }"),
    "inline": ("cpp", "__attribute__((noinline, noclone)) inline %s f(%s a, int b) { %s }"),
    "template": (
        "cpp",
        "template <class T> __attribute__((noinline, noclone)) %s f(%s a, T b) { %s }",
    ),
    "lambda": ("cpp", "auto f = [](%s a, auto b) __attribute__((noinline, noclone)) -> %s { %s };"),
    "method": (
        "cpp",
        "struct S { __attribute__((noinline, noclone)) %s g(%s a, int b) { %s } };\n"
        "#define f(a, b) S().g(a, b)\n",
    ),
}
# The compiler knows no sections for variables of templates.
LOOKED_AT = [
    (where, what)
    for where in FIRST_COMPILED
    for what in WITHIN
    if what != "preinit" or where not in ("template", "lambda")
]
CALLED = 'int main() { if (strcmp(f("a", 1), "b")) abort(); return 0; }\n'


@pytest.mark.parametrize(("where", "what"), LOOKED_AT)
async def test_what_is_first_compiled_with_the_test_is_looked_at_too(
    box: Sandbox, where: str, what: str
) -> None:
    language, form = FIRST_COMPILED[where]
    body, said = WITHIN[what]
    body = body.replace("%s", language) + ' return "no";'
    declared = 'extern "C" ' if language == "cpp" else ""
    head = f"{SYSTEM}{declared}void plumb_exit(int);\n"
    source = head + form % ("const char *", "const char *", body)
    if where == "method":
        source, test = source.split("#define")[0], C_HEAD + CALLED.replace("f(", "S().g(")
    else:
        test = C_HEAD + CALLED
    program = Program(source=source, language=language)  # type: ignore[arg-type]
    judgement = await box.judge(program, HarnessTests(source=test), limits=Limits(wall_seconds=20))
    assert judgement.status == "compile_error", judgement
    assert said in judgement.compile_log, judgement.compile_log


REPLACED = {
    "a static function": "static char *strstr(const char *a, const char *b) { return (char *)a; }",
    "a label": '__asm__("strstr: movq %rdi, %rax\\nret");',
    "a label of another kind": '__asm__(".globl strstr\\n.type strstr, @gnu_unique_object\\n'
    'strstr: movq %rdi, %rax\\nret");',
}


@pytest.mark.parametrize("name", REPLACED)
async def test_the_library_of_a_test_is_the_library(box: Sandbox, name: str) -> None:
    source = f'{REPLACED[name]}\nstatic const char *f(void) {{ return "no"; }}'
    test = C_HEAD + 'int main(void) { assert(strstr(f(), "yes")); return 0; }'
    judgement = await box.judge(Program(source=source, language="c"), HarnessTests(source=test))
    assert judgement.status == "compile_error"
    assert "replaces strstr" in judgement.compile_log


async def test_a_test_that_does_nothing_is_at_fault() -> None:
    for nothing in ("int main() { }", "#include <stdio.h>\n/* f(); */ int main(void) {return 0;}"):
        with pytest.raises(TestsError, match="does nothing"):
            trust_of(HarnessTests(source=nothing), "cpp")
    for something in ("struct C { C(); } c;\nint main() { }", "int main() { return 1; }"):
        trust_of(HarnessTests(source=something), "cpp")


async def test_a_test_without_a_main_is_at_fault(box: Sandbox) -> None:
    test = HarnessTests(source="// int main() { }\nint check(void) { return add(1, 2) == 3; }")
    for language in ("c", "cpp"):
        with pytest.raises(TestsError, match="no function main"):
            trust_of(test, language)  # type: ignore[arg-type]
    with pytest.raises(TestsError, match="no function main"):
        await box.judge(Program(source=WRONG, language="c"), test)


LOOK = """
#include <dirent.h>
#include <stdio.h>
#if __has_include("/app/test.c") || __has_include("/app/program.json")
int known = 1;
#else
int known = 0;
#endif
int look(void) {
    int count = 0;
    DIR *app = opendir("/app");
    for (struct dirent *one; (one = readdir(app));) count += one->d_name[0] != '.';
    return known ? -1 : count;
}"""


async def test_the_source_of_a_test_is_nowhere(box: Sandbox) -> None:
    """When the program is built there is no test, and when it runs there is nothing but itself."""
    test = "int main(void) { return look() != 1; }"
    judgement = await box.judge(Program(source=LOOK, language="c"), HarnessTests(source=test))
    assert judgement.passed, judgement.reason


async def test_what_the_text_of_a_program_says() -> None:
    assert types_of(
        "typedef struct { int x; } P;\nint f(void) { return 0; }\nenum E { A };", "c"
    ) == ("typedef struct { int x; } P;\nenum E { A };")
    assert types_of("using vi = std::vector<int>; struct A { int f(); };", "cpp") == (
        "using vi = std::vector<int>;"
    )
    assert type_names(
        "struct A { }; template <class T> class B : A { }; typedef struct { } C;"
    ) == [
        "A",
        "B",
        "C",
    ]
    own = ["A"]
    for line, is_bent in (
        ("bool operator==(const A &a, int b) { return a.x == b; }", False),
        ("struct A { bool operator<(int) const; };", False),
        ("bool operator == (const std::string &, const char *) { return true; }", True),
        ("template <class T> bool operator!=(const T &, const T &) { return false; }", True),
        ("namespace std { template <> struct hash<A> { }; }", False),
        ("namespace std { template <> struct less<int> { }; }", True),
        ("template <> void std::swap(int &, int &) { }", True),
    ):
        assert bool(bent(line, own)) == is_bent, line
    for test, is_named in (
        ("A a; use(a);", True),
        ("std::vector<A> v;", True),
        ("assert(f() == A(1, 2));", True),
        ("int A = 3; f(A);", False),
        ("assert(f(1) == 2);", False),
    ):
        assert names_type(test, "A") == is_named, test
