// What of a test is still under way: its async functions, and the callbacks that it handed over and
// that hold an assertion.
//
// Guarantee: an async function of the test that never came to its end is found, where the test did not
// make more promises than MOST_LOOKS.
"use strict";

const v8 = require("v8");

const MOST_LOOKS = 50000; // at a stack, which takes microseconds
const textOf = Function.prototype.call.bind(Function.prototype.toString);
const CLAIM = /\b(?:assert|expect)\b/;
const REFUSAL = /assert\.fail|(?:assert|ok)\s*\(\s*(?:false|0)\b|expect\s*\(\s*(?:true|false)\s*\)|\bthrow\b|\breject\b|\bfail\s*\(|unreachable/;

class Pending {
  constructor(file) {
    this.file = file;
    this.running = new Set();
    this.callbacks = new Set();
    this.looks = 0;
  }

  watch() {
    const remove = Set.prototype.delete.bind(this.running);
    v8.promiseHooks.createHook({
      init: (promise, parent) => {
        if (parent === undefined && this.looks++ < MOST_LOOKS && this.isByTest()) this.running.add(promise);
      },
      settled: (promise) => void remove(promise),
    });
  }

  // Whether what makes a promise now is a function of the test, and not a constructor or a library.
  isByTest() {
    const { prepareStackTrace, stackTraceLimit } = Error;
    Error.prepareStackTrace = (_, frames) => frames;
    Error.stackTraceLimit = 3;
    const frames = new Error().stack;
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
    return Array.isArray(frames) && frames[2]?.getFileName() === this.file;
  }

  // A function that the program gets.
  handOver(fn) {
    const text = textOf(fn);
    if (CLAIM.test(text) && !REFUSAL.test(text)) this.callbacks.add(fn);
  }

  isCalled(fn) {
    this.callbacks.delete(fn);
  }
}

module.exports = { Pending };
