// Whose turn it is: when the test waits, the program's own waiting goes on.
//
// Guarantees: after whatever the test did with the program, the program's promises are settled before
// the test's next timer. A program that waits for nothing is not asked again.
"use strict";

const { queueMicrotask, setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = globalThis;
const POLL_MS = 1;

class Turns {
  constructor(link) {
    this.link = link;
    this.isDue = false;
    this.isTurning = false;
    this.poll = undefined;
    this.timers = new Map();
    link.onSettled = () => this.stir();
    link.onNews = (words) => this.hear(words);
  }

  // A turn for the program as soon as the test's own code has come to an end or to an await.
  stir() {
    if (this.isDue || this.isTurning) return;
    this.isDue = true;
    clearTimeout(this.poll);
    queueMicrotask(() => this.turn());
  }

  turn() {
    this.isDue = false;
    this.isTurning = true;
    const before = this.link.events;
    const isAwake = this.link.request("turn", [])[0] === true;
    this.isTurning = false;
    if (this.link.events !== before || this.link.settled.length) this.stir();
    else if (isAwake && this.isWaiting()) this.poll = setTimeout(() => this.turn(), POLL_MS);
  }

  isWaiting() {
    return this.link.promises.size > 0 || this.link.hasHandedOut;
  }

  // What the program says of its timers.
  hear([what, id, value]) {
    if (what === "clear") this.clear(id);
    if (what === "hold") this.timers.get(id)?.[value === true ? "ref" : "unref"]?.();
    if (!["timeout", "interval", "immediate"].includes(what)) return;
    this.clear(id);
    const fire = () => {
      if (what !== "interval") this.timers.delete(id);
      this.link.request("fire", [null, id]);
    };
    const start = { timeout: setTimeout, interval: setInterval, immediate: setImmediate }[what];
    const timer = start(fire, Number(value));
    if (what === "interval" && !this.isWaiting()) timer.unref();
    this.timers.set(id, timer);
  }

  clear(id) {
    const timer = this.timers.get(id);
    for (const clear of [clearTimeout, clearInterval, clearImmediate]) clear(timer);
    this.timers.delete(id);
  }
}

module.exports = { Turns };
