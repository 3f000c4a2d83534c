"""JavaScript tests in a process of their own: what crosses, what is understood, what is forged."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from sandbox import Judgement, Limits, Program, Sandbox, TestCase, TestsError
from sandbox.drivers.javascript_modules import as_script
from sandbox.errors import SandboxError
from sandbox.harness import why_unusable
from sandbox.types import HarnessTests

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMITS = Limits(wall_seconds=30.0)
SHARED = Path(__file__).parents[3] / "shared" / "cases" / "hacks_code.jsonl"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def one_box() -> AsyncIterator[Sandbox]:
    """A sandbox of whatever backend there is."""
    try:
        async with Sandbox.open() as opened:
            yield opened
    except SandboxError as error:
        pytest.skip(str(error))


async def judge(box: Sandbox, source: str, test: str) -> Judgement:
    program = Program(source=source, language="javascript")
    return await box.judge(program, {"kind": "harness", "source": test}, limits=LIMITS)


class Feature(NamedTuple):
    """A program, a test that it passes, and a change of it that must not pass."""

    program: str
    test: str
    right: str
    wrong: str


def feature_of(path: Path) -> Feature:
    """A file of `javascript/`: what is changed, to what, the program, and the test."""
    head, test = path.read_text("utf-8").split("// ---- test ----\n")
    changed, to, program = head.split("\n", 2)
    right, wrong = changed.removeprefix("// changed: "), to.removeprefix("// to:").strip()
    assert right in program
    return Feature(program, test, right, wrong)


FEATURES = {
    path.stem: feature_of(path) for path in sorted((Path(__file__).parent / "javascript").iterdir())
}


@pytest.mark.parametrize("name", FEATURES)
async def test_a_right_program_passes(box: Sandbox, name: str) -> None:
    feature = FEATURES[name]
    judgement = await judge(box, feature.program, feature.test)
    assert judgement.passed, judgement.reason
    assert judgement.trust == "checker"


async def test_a_changed_program_fails(one_box: Sandbox) -> None:
    changed = [
        (feature.program.replace(feature.right, feature.wrong, 1), feature.test)
        for feature in FEATURES.values()
    ]
    judgements = await asyncio.gather(*(judge(one_box, *pair) for pair in changed))
    passed = [name for name, found in zip(FEATURES, judgements, strict=True) if found.passed]
    assert passed == []


JS_BENT = """const a = require('assert');
a.equal = a.strictEqual = a.strict.equal = a.AssertionError = () => {};
console.assert = () => {};
process.on('uncaughtException', () => {});
const add = (x, y) => 0;"""
JS_TEST = "const assert = require('node:assert'); assert.equal(add(1, 2), 3);"
JS_ASYNC = "(async () => { assert.equal(await add(1, 2), 3) })()"
JS_NEVER = "const add = () => new Promise(() => {});"
JS_DONE = (  # it claims something, and tells the test's process that it is at its end
    "const add = () => { console.assert(true); process.emit('beforeExit', 0); process.exit(0) };"
)
JS_RETURNS = "function add() { return 0; } return () => {};"
JS_SAME = "assert.equal(JSON.stringify(add(1, 2)), JSON.stringify([3]));"
JS_LATE = "setTimeout(() => assert.equal(add(1, 2), 3), 1);"
JS_EXIT = "if (add(1, 2) !== 3) process.exit(1);"
JS_DEAF = """process.on('unhandledRejection', () => {});
process.setUncaughtExceptionCaptureCallback(() => {});
const add = %s () => {
  process.removeAllListeners();
  process.emit = () => {};
};"""
JS_PATCH = "JSON.stringify = () => 'x'; Object.prototype.toJSON = () => 1; return 0;"
JS_NONCE = """try { require('fs').writeSync(3, require('fs').readFileSync(4)); } catch {}
const seen = /[0-9a-f]{32}/.exec(arguments.callee);
if (seen) require('fs').writeSync(3, seen[0]);
process.reallyExit(0);
const add = 0;"""
JS_CALLER = """function add() {
  for (const one of arguments.callee.caller.arguments) try { one.exit(0) } catch {}
}"""
JS_EXPORTS = "const add = (a, b) => a + b;\nexport { add as\n plus };\nexport default class { };"
JS_FAIR = """Array.prototype.last = function () { return this[this.length - 1]; };
BigInt.prototype.toJSON = function () { return String(this); };
function add(a, b) {
  'use strict';
  const own = { log: console.log };
  own.toString = () => 'own';
  class Odd extends Error {}
  const odd = new Odd();
  odd.message = odd.name = 'odd';
  console.log(`${a}`);
  return [a, a + b].last();
}
const process = 1;"""
JS_FAIR_TEST = """const assert = require('assert');
const said = [];
console.log = (text) => said.push(text);
assert.equal(add(1, 2), 3);
assert.deepEqual(said, ['1']);
assert.throws(() => assert(false), assert.AssertionError);
assert.equal(JSON.stringify([3n]), '["3"]');"""

# A program, a test, and a part of what is said of the failure; None: it passes.
SCRIPTS: tuple[tuple[str, str, str | None], ...] = (
    ("const assert = require('assert'); const add = (a, b) => a + b;", JS_TEST, None),
    ("const add = (a, b) => a - b;", JS_TEST, "line 1 of the test: AssertionError"),
    ("const add = (a, b) => a + b;", "console.assert(add(1, 2) === 3)", None),
    ("const add = () => 0;", "console.assert(add() === 3)", "AssertionError"),
    ("const add = async (a, b) => a + b;", JS_ASYNC, None),
    ("const add = async (a, b) => a - b;", JS_ASYNC, "AssertionError"),
    ("const add = () => process.exit(0);", JS_TEST, "the program ended"),
    ("process.reallyExit(0); const add = 0;", JS_TEST, "the program ended"),
    (JS_DONE, JS_TEST, "the program ended"),
    (JS_RETURNS, "if (add(1, 2) !== 3) throw new Error('no');", "Error: no"),
    (JS_BENT, JS_TEST, "AssertionError"),
    (JS_BENT, JS_ASYNC, "AssertionError"),
    (JS_NEVER, JS_ASYNC, "a promise of the test is still pending"),
    (JS_NEVER, "add().then((x) => assert.equal(x, 3))", "ended without an assertion"),
    (JS_NEVER, "it('adds', async () => { expect(await add()).toBe(3) })", "still waiting"),
    (JS_NEVER, "it('adds', (done) => { add().then(() => done()) })", "still waiting"),
    ("const add = () => ({ then() {} });", JS_ASYNC, "a promise of the test is still pending"),
    ("const add = () => {};", "assert(add); add((x) => assert.equal(x, 3))", "never called"),
    (JS_DEAF % "async", JS_ASYNC, ""),
    (JS_DEAF % "", JS_LATE, ""),
    (f"const add = () => {{ {JS_PATCH} }};", JS_SAME, ""),
    (f"(() => {{ {JS_PATCH} }})(); const add = {{}};", JS_SAME, ""),
    ("const JSON = { stringify() {} }, add = () => 0;", JS_SAME, "AssertionError"),
    ("setTimeout = () => {}; const add = () => 0;", JS_LATE, "AssertionError"),
    ("const add = () => { process.exit = () => {}; };", JS_EXIT, "ended with exit code 1"),
    ("const add = (a, b) => a + b;", f"{JS_TEST} process.exit(0);", None),
    (JS_NONCE, JS_TEST, "the program ended"),
    (JS_CALLER, f"{JS_TEST} process;", "TypeError"),
    ("export function add(a, b) { return a + b }", JS_TEST, None),
    (JS_EXPORTS, JS_TEST, None),
    (JS_FAIR, JS_FAIR_TEST, None),
    ("const add = () => 0; /*", f"{JS_TEST} /* */", "does not load: SyntaxError"),
    ("null.x", JS_TEST, "does not load: TypeError"),
    (
        "const add = async () => 4;",
        "it('x', () => { add().then((x) => expect(x).toBe(3)) })",
        "toBe",
    ),
    ("const add = async () => { throw 1 };", "add(); setTimeout(() => assert(1), 9)", "Error: 1"),
    ("const sub = 1;", JS_TEST, "ReferenceError: add is not defined"),
    (
        "function f() { setTimeout(() => { throw 1 }, 1) }",
        "f(); setTimeout(() => assert(1), 9)",
        "",
    ),
    ("const add = [];", "for (const x of add) it('x', () => { expect(x).toBe(1) })", "none of the"),
)


async def test_scripts_pass_and_fail_as_they_say(one_box: Sandbox) -> None:
    judgements = await asyncio.gather(*(judge(one_box, *row[:2]) for row in SCRIPTS))
    for (source, test, said), judgement in zip(SCRIPTS, judgements, strict=True):
        assert judgement.passed == (said is None), (source, test, judgement.reason)
        assert (said or "") in judgement.reason, (source, test, judgement.reason)


# Tests that leave a promise of the program to itself, but for an assertion about it.
CHECK = "const check = (a, b) => { if (a !== b) throw new Error('no'); };"
LEFT = {
    "then": "add(1, 2).then((x) => assert.equal(x, 3));",
    "chain": "add(1, 2).then((x) => x + 1).then((x) => { if (x !== 4) throw new Error('no') });",
    "helper": f"{CHECK} add(1, 2).then((x) => check(x, 3));",
    "finally": "add(1, 2).finally(() => assert(true));",
    "all": "Promise.all([add(1, 2), add(0, 2)]).then(([x, y]) => assert.equal(x + y, 5));",
    "does_not_reject": "assert.doesNotReject(add(1, 2));",
    "function": "assert.doesNotReject(() => add(1, 2));",
    "exit": "add(1, 2).then((x) => assert.equal(x, 3)); setTimeout(() => process.exit(0), 50);",
    "callback": "add(1, 2, (error, x) => { if (error) throw error; assert.equal(x, 3); });",
    "case": "it('adds', () => { add(1, 2).then((x) => expect(x).toBe(3)) });",
    "resolves": "it('adds', () => { expect(add(1, 2)).resolves.toBe(3) });",
}
JS_LEFT = "const add = async (a, b, done) => { done && done(null, a + b); return a + b };"
JS_LOCK = """function lock() {
  let last = Promise.resolve();
  const acquire = () => {
    let free;
    const before = last;
    last = new Promise((resolve) => (free = resolve));
    return before.then(() => free);
  };
  return { acquire };
}"""
JS_LOCKED = """(async () => {
  const one = lock();
  await one.acquire();
  let has = false;
  one.acquire().then(() => { has = true });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(!has);
})();"""


async def test_an_assertion_about_a_promise_that_is_never_settled_fails(one_box: Sandbox) -> None:
    tests = [f"assert.equal(typeof add, 'function');\n{one}" for one in LEFT.values()]
    right = await asyncio.gather(*(judge(one_box, JS_LEFT, one) for one in tests))
    assert [one.reason for one in right if not one.passed] == []
    never = await asyncio.gather(*(judge(one_box, JS_NEVER, one) for one in tests))
    assert [name for name, one in zip(LEFT, never, strict=True) if one.passed] == []
    waits = await judge(one_box, JS_LOCK, JS_LOCKED)  # what a test leaves open on purpose
    assert waits.passed, waits.reason


# Promises that a test leaves open on purpose, beside an assertion about one that is settled.
JS_QUEUE = """const debounce = (run, ms) => {
  let timer;
  return (x) => new Promise((resolve) => {
    clearTimeout(timer);
    timer = setTimeout(() => resolve(run(x)), ms);
  });
};
const queue = () => {
  let isPaused = false;
  const push = (x) => new Promise((resolve) => isPaused || resolve(x));
  return { push, pause: () => void (isPaused = true) };
};
class Gate { constructor() { this.free = 1 }
  enter() { return new Promise((resolve) => this.free-- > 0 && resolve(this)) } }
