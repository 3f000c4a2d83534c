// Values of two processes that share no memory: what crosses is said here, by value or by number.
//
// Each process numbers what it hands over. Data (shapes.js) has a copy on the other side, under the
// same number; whenever something crosses, the data that goes with it and the last small data that
// went are brought up to date, so that changes in place are seen by whoever holds the object.
// Functions, instances, symbols and promises stay where they are: the other side gets a stand-in.
//
// Guarantee: `unpack` makes builtin values and stand-ins alone, whatever it is given, and throws where
// that cannot be; nothing recurses over a value's depth.
"use strict";

const { classify, describe, make, fill, DATA } = require("./shapes.js");

const { stringify } = JSON;
const { isArray } = Array;
const { BigInt, Symbol, TypeError } = globalThis;
const { is } = Object;
const MOST_SMALL = 512; // characters of data that is kept up to date without being asked for
const MOST_RECENT = 32;
const MOST_KEPT = 16 << 20; // characters of data that is known by number on the other side
const WELL_KNOWN = new Map();
for (const key of Reflect.ownKeys(Symbol)) if (typeof Symbol[key] === "symbol") WELL_KNOWN.set(Symbol[key], key);
const BY_NAME = new Map([...WELL_KNOWN].map(([symbol, key]) => [key, symbol]));
const NUMBERS = { __proto__: null, NaN: NaN, "-0": -0, Infinity: Infinity, "-Infinity": -Infinity };

class Values {
  // `letter` says whose numbers are whose; `standIn(kind, id, note)` makes what stands for an object of
  // the other side; `mayTake(name)` says which of the other side's names are taken.
  constructor(letter, intrinsics, standIn, mayTake) {
    this.letter = letter;
    this.other = letter === "P" ? "T" : "P";
    this.intrinsics = intrinsics;
    this.standIn = standIn;
    this.mayTake = mayTake;
    this.count = 0;
    this.mine = new Map(); // number -> object of this side
    this.numbers = new Map(); // symbol of this side -> number
    this.numberOf = new WeakMap(); // object of this side -> number
    this.theirs = new Map();
    this.theirNumbers = new Map();
    this.theirNumberOf = new WeakMap();
    this.records = new WeakMap(); // data -> { letter, id, kind, text, size }
    this.recent = [];
    this.announced = [];
    this.kept = 0;
    this.aged = new Map(); // number -> data of this side, oldest first
    this.said = new Set(); // names that have crossed
    this.onPromise = () => {};
    this.onFunction = () => {};
  }

  // ---- out ----

  // Fills `message` with all that is needed to understand the cells that `write` makes of values.
  pack(message, names, write) {
    const queue = [];
    const queued = new Set();
    this.forget(message);
    const queueData = (object) => {
      if (!this.records.has(object) || queued.has(object)) return;
      queued.add(object);
      queue[queue.length] = object;
    };
    const cell = (value) => this.cell(value, names, queueData);
    write(cell, queueData);
    const changed = { P: [], T: [] };
    const texts = [];
    const settle = (index) => {
      for (; index < queue.length; index++) {
        const object = queue[index];
        const record = this.records.get(object);
        const node = describe(object, record.kind, cell);
        const text = stringify(node);
        if (text === record.text) continue;
        changed[record.letter].push([record.id, node]);
        texts.push([record, text]);
      }
      return index;
    };
    const done = settle(0);
    for (let i = 0; i < this.recent.length; i++) queueData(this.recent[i]);
    settle(done);
    message.h = this.announced;
    this.announced = [];
    message.P = changed.P;
    message.T = changed.T;
    for (const [record, text] of texts) this.note(record, text);
    for (const object of queued) this.remember(object);
  }

  note(record, text) {
    record.text = text;
    if (record.letter !== this.letter) return;
    this.kept += text.length - record.size;
    record.size = text.length;
  }

  remember(object) {
    const { recent } = this;
    const at = recent.indexOf(object);
    if (at >= 0) recent.splice(at, 1);
    if (this.records.get(object).text.length > MOST_SMALL) return;
    recent.push(object);
    if (recent.length > MOST_RECENT) recent.shift();
  }

  // Data that crossed long ago is let go, where there is too much of it.
  forget(message) {
    const gone = [];
    for (const [id, object] of this.aged) {
      if (this.kept < MOST_KEPT) break;
      this.kept -= this.records.get(object).size;
      this.records.delete(object);
      this.numberOf.delete(object);
      this.mine.delete(id);
      this.aged.delete(id);
      this.recent = this.recent.filter((one) => one !== object);
      gone.push(id);
    }
    if (gone.length) message.f = gone;
  }

