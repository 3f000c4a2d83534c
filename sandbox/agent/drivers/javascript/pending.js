// What of a test is still under way: its async functions, the callbacks that it handed over and that
// hold an assertion, and what it wants done with one when a promise is settled.
//
// Guarantee: an async function of the test that never came to its end is found, however many promises
// there are, and so is a promise with such a handler that was never settled.
"use strict";

const v8 = require("v8");

const MOST_LOOKS = 50000; // at a stack, which takes microseconds; beyond, whatever is never settled counts
const { apply } = Reflect;
const textOf = Function.prototype.call.bind(Function.prototype.toString);
const natively = Function.prototype.call.bind(Promise.prototype.then);
const CLAIM = /\b(?:assert|expect)\b/;
const HELPER = /\b\w*(?:assert|expect|check|equal|verif|ensure|should|test)\w*\s*\(/i; // or one of the test's own
const CONDITION = /\bif\s*\([^{};]*?\)\s*(?:\{[^{}]*?)?\b(?:throw|process\.exit)\b/g;
const REFUSAL = /assert\.fail|(?:assert|ok)\s*\(\s*(?:false|0)\b|expect\s*\(\s*(?:true|false)\s*\)|\bthrow\b|\breject\b|\bfail\s*\(|unreachable/;

// Whether a function claims something, and is not there to say that it must not be called.
function claims(fn, words = CLAIM) {
  const rest = textOf(fn).replace(CONDITION, "");
  return words.test(rest) && !REFUSAL.test(rest);
}

// The same of what a promise is to do, which may say what it claims in other words.
function claimsLater(fn) {
  if (typeof fn !== "function") return false;
  const text = textOf(fn);
  return claims(fn) || claims(fn, HELPER) || text.replace(CONDITION, "") !== text;
}

class Pending {
  constructor(file) {
    this.file = file;
    this.running = new Set();
    this.callbacks = new Set();
    this.awaited = new Set(); // one for each call of `then` whose promise is to be settled
    this.looks = 0;
    this.isMeeting = false; // promises of the program, which are none of the test's
  }

  watch() {
    const remove = Set.prototype.delete.bind(this.running);
    v8.promiseHooks.createHook({
      init: (promise, parent) => {
        if (parent !== undefined || this.isMeeting) return;
        if (this.looks++ >= MOST_LOOKS || this.isByTest()) this.running.add(promise);
      },
      settled: (promise) => void remove(promise),
    });
  }

  // Puts something before the `then` and `finally` of every promise, which notes what is awaited.
  watchHandlers(intrinsics) {
    const pending = this;
    for (const name of ["then", "finally"]) {
      const original = Promise.prototype[name];
      const watching = {
        [name](...handlers) {
          const made = apply(original, this, handlers);
          if (handlers.some(claimsLater)) pending.awaits(this);
          return made;
        },
      }[name];
      Object.defineProperty(watching, "length", { value: original.length });
      Object.defineProperty(Promise.prototype, name, { value: watching });
      intrinsics.add(`Promise.prototype.${name}`, watching, "here");
    }
  }

  // The test passes only when this promise has been settled, one way or the other.
  awaits(promise) {
    const one = {};
    const forget = () => void this.awaited.delete(one);
    this.awaited.add(one);
    natively(promise, forget, forget);
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
    if (claims(fn)) this.callbacks.add(fn);
  }

  isCalled(fn) {
    this.callbacks.delete(fn);
  }
}

module.exports = { Pending };
