// One end of the line between a test and the program that it tests.
//
// Guarantees: one of the two processes runs at a time; the other waits for it, and does meanwhile what
// it is asked. A request is answered by values, or throws what was thrown there.
"use strict";

const { OPERATIONS, standIn } = require("./remote.js");
const { Values } = require("./values.js");

const MOST_DEPTH = 1500; // of requests within requests
const SAYS_NOTHING = new Set(["get", "has", "keys", "property", "above", "isExtensible", "convert", "name"]);
const then = Function.prototype.call.bind(Promise.prototype.then);

class Link {
  // `names(operation)` says which of its own objects this side hands over by name, `operations` are
  // more than those of every object, `guard` refuses some.
  constructor({ letter, wire, intrinsics, mayTake, names, operations, guard, lose }) {
    this.wire = wire;
    this.names = names;
    this.guard = guard;
    this.lose = lose;
    this.operations = { __proto__: null, ...OPERATIONS, ...operations };
    this.values = new Values(letter, intrinsics, (kind, id) => this.meet(kind, id), mayTake);
    this.values.onFunction = () => (this.hasHandedOut = true);
    this.values.onPromise = (id, promise) => this.watch(id, promise);
    this.promises = new Map(); // number of a promise over there -> how it is settled here
    this.settled = [];
    this.news = []; // what else the next message carries
    this.depth = 0;
    this.deeds = 0; // that the other side was asked for, and may have changed something with
    this.events = 0; // requests, settled promises and news of the other side
    this.hasHandedOut = false; // a function
    this.converted = new Map();
    this.onNews = () => {};
    this.onSettled = () => {};
    this.onRequest = () => {};
    this.onValues = () => {};
    this.told = (operation, error) => error; // what the other side hears of an error
  }

  meet(kind, id) {
    if (kind !== "promise") return standIn(this, kind);
    let resolvers;
    const promise = new Promise((...both) => (resolvers = both));
    this.promises.set(id, resolvers);
    if (this.values.letter === "P") then(promise, undefined, () => {}); // a test's own may be let be
    return promise;
  }

  watch(id, promise) {
    const settle = (isFulfilled) => (value) => {
      this.settled.push([id, isFulfilled, value]);
      this.onSettled();
    };
    then(promise, settle(true), settle(false));
  }

  // Asks the other side to do something; gives the list of what it answers.
  request(operation, args) {
    if (this.depth > MOST_DEPTH) throw new RangeError("Maximum call stack size exceeded");
    if (!SAYS_NOTHING.has(operation)) {
      this.converted.clear();
      this.deeds++;
    }
    const message = { do: operation };
    this.pack(message, "a", args, this.names(operation));
    this.depth++;
    try {
      this.onRequest(operation);
      const reply = this.exchange(message);
      const values = this.unpack(reply, "v" in reply ? "v" : "e");
      this.onValues(operation, values);
      if ("v" in reply) return values;
      throw values[0];
    } finally {
      this.depth--;
    }
  }

  exchange(message) {
    this.wire.send(message);
    for (;;) {
      const reply = this.wire.receive();
      if (!("do" in reply)) return reply;
      this.answer(reply);
    }
  }

  // Does what the other side asks for, and says what came of it.
  answer(message) {
    const operation = message.do;
    this.events++;
    const args = this.unpack(message, "a");
    let values;
    let field = "v";
    try {
      if (!(operation in this.operations)) throw new TypeError(`no such operation: ${operation}`);
      if (this.guard) this.guard(operation, args);
      values = this.operations[operation](...args);
    } catch (error) {
      field = "e";
      values = [this.told(operation, error)];
    }
    const reply = {};
    this.pack(reply, field, values, this.names(operation, true), args);
    this.wire.send(reply);
  }

  // What an object of the other side is converted to.
  convert(object, hint) {
    let known = this.converted.get(object);
    if (!known) this.converted.set(object, (known = {}));
    if (!Object.hasOwn(known, hint)) known[hint] = this.request("convert", [object, hint])[0];
    return known[hint];
  }

  pack(message, field, values, names, touched = []) {
    this.values.pack(message, names, (cell, touch) => {
      message[field] = values.map(cell);
      for (const one of touched) touch(one);
      const { settled, news } = this;
      [this.settled, this.news] = [[], []];
      if (settled.length) message.s = settled.map(([id, isFulfilled, value]) => [id, isFulfilled, cell(value)]);
      if (news.length) message.n = news.map((cells) => cells.map(cell));
    });
  }

  unpack(message, field) {
    try {
      this.values.unpack(message);
      const values = message[field].map((cell) => this.values.value(cell));
      for (const [id, isFulfilled, cell] of message.s ?? []) {
        const resolvers = this.promises.get(id);
        this.promises.delete(id);
        this.events++;
        resolvers[isFulfilled ? 0 : 1](this.values.value(cell));
      }
      for (const cells of message.n ?? []) {
        this.events++;
        this.onNews(cells.map((cell) => this.values.value(cell)));
      }
      return values;
    } catch (error) {
      if (error instanceof RangeError) throw error;
      return this.lose("the program talks nonsense");
    }
  }
}

module.exports = { Link };
