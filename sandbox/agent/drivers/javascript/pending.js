// What of a test is still under way: its async functions, the callbacks that it handed over and that
// hold an assertion, and what it wants done with one when a promise is settled.
//
// Guarantee: an async function of the test that never came to its end is found, however many promises
// there are, and so is a promise with such a handler that was never settled, if no other call of the
// program's function that gave it was fulfilled: a test may leave one of several open on purpose.
"use strict";

const v8 = require("v8");

const MOST_LOOKS = 50000; // at a stack, which takes microseconds; beyond, whatever is never settled counts
const { apply } = Reflect;
const textOf = Function.prototype.call.bind(Function.prototype.toString);
const natively = Function.prototype.call.bind(Promise.prototype.then);
const CLAIM = /\b(?:assert|expect)\b/;
// The same, or a helper of the test's own, which is called by its bare name.
const HELPER = /(?<![.\w$])(?:assert|expect|check|verify|ensure)(?![a-z])\w*\s*\(|\bshould\b/;
const BLANK = /\/\/[^\n]*|\/\*[^]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[^])*`/g;
const CONDITION = /\bif\s*\([^{};]*?\)\s*(?:\{[^{}]*?)?\b(?:throw|process\.exit)\b/g;
const REFUSAL = /assert\.fail|(?:assert|ok)\s*\(\s*(?:false|0)\b|expect\s*\(\s*(?:true|false)\s*\)|\bthrow\b|\breject\b|\bfail\s*\(|unreachable/;

// Whether a function claims something, and is not there to say that it must not be called.
function claims(fn, words = CLAIM) {
  const text = textOf(fn);
  const rest = text.replace(BLANK, "''").replace(CONDITION, "");
  return words.test(rest) && !REFUSAL.test(text.replace(CONDITION, ""));
}

// The same of what a promise is to do, which may say what it claims of its value in other words.
function claimsLater(fn) {
  if (typeof fn !== "function") return false;
  if (claims(fn) || claims(fn, HELPER)) return true;
  const text = textOf(fn).replace(BLANK, "''");
  return fn.length > 0 && text.replace(CONDITION, "") !== text;
}

class Pending {
  constructor(file) {
    this.file = file;
    this.running = new Set();
    this.callbacks = new Set();
    this.awaited = new Set(); // a promise that is to be settled, for each call of `then` with a claim
    this.before = new WeakMap(); // promise -> the one whose `then` made it
    this.givers = new WeakMap(); // what the program gave -> its function that all this came of
    this.asked = undefined; // the function that what is being asked for comes of
    this.fulfilled = new Set(); // functions of which a promise was
    this.isHeard = false; // a promise with a claim was
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
    this.watchRaces(intrinsics);
    const pending = this;
    for (const name of ["then", "finally"]) {
      const original = Promise.prototype[name];
      const watching = {
        [name](...handlers) {
          const made = apply(original, this, handlers);
          pending.before.set(made, this);
          if (handlers.some(claimsLater)) pending.awaits(this, made);
          return made;
        },
      }[name];
      Object.defineProperty(watching, "length", { value: original.length });
      Object.defineProperty(Promise.prototype, name, { value: watching });
      intrinsics.add(`Promise.prototype.${name}`, watching, "here");
    }
  }

  // What has lost a race need not be settled.
  watchRaces(intrinsics) {
    const pending = this;
    for (const name of ["race", "any"]) {
      const original = Promise[name];
      const watching = {
        [name](all) {
          const list = typeof all?.[Symbol.iterator] === "function" ? [...all] : all;
          const made = apply(original, this, [list]);
          const forget = () => list.forEach((one) => pending.forget(one));
          if (list !== all) natively(made, forget, forget);
          return made;
        },
      }[name];
      Object.defineProperty(Promise, name, { value: watching });
      intrinsics.add(`Promise.${name}`, watching, "here");
    }
  }

  forget(promise) {
    for (let at = promise; at !== undefined; at = this.before.get(at)) {
      for (const one of this.awaited) if (one.made === at || one.promise === at) this.awaited.delete(one);
    }
  }

  // The test passes only when this promise has been settled, one way or the other, or one like it.
  awaits(promise, made) {
    const one = { promise, made };
    const forget = () => void this.awaited.delete(one);
    this.awaited.add(one);
    natively(promise, () => {
      this.isHeard = true;
      forget();
    }, forget);
  }

  // Something is asked of an object of the program.
  asks(object) {
    this.asked = Object(object) === object ? (this.givers.get(object) ?? object) : undefined;
  }

  // The program has given something; what to do when a promise is fulfilled.
  meets(object) {
    const { asked } = this;
    if (asked !== undefined) this.givers.set(object, asked);
    return () => void this.fulfilled.add(asked);
  }

  // Whether there is a promise to wait for, of whose kind none has been fulfilled.
  isOwed() {
    return [...this.awaited].some(({ promise }) => {
      let first = promise;
      while (this.before.has(first)) first = this.before.get(first);
      const giver = this.givers.get(first);
      return giver === undefined ? !this.isHeard : !this.fulfilled.has(giver);
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
    if (claims(fn)) this.callbacks.add(fn);
  }

  isCalled(fn) {
    this.callbacks.delete(fn);
  }
}

module.exports = { Pending };
