// The test's process: it runs the test, which reaches the program across a process boundary alone.
//
// Guarantees: no code of the program runs here, and no builtin object here is the program's. What the
// program gives is a value that is compared, or stands for an object that is equal to itself alone.
// The outcome goes to descriptor 3, with a word that came with the test; the program ends before it, or
// says what it likes: it has failed.
"use strict";

const fs = require("fs");
const vm = require("vm");
const { asserts, consoleAssert } = require("./asserts.js");
const { makeChai } = require("./chai.js");
const { Clock } = require("./clock.js");
const { makeExpect } = require("./expect.js");
const { hold } = require("./hold.js");
const { Intrinsics } = require("./intrinsics.js");
const { Link } = require("./link.js");
const { Mocks } = require("./mocks.js");
const { Pending } = require("./pending.js");
const { makeRequire, shareNames, shareAdditions, defaultOf } = require("./scope.js");
const { Suite } = require("./suite.js");
const { Turns } = require("./turns.js");
const { Watch } = require("./watch.js");
const { Wire } = require("./wire.js");

const { stringify } = JSON;
const { writeSync } = fs;
const { setTimeout } = globalThis;
const MOST_LOOKS = 50;
const MOST_WAITS = 2000; // looks, where there is an assertion to wait for
const end = process.reallyExit.bind(process);
const FILE = "test.js";
const HAS_INSTANCE = "code0.prototype.@Symbol.hasInstance";
const CHANGES = new Set(["set", "delete", "define", "preventExtensions"]);
const SILENT = new Set(["turn", "added", "replace", "fire"]);
const GIVES_TYPES = new Set(["get", "property", "above", "name"]);
const SUITE_STYLE = new RegExp(
  "(?<![.\\w$])(?:it|test|specify|describe|context|suite|[fx](?:it|test|describe))(?:\\.\\w+)*" +
    "\\s*(?:\\.each\\s*[(`]|\\(\\s*(?:'(?:[^'\\\\\\n]|\\\\.)*'|\"(?:[^\"\\\\\\n]|\\\\.)*\"|`(?:[^`\\\\]|\\\\.)*`|[\\w$.]+)" +
    "\\s*,\\s*(?:\\{[^{}]*\\}\\s*,\\s*)?(?:async\\b|function\\b|\\(|[\\w$]+\\s*(?:=>|\\))))",
);
const { nonce, source: text } = JSON.parse(fs.readFileSync(6, "utf8"));
fs.closeSync(6);

function conclude(outcome, reason = "") {
  writeSync(3, `${stringify({ nonce, outcome, reason: String(reason).slice(0, 500) })}\n`);
  end(0);
}

const lose = (reason) => conclude("failed", reason);
const unusable = new WeakSet();
const unhandled = new Map(); // promise -> what it was rejected with

function fail(error) {
  if (Object(error) === error && unusable.has(error)) conclude("unusable", error.message);
  conclude("failed", placeOf(error));
}

// An error in one line, and the line of the test from which it came.
function placeOf(error) {
  try {
    const isError = error instanceof Error;
    const line = isError && new RegExp(`\\b${FILE.replace(".", "\\.")}:(\\d+)`).exec(String(error.stack));
    const said = isError ? `${error.name}: ${error.message}` : `Error: ${String(error)}`;
    return `${line ? `line ${line[1]} of the test: ` : ""}${said.split("\n")[0]}`;
  } catch {
    return "Error: one that cannot be shown";
  }
}

const run = {
  asserted: 0,
  wantedAssertions: undefined,
  awaits: (promise) => pending.awaits(promise),
  unusable(reason) {
    const error = new Error(reason);
    unusable.add(error);
    return error;
  },
  beginTest() {
    run.before = run.asserted;
    run.wantedAssertions = undefined;
  },
  endTest() {
    const made = run.asserted - run.before;
    const isMet = run.wantedAssertions === undefined || (run.wantedAssertions < 0 ? made > 0 : made === run.wantedAssertions);
    if (!isMet) throw new Error(`the test made ${made} assertions, and wants others`);
  },
};

