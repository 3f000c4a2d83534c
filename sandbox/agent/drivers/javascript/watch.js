// What a test puts in the place of a global: a console that it listens to, a clock, a `fetch` of its
// own. The program is to meet it too.
//
// Guarantee: the program hears of a replacement before whatever the test asks of it next.
"use strict";

const OWNERS = {
  console: ["log", "error", "warn", "info", "debug", "table", "trace", "group", "groupEnd"],
  Math: ["random"],
  Date: ["now"],
};
const GLOBALS = ["console", "Date", "performance"];

class Watch {
  constructor(link, text) {
    this.link = link;
    this.isBusy = false;
    this.known = new Map();
    this.owners = { ...OWNERS, globalThis: GLOBALS };
    if (text.includes("process.stdout")) this.owners["process.stdout"] = ["write"];
    for (const [owner, key, value] of this.values()) this.known.set(`${owner}.${key}`, value);
  }

  *values() {
    for (const [owner, keys] of Object.entries(this.owners)) {
      const object = owner === "process.stdout" ? process.stdout : globalThis[owner];
      for (const key of owner === "globalThis" ? [...keys, ...Object.keys(globalThis)] : keys) {
        const property = Object.getOwnPropertyDescriptor(object, key);
        if (property && "value" in property) yield [owner, key, property.value];
      }
    }
    const write = this.owners["process.stdout"] && process.stdout.write;
    if (write) yield ["process.stdout", "write", write];
  }

  check() {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      for (const [owner, key, value] of this.values()) {
        const name = `${owner}.${key}`;
        if (this.known.has(name) && this.known.get(name) === value) continue;
        this.known.set(name, value);
        this.link.request("replace", [null, owner, key, value]);
      }
    } finally {
      this.isBusy = false;
    }
  }
}

module.exports = { Watch };
