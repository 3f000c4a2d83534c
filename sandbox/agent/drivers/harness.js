// Runs program.js and then the test in test.js, which sees the program's names.
//
// Guarantees: the nonce of descriptor 4 is in no source and no argument that the program sees, and
// goes to descriptor 3 when the test has run, none of its promises is pending and nothing is left to
// do, or when the test itself exits with 0. The test has the language's own objects (pristine.js),
// whatever the program did to them before or does meanwhile. No handler of the program's keeps an
// error or a rejection from failing the test.
"use strict";

const fs = require("fs");
const nonce = fs.readFileSync(4, "utf8");
fs.closeSync(4);

const Module = require("module");
const vm = require("vm");
const v8 = require("v8");
const assert = require("assert");
const { takeDown, restore, hold } = require("./pristine.js");

const { writeSync } = fs;
const { apply } = Reflect;
const { Error } = globalThis; // the program may replace that
const { defineProperty } = Object;
const { AssertionError } = assert;
const end = process.reallyExit.bind(process);
const emit = process.emit;
let hasFailed = false; // the test said so itself, by its exit code
let asserted = 0;

function fail(error) {
  try {
    const isError = error instanceof Error;
    writeSync(2, `${isError ? error.stack : ""}\n${isError ? error.name : "Error"}: `);
    writeSync(2, `${String(isError ? error.message : error).split("\n")[0]}\n`);
  } finally {
    end(1); // the last line is what is told of a failure
  }
}

function finish() {
  if (mustAssert && asserted === 0) fail(new Error("the test ended without an assertion"));
  writeSync(3, nonce);
}

// Node reports through process.emit what has gone wrong, and that nothing is left to do.
let isOver = false;
const locked = { writable: false, configurable: false, enumerable: true };
function told(name, ...rest) {
  if (name === "unhandledRejection" || name === "uncaughtException") fail(rest[0]);
  const result = apply(emit, this, [name, ...rest]);
  if (name === "beforeExit" && rest[0] === 0 && !hasFailed && !isOver && isLoaded) {
    isOver = true;
    if (pending.size > 0) fail(new Error("a promise of the test is still pending"));
    finish();
  }
  return result;
}
defineProperty(process, "emit", { ...locked, value: told });
process.setUncaughtExceptionCaptureCallback(fail);
defineProperty(process, "setUncaughtExceptionCaptureCallback", { ...locked, value() {} });
// Ways to look into closures from outside.
for (const name of ["binding", "_linkedBinding", "dlopen", "_debugProcess"]) delete process[name];
for (const name of ["Session", "open"]) require("inspector")[name] = undefined;
for (const name of ["getHeapSnapshot", "writeHeapSnapshot", "setFlagsFromString"]) v8[name] = undefined;

// ---- what the test gets instead of a global ----

function counted(original) {
  return function (...rest) {
    asserted++;
    if (original === assert && !rest[0] && rest.length === 1) {
      const [actual] = rest; // assert would quote the line that calls it, which is the next
      throw new AssertionError({ message: "it is falsy", actual, expected: true, operator: "==" });
    }
    return apply(original, this, rest);
  };
}

function countedAssert(original) {
  const copy = counted(assert);
  for (const [key, value] of Object.entries(original)) {
    copy[key] = typeof value === "function" && !/^[A-Z]/.test(key) ? counted(value) : value;
  }
  copy.ok = copy;
  return copy;
}

function countedAsserts() {
  const strict = countedAssert(assert.strict);
  const copies = [countedAssert(assert), strict];
  for (const copy of copies) Object.freeze(Object.assign(copy, { strict }));
  for (const part of [AssertionError, AssertionError.prototype]) Object.freeze(part);
  return copies;
}

// console.assert only prints; in a test it has to fail.
function consoleAssert(condition, ...message) {
  asserted++;
  if (condition) return;
  throw new AssertionError({ message: message.map(String).join(" ") || "console.assert" });
}