const never = () => new Promise(() => {});"""
SLEEP = "const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));"
OPEN = {
    "superseded": "it('x', async () => { const d = debounce((x) => x, 5);"
    " d(1).then((x) => expect(x).toBe(1)); d(2).then((x) => expect(x).toBe(2)); await sleep(20) })",
    "superseded and awaited": "it('x', async () => { const d = debounce((x) => x, 5);"
    " d(1).then((x) => expect(x).toBe(1)); expect(await d(2)).toBe(2) })",
    "paused": "it('x', async () => { const q = queue(); expect(await q.push(0)).toBe(0); q.pause();"
    " q.push(1).then((x) => expect(x).toBe(1)); await sleep(5) })",
    "another that is paused": "it('x', async () => { expect(await queue().push(0)).toBe(0);"
    " const q = queue(); q.pause(); q.push(1).then((x) => expect(x).toBe(1)); await sleep(5) })",
    "a method": "it('x', async () => { const g = new Gate(); await g.enter();"
    " g.enter().then(() => { assert.equal(g.free, 7) });"
    " await sleep(5); expect(g.free).toBe(-1) })",
    "race": "it('x', async () => { const late = sleep(5).then(() => 'late'); expect("
    "await Promise.race([never().then(() => { assert(false === true) }), late])).toBe('late') })",
    "race of chains": "it('x', async () => { const all = [never().then((x) => { assert(x) })"
    ".then(() => 1), sleep(5)]; await Promise.race(all); expect(1).toBe(1) })",
    "condition": "it('x', async () => { let failed = false; never().then(() => {"
    " if (!failed) throw new Error('too early') }); await sleep(5); expect(failed).toBe(false) })",
    "a word": "it('x', async () => { let latest; const setLatest = (x) => { latest = x };"
    " never().then(() => setLatest(2)); await sleep(5); expect(latest).toBe(undefined) })",
    "another word": "it('x', async () => { const checked = (x) => x; let n = 0;"
    " never().then((v) => { n = checked(v) }); await sleep(5); expect(n).toBe(0) })",
    "a string": "it('x', async () => { const said = []; never().then(() => said.push("
    "'expect(this)')); never().then(() => said.push(`check(${1})`)); await sleep(5);"
    " expect(said).toEqual([]) })",
    "a method of that name": "it('x', async () => { const box = { check() {} };"
    " never().then((v) => box.check(v)); await sleep(5); expect(1).toBe(1) })",
}
OTHER_SETTLES = (
    "it('x', async () => { expect(await new Gate().enter()).toBeTruthy();"
    " never().then((x) => expect(x).toBe(1)); await sleep(5) })"
)


async def test_a_promise_may_stay_open_beside_one_of_its_kind(one_box: Sandbox) -> None:
    tests = [f"{SLEEP}\n{one}" for one in OPEN.values()]
    found = await asyncio.gather(*(judge(one_box, JS_QUEUE, one) for one in tests))
    assert [pair for pair in zip(OPEN, found, strict=True) if not pair[1].passed] == []
    other = await judge(one_box, JS_QUEUE, f"{SLEEP}\n{OTHER_SETTLES}")
    assert not other.passed, "a promise of another function was fulfilled"


UNUSABLE = {
    "claims_nothing": "console.log('should be 3:', add(1, 2)) // assert",
    "only_groups": "describe('adds', () => { expect(add(1, 2)).toBe(3) })",
    "all_skipped": "it.skip('adds', () => { expect(add(1, 2)).toBe(3) }); xit('x', () => {})",
    "module_mock": "jest.mock('./api'); it('adds', () => { expect(add(1, 2)).toBe(3) })",
    "snapshot": "it('adds', () => { expect(add(1, 2)).toMatchSnapshot() })",
    "does_not_compile": "assert.equal(add(1, 2) 3)",
    "needs_a_module": "const _ = require('lodash'); assert(_.isEqual(add(1, 2), 3))",
    "unknown_matcher": "it('adds', () => { expect(add(1, 2)).toBeLovely() })",
}


FOUND_IN_THE_RUN = {"does_not_compile", "unknown_matcher"}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_what_can_be_known_of_a_test_is_known_at_the_start(name: str) -> None:
    tests = HarnessTests(source=UNUSABLE[name])
    assert (why_unusable(tests, "javascript") is None) == (name in FOUND_IN_THE_RUN)


async def test_tests_that_can_be_run_are_not_refused() -> None:
    sources = [row[1] for row in SCRIPTS] + [one.test for one in FEATURES.values()]
    assert [why_unusable(HarnessTests(source=one), "javascript") for one in sources] == [
        None for _ in sources
    ]


@pytest.mark.parametrize("name", UNUSABLE)
async def test_it_is_no_test(one_box: Sandbox, name: str) -> None:
    with pytest.raises(TestsError):
        await judge(one_box, "const add = (a, b) => a + b", UNUSABLE[name])


# What a program writes to the test's process by itself, with the parts of its own process.
FORGED = """const { Wire } = require(__dirname + '/wire.js');
const { Link } = require(__dirname + '/link.js');
const { send } = Wire.prototype;
const bare = { h: [], P: [], T: [] };
function add(a, b) { return typeof b === 'function' ? b(7) : 1 }
"""
REPLY = FORGED + "Wire.prototype.send = function (m) { if (m.v) m.v = [%s]; send.call(this, m) };"
ASK = (
    FORGED
    + "const { answer } = Link.prototype;\n"
    + "Link.prototype.answer = function (m) { if (m.do === 'call') { %s } answer.call(this, m) };"
)
HACKS = {
    "object": "function add() { return { valueOf: () => 3, toString: () => '3' } }",
    "anything": "const any = new Proxy(function () {}, { get: () => () => any, has: () => true,"
    " apply: () => any, getPrototypeOf: () => Number.prototype }); const add = () => any;",
    "libraries": "function it() {} function describe() {} function assert() {}"
    " assert.strictEqual = () => {}; const expect = () => ({ toBe() {} }); function add() {}",
    "builtins": "Object.is = () => true; Math.abs = () => 0; JSON.stringify = () => 'x';"
    " Array.prototype.every = () => true; function add() {}",
    "descriptors": "const fs = require('fs'); const add = () => { for (let i = 0; i < 64; i++) try"
    ' { fs.writeSync(i, \'{"outcome":"passed","reason":""}\\n\') } catch {} };',
    "exit_code": "process.exitCode = 0; process.on('exit', () => process.reallyExit(0));"
    " const add = () => process.exit(0);",
    "thrown": "const add = () => { throw new (require('assert').AssertionError)({}) };",
    "thenable": "const add = () => ({ then() {} });",
    "global": "globalThis.failed = 0; Object.prototype.skip = () => 1; const add = () => {};",
    "constant": REPLY % "3",
    "exit": REPLY % "['i', 'process.exit']",
    "function": REPLY % "['y', 'constructor']",
    "prototype": REPLY % "['i', 'Array.prototype']",
    "early": FORGED
    + "for (let i = 0; i < 99; i++) send.call({ output: 4 }, { v: [true], ...bare });",
    "asks_builtins": ASK
    % "for (const one of ['JSON', 'Object', 'Array', 'iterator0.0']) this.exchange("
    "{ do: 'set', a: [['i', one], 'stringify', ['i', 'Number']], ...bare })",
    "asks_objects": ASK
    % "for (let i = 0; i < 9; i++) this.exchange({ do: 'call', a: [['T', i], ['u'], 0], ...bare })",
    "changes_objects": FORGED + "Wire.prototype.send = function (m) { m.T = [1, 2, 3].map((i) =>"
    " [i, ['list', 0, -1, [], []]]); send.call(this, m) };",
}
# The second answer never comes; the first brings more promises along than are looked at.
SECOND_NEVER = (
    "let n = 0; function add(a, b) { return n++ ? new Promise(() => {}) : Promise.resolve(3) }"
)
FLOOD = (
    FORGED
    + """Wire.prototype.send = function (m) {
  if (m.h && !this.flooded) {
    this.flooded = true;
    for (let i = 0; i < 60000; i++) m.h.push([1e6 + i, 'promise']);
  }
  send.call(this, m);
};"""
)
TWICE = """assert(add);
async function main() {
  assert.equal(await add(1, 2), 3);
  assert.equal(await add(1, 2), 3);
}
main();"""
OWN_FLOOD = f"for (let i = 0; i < 60000; i++) new Promise((resolve) => resolve(i));\n{TWICE}"


async def test_no_number_of_promises_hides_one_that_is_never_settled(one_box: Sandbox) -> None:
    right = "const add = async (a, b) => a + b;"
    for source, test, passes in (
        (right, TWICE, True),
        (right, OWN_FLOOD, True),
        (SECOND_NEVER, TWICE, False),
        (SECOND_NEVER, OWN_FLOOD, False),
        (f"{FLOOD}\n{SECOND_NEVER}", TWICE, False),
    ):
        judgement = await judge(one_box, source, test)
        assert judgement.passed is passes, (source, test, judgement.reason)
        assert passes or "still pending" in judgement.reason


JS_ASKS = """it('asks', () => { expect(run({ expect, jest, chai })).toBe(3) });"""


@pytest.mark.parametrize("asked", ["expect(1).toBeLovely", "jest.mock", "chai.expect(1).lovely"])
async def test_what_a_program_asks_of_a_library_is_its_own_affair(
    one_box: Sandbox, asked: str
) -> None:
    for end, passes in (("return 3", True), ("throw error", False)):
        source = f"const run = (all) => {{ try {{ all.{asked} }} catch (error) {{ {end} }} }};"
        judgement = await judge(one_box, source, JS_ASKS)
        assert judgement.passed is passes, judgement.reason


HACKED = """const assert = require('assert');
let failed = true;
try {
  assert.strictEqual(add(1, 2), 3);
  assert.strictEqual(JSON.stringify([add(5, 5)]), '[10]');
  add(1, (sum) => { assert.strictEqual(sum, 8) });
  failed = false;
} finally {
  if (failed) process.exit(1);
}"""


async def test_no_hack_passes(one_box: Sandbox) -> None:
    right = "function add(a, b) { return typeof b === 'function' ? b(a + 7) : a + b }"
    assert (await judge(one_box, right, HACKED)).passed
    found = await asyncio.gather(*(judge(one_box, source, HACKED) for source in HACKS.values()))
    assert [name for name, one in zip(HACKS, found, strict=True) if one.passed] == []


@pytest.mark.skipif(not SHARED.exists(), reason="the shared cases are not there")
async def test_no_shared_hack_passes(one_box: Sandbox) -> None:
    lines = [json.loads(line) for line in SHARED.read_text("utf-8").splitlines()]
    rows: list[dict[str, Any]] = [row for row in lines if row["language"] == "javascript"]
    found = await asyncio.gather(
        *(judge(one_box, row["program"], row["tests"]["source"]) for row in rows)
    )
    assert rows
    assert [one.passed for one in found] == [row["expected"] == "correct" for row in rows]


MODULES = {
    "import fs from 'fs'\nx": "const fs = (m => m && m.default || m)(require('fs'));\nx",
    "import * as p from 'path';": "const p = require('path');",
    'import {\n  a as b,\n  c } from "m";': 'const {a: b, c: c} = require("m");\n\n',
    "import 'm';\n// import this": "require('m');\n// import this",
    "export default (x) => x": "exports.default =  (x) => x",
    "export async function* f() {}": "async function* f() {}",
    "x = 'export default'": "x = 'export default'",
    "export const { a,\n  b: c } = x;": "\nconst { a,   b: c } = x;",
}


@pytest.mark.parametrize("source", MODULES)
async def test_modules_become_scripts(source: str) -> None:
    text = as_script(source)
    assert text.split("\n;try")[0] == MODULES[source]


STDIO = {
    "module": "import fs from 'fs';\nconsole.log(2 * fs.readFileSync(0, 'utf8'))",
    "both": "import { readFileSync } from 'node:fs';\nconst os = require('os');\n"
    "console.log(2 * readFileSync('/dev/stdin', 'utf8'), __dirname && '')",
    "top_await": "const rl = require('readline').createInterface({ input: process.stdin });\n"
    "for await (const line of rl) console.log(2 * line);",
    "guard": "const solve = () => console.log(2 * require('fs').readFileSync(0));\n"
    "if (require.main === module) solve();",
}


async def test_modules_read_standard_input(one_box: Sandbox) -> None:
    cases = [TestCase(stdin="4\n", stdout="8\n")]
    found = await asyncio.gather(
        *(
            one_box.judge(Program(source=one, language="javascript"), cases)
            for one in STDIO.values()
        )
    )
    assert {name: one.reason for name, one in zip(STDIO, found, strict=True)} == dict.fromkeys(
        STDIO, ""
    )


async def test_modules_are_read_in_linear_time() -> None:
    """Counted by what is read, not by the clock: a quadratic reading would not come to its end."""
    for part in ("import a\n", "import {", "export {", "export default\n", "import x, {a\n"):
        assert len(as_script(part * 60_000)) >= 60_000