  cell(value, names, queueData) {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        if (is(value, -0)) return ["n", "-0"];
        return value - value === 0 ? value : ["n", `${value}`];
      case "undefined":
        return ["u"];
      case "bigint":
        return ["b", value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`];
      case "symbol":
        return this.symbolCell(value);
      default:
        return value === null ? null : this.objectCell(value, names, queueData);
    }
  }

  symbolCell(symbol) {
    if (WELL_KNOWN.has(symbol)) return ["y", WELL_KNOWN.get(symbol)];
    const key = Symbol.keyFor(symbol);
    if (key !== undefined) return ["k", key];
    if (this.theirNumbers.has(symbol)) return [this.other, this.theirNumbers.get(symbol)];
    if (!this.numbers.has(symbol)) {
      this.numbers.set(symbol, this.register(symbol, "symbol", symbol.description));
    }
    return [this.letter, this.numbers.get(symbol)];
  }

  objectCell(object, names, queueData) {
    let id = this.theirNumberOf.get(object);
    if (id !== undefined) {
      queueData(object);
      return [this.other, id];
    }
    id = this.numberOf.get(object);
    if (id === undefined) {
      const entry = this.intrinsics.entries.get(object);
      if (entry !== undefined && (names(entry) || this.said.has(entry.name))) {
        this.said.add(entry.name);
        return ["i", entry.name];
      }
      const kind = classify(object);
      if (DATA.has(kind)) {
        id = ++this.count;
        this.mine.set(id, object);
        this.records.set(object, { letter: this.letter, id, kind, text: "", size: 0 });
        this.aged.set(id, object);
      } else {
        id = this.register(object, kind);
        if (kind === "promise") this.onPromise(id, object);
        if (kind === "function") this.onFunction(object);
      }
      this.numberOf.set(object, id);
    }
    queueData(object);
    return [this.letter, id];
  }

  register(object, kind, note) {
    const id = ++this.count;
    this.mine.set(id, object);
    this.announced.push(note === undefined ? [id, kind] : [id, kind, note]);
    return id;
  }

  // ---- in ----

  // Makes and brings up to date what `message` speaks of, before its cells are read.
  unpack(message) {
    for (const [id, kind, note] of message.h ?? []) this.meet(id, kind, note);
    const updates = [];
    for (const [id, node] of message[this.other] ?? []) {
      let object = this.theirs.get(id);
      if (object === undefined) {
        object = make(node, (cell) => this.value(cell));
        this.theirs.set(id, object);
        this.theirNumberOf.set(object, id);
        this.records.set(object, { letter: this.other, id, kind: node[0], text: "", size: 0 });
      }
      updates.push([object, node]);
    }
    for (const [id, node] of message[this.letter] ?? []) updates.push([this.mine.get(id), node]);
    for (const [object, node] of updates) {
      const record = this.records.get(object);
      if (record === undefined || record.kind !== node[0]) throw new TypeError("no such data");
      fill(object, node, (cell) => this.value(cell));
      this.note(record, stringify(node));
    }
    for (const [object] of updates) this.remember(object);
    for (const id of message.f ?? []) this.part(id);
  }

  meet(id, kind, note) {
    if (this.theirs.has(id)) throw new TypeError("a number is taken");
    if (kind === "symbol") {
      const symbol = Symbol(note);
      this.theirs.set(id, symbol);
      this.theirNumbers.set(symbol, id);
      return;
    }
    const object = this.standIn(kind, id, note);
    this.theirs.set(id, object);
    this.theirNumberOf.set(object, id);
  }

  part(id) {
    const object = this.theirs.get(id);
    if (object === undefined || !this.records.has(object)) throw new TypeError("no such data");
    this.theirs.delete(id);
    this.theirNumberOf.delete(object);
    this.records.delete(object);
    this.recent = this.recent.filter((one) => one !== object);
  }

  value(cell) {
    if (!isArray(cell)) {
      if (typeof cell === "object" && cell !== null) throw new TypeError("no cell");
      return cell;
    }
    const [tag, what] = cell;
    switch (tag) {
      case this.letter:
        return this.known(this.mine.get(what));
      case this.other:
        return this.known(this.theirs.get(what));
      case "u":
        return undefined;
      case "n":
        return this.known(NUMBERS[what]);
      case "b":
        return what.startsWith("-") ? -BigInt(what.slice(1)) : BigInt(what);
      case "y":
        return this.known(BY_NAME.get(what));
      case "k":
        return Symbol.for(what);
      case "i":
        return this.named(what);
      default:
        throw new TypeError("no such cell");
    }
  }

  known(object) {
    if (object === undefined) throw new TypeError("no such object");
    return object;
  }

  named(name) {
    const found = this.intrinsics.find(name);
    if (!this.said.has(name) && !this.mayTake(this.intrinsics.entries.get(found))) {
      throw new TypeError("no such name");
    }
    this.said.add(name);
    return this.known(found);
  }
}

module.exports = { Values };