const given = {
  exit(code = process.exitCode) {
    if (Number(code || 0) !== 0 || hasFailed) end(Number(code) || 1);
    finish();
    end(0);
  },
  reallyExit: end,
};
const testProcess = new Proxy(process, {
  get: (target, key) => (Object.hasOwn(given, key) ? given[key] : target[key]),
  set(target, key, value) {
    if (key === "exitCode" && Number(value || 0) !== 0) hasFailed = true;
    target[key] = value;
    return true;
  },
});

function testRequire(from, asserts) {
  const own = { assert: asserts[0], "assert/strict": asserts[1], process: testProcess };
  return Object.assign((name) => own[String(name).replace(/^node:/, "")] ?? from(name), from);
}

// ---- promises of the test ----

const pending = new Set();
const MOST_LOOKS = 50000; // at a stack, which takes microseconds
let looks = 0;
let firstLine = 0;

// Whether the test made what is being made now, with nothing of the program's in between.
function isByTest() {
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.prepareStackTrace = (_, frames) => frames;
  Error.stackTraceLimit = 64;
  const frames = new Error().stack;
  Error.prepareStackTrace = prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  if (typeof frames === "string") return true;
  let isFound = false;
  for (let i = 0; i < frames.length; i++) {
    const name = frames[i].getFileName();
    if (name === __filename || frames[i].isAsync()) continue;
    if (name === file && frames[i].getLineNumber() >= firstLine) isFound = true;
    else if (frames[i].isEval() || name === file) return false;
  }
  return isFound;
}

function watch() {
  const remove = Set.prototype.delete.bind(pending);
  v8.promiseHooks.createHook({
    init(promise) {
      if (looks++ < MOST_LOOKS && isByTest()) pending.add(promise);
    },
    settled: (promise) => void remove(promise),
  });
}

// ---- program and test ----

const GLOBALS = `JSON Math Object Reflect Array Number String Boolean BigInt Symbol Promise Map Set
  WeakMap WeakSet Date RegExp Error TypeError RangeError SyntaxError ReferenceError AggregateError
  isNaN isFinite parseInt parseFloat NaN Infinity undefined setTimeout setInterval setImmediate
  clearTimeout clearInterval clearImmediate queueMicrotask structuredClone Buffer globalThis global`;
const file = `${__dirname}/program.js`;
const source = fs.readFileSync(file, "utf8").replace(/^#!/, "//");
const test = fs.readFileSync(`${__dirname}/test.js`, "utf8").replace(/^#!/, "//");
const names = ["exports", "require", "module", "__filename", "__dirname"];
vm.compileFunction(source, names, { filename: file }); // the program must be whole by itself

const hasOwnAssert = /\bfunction\s+assert\b|\b(const|let|var)\s+assert\s*=(?!\s*require)/.test(test);
const mustAssert = /(?<![.\w])assert\s*[.(]/.test(test) && !hasOwnAssert;
const parameters = { require: null, console, assert: null };
for (const name of GLOBALS.split(/\s+/)) {
  if (new RegExp(`\\b${name}\\b`).test(test)) parameters[name] = globalThis[name];
}
// A program may have a function of this name.
if (/\bprocess\s*\??[.[]/.test(test)) parameters.process = testProcess;

const program = new Module(file, null);
program.filename = file;
program.paths = [];
require.main = process.mainModule = program;
const from = program.require.bind(program);
// A block of its own: a test may declare names anew that the program has too. An arrow function has
// no `arguments` through which the program could reach what the test was given.
const whole = `${source}
;return (${Object.keys(parameters).join(", ")}) => {{
${test}
}};`;
firstLine = source.split(/\r\n|[\n\r\u2028\u2029]/).length + 2;
const run = vm.compileFunction(whole, names, { filename: file });
const records = takeDown([globalThis, process, Buffer, assert, Module, require("util"), require("events")]);
const globals = { process, Buffer };

let isLoaded = false;
const check = apply(run, program.exports, [program.exports, from, program, file, __dirname]);
restore(records);
Object.assign(globalThis, globals); // accessors, whose values are kept elsewhere
const asserts = countedAsserts();
Object.assign(parameters, { assert: asserts[0], require: testRequire(from, asserts) });
defineProperty(console, "assert", { ...locked, value: consoleAssert });
hold(require("util"));
isLoaded = true;
watch();
check(...Object.values(parameters));