// ---- the program, as this side meets it ----

// What the program may do to objects of the test: to those that it was given, and to no class.
function guard(operation, args) {
  const [object, key] = args;
  if (!link.values.numberOf.has(object)) lose("the program talks nonsense");
  refuseBuiltins(args);
  if (operation === "call") pending.isCalled(object);
  if (operation === "setAbove" || (operation === "set" && key === "__proto__")) {
    throw new TypeError("the prototype of an object of the test cannot be changed");
  }
  if (!CHANGES.has(operation)) return;
  const isFunction = typeof object === "function";
  if (isFunction ? operation !== "set" || key in object : Object.hasOwn(object, "constructor")) {
    throw new TypeError("a function or a class of the test cannot be changed");
  }
}

const intrinsics = new Intrinsics(false);
const pending = new Pending(FILE);
const link = new Link({
  letter: "T",
  wire: new Wire(5, 4, lose),
  intrinsics,
  mayTake: (entry) => entry !== undefined && (entry.kind === "type" || entry.name === HAS_INSTANCE),
  names: (operation, isReply) => (entry) => !isReply || !GIVES_TYPES.has(operation) || entry.kind !== "here",
  operations: {},
  guard,
  lose,
});
const turns = new Turns(link);
const watch = new Watch(link, text);
let isAsked = false;
link.onRequest = (operation) => {
  if (operation !== "turn" && operation !== "replace") watch.check();
  if (operation !== "turn") turns.stir();
  if (!SILENT.has(operation)) isAsked = true;
};
link.onValues = (operation, values) => GIVES_TYPES.has(operation) || operation === "added" || refuseBuiltins(values);
link.meet = (kind, id) => {
  pending.isMeeting = true;
  try {
    const object = Link.prototype.meet.call(link, kind, id);
    const fulfils = pending.meets(object);
    const [resolve, reject] = link.promises.get(id) ?? [];
    if (resolve) link.promises.set(id, [(value) => (fulfils(), resolve(value)), reject]);
    return object;
  } finally {
    pending.isMeeting = false;
  }
};
link.request = (operation, args) => {
  const { asked } = pending;
  pending.asks(args[0]);
  try {
    return Link.prototype.request.call(link, operation, args);
  } finally {
    pending.asked = asked;
  }
};
// Looking at what the test handed over makes no test unusable; its own code may.
link.told = (operation, error) => {
  const isItsCode = operation === "call" || operation === "construct";
  return unusable.has(error) && !isItsCode ? new TypeError(error.message) : error;
};
const onFunction = link.values.onFunction;
link.values.onFunction = (fn) => {
  onFunction(fn);
  pending.handOver(fn);
};

// A builtin object of this process is no value, but for constructors: a test that wrote to it would
// change what it decides with.
function refuseBuiltins(values) {
  for (const value of values) {
    if (typeof value !== "function" && intrinsics.entries.has(value)) lose("the program talks nonsense");
  }
}

// ---- what the test finds ----

const [assert, strict] = asserts(run);
const suite = new Suite(run);
const clock = new Clock();
const mocks = new Mocks(run.unusable);
const jest = mocks.api(clock.api());
const expect = makeExpect(run);
const chai = makeChai(run, assert);
const isSuite = SUITE_STYLE.test(text);
run.assert = assert;
run.mock = { fn: jest.fn, method: jest.spyOn, timers: clock.nodeApi(), restoreAll: jest.restoreAllMocks, reset: jest.resetAllMocks };

function exit(code = process.exitCode) {
  if (Number(code || 0) !== 0) conclude("failed", `the test ended with exit code ${code}`);
  finish(true);
}

