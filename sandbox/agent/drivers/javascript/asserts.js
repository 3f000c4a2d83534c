// node's assert for a test, and console.assert, which only prints elsewhere: here a false one fails.
//
// Guarantee: what is asserted is counted; what lives in the program is equal to no primitive value.
"use strict";

const assert = require("assert");
const { isStandIn } = require("./remote.js");

const { AssertionError } = assert;
const EQUAL = new Set(["equal", "deepEqual"]);
const SETTLING = new Set(["rejects", "doesNotReject"]);
const { apply } = Reflect;
const isObject = (value) => Object(value) === value;

function counted(run, name, original) {
  return function (...args) {
    run.asserted++;
    const [actual, expected, message] = args;
    if (EQUAL.has(name) && isStandIn(actual) && !isObject(expected)) {
      throw new AssertionError({ message: message ?? "an object where a primitive value is expected", actual, expected });
    }
    if ((name === "assert" || name === "ok") && !actual && args.length === 1) {
      const text = "it is falsy"; // assert would look for the line that calls it
      throw new AssertionError({ message: text, actual, expected: true, operator: "==" });
    }
    if (SETTLING.has(name)) args[0] = awaited(run, actual);
    return apply(original, this, args);
  };
}

// A promise, or a function that gives one, which is to be settled before the test passes.
function awaited(run, given) {
  if (typeof given === "function") return () => awaited(run, given());
  if (given instanceof Promise) run.awaits(given);
  return given;
}

function copy(run, original) {
  const result = counted(run, "assert", assert.ok);
  for (const [key, value] of Object.entries(original)) {
    result[key] = typeof value === "function" && !/^[A-Z]/.test(key) ? counted(run, key, value) : value;
  }
  return result;
}

// assert, and assert/strict.
function asserts(run) {
  const strict = copy(run, assert.strict);
  const loose = copy(run, assert);
  for (const one of [strict, loose]) one.strict = strict;
  return [loose, strict];
}

function consoleAssert(run) {
  return (condition, ...message) => {
    run.asserted++;
    if (condition) return;
    throw new AssertionError({ message: message.map(String).join(" ") || "console.assert" });
  };
}

module.exports = { asserts, consoleAssert };
