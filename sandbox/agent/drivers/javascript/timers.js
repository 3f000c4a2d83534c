// The program's timers: they run out in the test's process, on the clock that the test has.
//
// Guarantee: a timer's callback runs here, and only when the other side says that its time has come.
// So timers of test and program go off in one order, and where a test winds its clock the program's
// timers go with it.
"use strict";

const { Promise } = globalThis;
const CUSTOM = require("util").promisify.custom;

class Timer {
  #timers;

  constructor(timers, id, callback, args, isRepeated) {
    this.#timers = timers;
    this.id = id;
    this.callback = callback;
    this.args = args;
    this.isRepeated = isRepeated;
    this.isHeld = true;
  }

  ref() {
    this.isHeld = true;
    this.#timers.say("hold", this.id, true);
    return this;
  }

  unref() {
    this.isHeld = false;
    this.#timers.say("hold", this.id, false);
    return this;
  }

  hasRef() {
    return this.isHeld;
  }

  refresh() {
    this.#timers.refresh(this);
    return this;
  }

  close() {
    this.#timers.clear(this);
    return this;
  }

  [Symbol.toPrimitive]() {
    return this.id;
  }
}

class Timers {
  constructor(say) {
    this.say = say; // takes the words of a piece of news for the test's process
    this.byId = new Map();
    this.count = 0;
  }

  start(callback, delay, args, kind) {
    if (typeof callback !== "function") {
      const error = new TypeError(`The "callback" argument must be of type function. Received ${typeof callback}`);
      error.code = "ERR_INVALID_ARG_TYPE";
      throw error;
    }
    const timer = new Timer(this, ++this.count, callback, args, kind === "interval");
    timer.start = [kind, timer.id, Number(delay) || 0];
    this.byId.set(timer.id, timer);
    this.say(...timer.start);
    return timer;
  }

  refresh(timer) {
    this.byId.set(timer.id, timer);
    this.say("clear", timer.id);
    this.say(...timer.start);
  }

  clear(timer) {
    const id = timer instanceof Timer ? timer.id : Number(timer);
    if (this.byId.delete(id)) this.say("clear", id);
  }

  fire(id) {
    const timer = this.byId.get(id);
    if (!timer) return;
    if (!timer.isRepeated) this.byId.delete(id);
    Reflect.apply(timer.callback, timer, timer.args);
  }

  // Puts these timers where the program finds node's.
  install() {
    const setTimeout = (callback, delay, ...args) => this.start(callback, delay, args, "timeout");
    const setInterval = (callback, delay, ...args) => this.start(callback, delay, args, "interval");
    const setImmediate = (callback, ...args) => this.start(callback, 0, args, "immediate");
    const clear = (timer) => this.clear(timer);
    const wait = (delay, value) => new Promise((resolve) => void setTimeout(resolve, delay, value));
    const yieldOnce = (value) => new Promise((resolve) => void setImmediate(resolve, value));
    setTimeout[CUSTOM] = wait;
    setImmediate[CUSTOM] = yieldOnce;
    const all = { setTimeout, setInterval, setImmediate };
    for (const name of ["clearTimeout", "clearInterval", "clearImmediate"]) all[name] = clear;
    Object.assign(require("timers"), all);
    for (const [name, value] of Object.entries(all)) {
      Object.defineProperty(value, "name", { value: name });
      Object.defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true });
    }
    Object.assign(require("timers/promises"), { setTimeout: wait, setImmediate: yieldOnce });
  }
}

module.exports = { Timers };