function declare() {
  const api = suite.api(false);
  const nodeTest = Object.assign(suite.api(true).test, suite.api(true), { mock: run.mock });
  nodeTest.test = nodeTest;
  nodeTest.default = nodeTest;
  const library = { ...api, expect, jest, vi: jest, assert };
  const own = { assert, "assert/strict": strict, test: nodeTest, "@jest/globals": library, vitest: library };
  for (const name of ["mocha", "bun:test", "jest"]) own[name] = library;
  Object.assign(own, { chai, expect, process });
  expect.default = expect.expect = expect;
  const missing = (name) => run.unusable(`the test needs a module that is not here: ${name}`);
  const require_ = makeRequire({ link, text, own, missing, intrinsics });
  const module_ = { exports: {}, children: [], filename: FILE, id: "." };
  require_.main = module_;
  const globals = { ...api, ...{ expect, chai, jest, vi: jest, assert, require: require_, module: module_, exports: module_.exports } };
  Object.assign(globals, { __filename: `/app/${FILE}`, __dirname: "/app", plumbDefault: defaultOf });
  globals.plumbImport = async (name) => {
    const found = require_(name);
    return new Proxy(found, { get: (target, key) => (key === "default" ? defaultOf(found) : key === "then" ? undefined : target[key]) });
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
  console.assert = consoleAssert(run);
  for (const name of ["exit", "reallyExit"]) {
    process[name] = exit;
    intrinsics.add(`process.${name}`, exit, "function");
  }
  return (name) => isSuite && Object.hasOwn(api, name);
}

// ---- running ----

function compile() {
  try {
    return vm.compileFunction(text, [], { filename: FILE });
  } catch (error) {
    try {
      if (/\bawait\b/.test(text)) return vm.runInThisContext(`(async () => {${text}\n})`, { filename: FILE });
    } catch {
      // told of as it was
    }
    return conclude("unusable", `the test does not compile: ${error.message}`);
  }
}

const hasOwnAssert = /\bfunction\s+(?:assert|expect)\b|\b(?:const|let|var)\s+(?:assert|expect)\s*=(?!\s*(?:plumb\w*\(\s*)?(?:await\s+)?(?:require|plumbImport|chai)\b)/.test(text);
const mustAssert = /(?<![.\w])(?:assert|expect)\s*[.(]|console\.assert\s*\(/.test(text) && !hasOwnAssert;
let isRunning = true;

function finish(isToldToEnd = false) {
  if (process.exitCode) conclude("failed", `the test ended with exit code ${process.exitCode}`);
  for (const error of unhandled.values()) fail(error);
  if (!suite.isDone) conclude("failed", "Error: a test is still waiting when nothing is left to wait for");
  if (isSuite && suite.ran === 0) conclude("failed", "Error: none of the cases of the test ran");
  const isWaiting = isRunning || pending.running.size > 0;
  if (isWaiting && !isToldToEnd) conclude("failed", "Error: a promise of the test is still pending");
  if (mustAssert && run.asserted === 0) conclude("failed", "Error: the test ended without an assertion");
  if (pending.callbacks.size > 0) conclude("failed", "Error: a callback of the test that holds an assertion was never called");
  if (pending.isOwed()) conclude("failed", "Error: a promise that the test has an assertion about was never settled");
  if (!isAsked) conclude("failed", "Error: the test never used the program");
  conclude("passed");
}

async function main(body) {
  await body();
  isRunning = false;
  if (suite.isDone) return;
  await suite.runAll();
  // A case may have left a promise behind that it did not return.
  const isComing = () => pending.isOwed() || (pending.awaited.size > 0 && turns.timers.size > 0);
  const isLeft = (looks) => (looks < MOST_LOOKS && link.promises.size > 0) || (looks < MOST_WAITS && isComing());
  for (let looks = 0; looks === 0 || isLeft(looks); looks++) {
    await new Promise((resolve) => void setTimeout(resolve, 1));
  }
  finish(true);
}

const body = compile();
const loaded = link.wire.receive();
if (loaded.refused) lose(`the program does not load: ${loaded.refused}`);
const isTaken = declare();
shareNames(link, loaded.names.map(String), text, isTaken);
shareAdditions(link, text);
pending.watchHandlers(intrinsics);
hold();
process.setUncaughtExceptionCaptureCallback(fail);
process.on("unhandledRejection", (error, promise) => void unhandled.set(promise, error));
process.on("rejectionHandled", (promise) => void unhandled.delete(promise));
process.once("beforeExit", () => finish());
pending.watch();
main(body).catch(fail);
