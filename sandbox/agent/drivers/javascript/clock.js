// A clock that stands until a test winds it: jest.useFakeTimers and its like.
//
// Guarantee: timers go off in the order of their times, and then of their making.
"use strict";

const RealDate = Date;
const NAMES = ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate", "Date"];
const real = Object.fromEntries(NAMES.map((name) => [name, globalThis[name]]));
const MOST_RUNS = 100000;
const settled = () => new Promise((resolve) => void real.setImmediate(resolve));

class Clock {
  constructor() {
    this.isFake = false;
    this.reset(0);
  }

  reset(now) {
    this.now = now;
    this.timers = new Map();
    this.count = 0;
  }

  use(options = {}) {
    this.reset(Number(options.now ?? RealDate.now()));
    this.isFake = true;
    const start = (kind) => (callback, delay, ...args) => this.start(kind, callback, delay, args);
    const clear = (timer) => void this.timers.delete(Number(timer));
    Object.assign(globalThis, {
      ...{ setTimeout: start("timeout"), setInterval: start("interval") },
      setImmediate: (callback, ...args) => this.start("immediate", callback, 0, args),
      ...{ clearTimeout: clear, clearInterval: clear, clearImmediate: clear },
      Date: this.date(),
    });
  }

  useReal() {
    Object.assign(globalThis, real);
    this.isFake = false;
  }

  date() {
    const clock = this;
    return class Date extends RealDate {
      constructor(...args) {
        super(...(args.length ? args : [clock.now]));
        Object.setPrototypeOf(this, RealDate.prototype);
      }

      static now() {
        return clock.now;
      }

      static [Symbol.hasInstance](value) {
        return value instanceof RealDate;
      }
    };
  }

  start(kind, callback, delay, args) {
    const id = ++this.count;
    const wait = Math.max(kind === "immediate" ? 0 : 1, Number(delay) || 0);
    const timer = { id, kind, callback, args, wait, due: this.now + wait };
    this.timers.set(id, timer);
    const self = { id, ref: () => self, unref: () => self, hasRef: () => true, refresh: () => self, [Symbol.toPrimitive]: () => id };
    return self;
  }

  next(until) {
    let first;
    for (const timer of this.timers.values()) if (timer.due <= until && (!first || timer.due < first.due)) first = timer;
    return first;
  }

  fire(timer) {
    this.now = Math.max(this.now, timer.due);
    if (timer.kind === "interval") timer.due += timer.wait;
    else this.timers.delete(timer.id);
    Reflect.apply(timer.callback, undefined, timer.args);
  }

  *due(until) {
    for (let runs = 0; ; runs++) {
      const timer = this.next(until);
      if (!timer) return;
      if (runs === MOST_RUNS) throw new Error(`${MOST_RUNS} timers went off, and there is no end of them`);
      yield timer;
    }
  }

  advance(ms) {
    const until = this.now + ms;
    for (const timer of this.due(until)) this.fire(timer);
    this.now = until;
  }

  async advanceAsync(ms) {
    const until = this.now + ms;
    await settled();
    for (const timer of this.due(until)) {
      this.fire(timer);
      await settled();
    }
    this.now = until;
  }

  runPending() {
    const last = Math.max(this.now, ...[...this.timers.values()].map(({ due }) => due));
    for (const timer of [...this.timers.values()].sort((a, b) => a.due - b.due)) {
      if (this.timers.has(timer.id) && timer.due <= last) this.fire(timer);
    }
  }

  runAll() {
    for (const timer of this.due(Infinity)) this.fire(timer);
  }

  async runAllAsync() {
    await settled();
    for (const timer of this.due(Infinity)) {
      this.fire(timer);
      await settled();
    }
  }

  advanceToNext() {
    const timer = this.next(Infinity);
    if (timer) this.fire(timer);
  }

  // jest's and vitest's names.
  api() {
    const api = {
      useFakeTimers: (options) => (this.use(typeof options === "object" ? options : {}), undefined),
      useRealTimers: () => this.useReal(),
      advanceTimersByTime: (ms) => this.advance(ms),
      advanceTimersByTimeAsync: (ms) => this.advanceAsync(ms),
      advanceTimersToNextTimer: () => this.advanceToNext(),
      runAllTimers: () => this.runAll(),
      runAllTimersAsync: () => this.runAllAsync(),
      runOnlyPendingTimers: () => this.runPending(),
      runOnlyPendingTimersAsync: async () => (this.runPending(), settled()),
      runAllTicks() {},
      clearAllTimers: () => this.timers.clear(),
      getTimerCount: () => this.timers.size,
      setSystemTime: (now) => void (this.now = Number(now ?? RealDate.now())),
      getRealSystemTime: () => RealDate.now(),
      now: () => (this.isFake ? this.now : RealDate.now()),
    };
    return api;
  }

  // node:test's names: mock.timers.enable, tick, runAll, reset.
  nodeApi() {
    return {
      enable: (options) => this.use({ now: 0, ...options }),
      tick: (ms) => this.advance(ms),
      runAll: () => this.runAll(),
      setTime: (now) => void (this.now = now),
      reset: () => this.useReal(),
    };
  }
}

module.exports = { Clock };
