// The language's own objects by name, so that each process uses its own where the other has its.
//
// Guarantee: the table is made before any program or test runs. `type` is a constructor or a
// prototype, `function` a function, `here` a function that works on objects of its own process alone,
// `host` an object of node; `code` is what makes a function of text.
"use strict";

const { getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;

const TYPES = `Object Array Number String Boolean BigInt Symbol Math JSON Reflect Atomics Intl Proxy Error
  TypeError RangeError SyntaxError ReferenceError EvalError URIError AggregateError`.split(/\s+/);
const TYPES_HERE = `Map Set WeakMap WeakSet WeakRef FinalizationRegistry Promise Date RegExp ArrayBuffer
  SharedArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array
  Uint32Array Float32Array Float64Array BigInt64Array BigUint64Array Buffer URL URLSearchParams
  TextEncoder TextDecoder AbortController AbortSignal Event EventTarget`.split(/\s+/);
const FUNCTIONS = `parseInt parseFloat isNaN isFinite encodeURIComponent decodeURIComponent encodeURI
  decodeURI escape unescape setTimeout setInterval setImmediate clearTimeout clearInterval
  clearImmediate queueMicrotask structuredClone atob btoa fetch require`.split(/\s+/);

function label(key) {
  return typeof key === "symbol" ? `@${key.description}` : key;
}

class Intrinsics {
  // `findsModules`: whether a module of node may be asked for by name.
  constructor(findsModules) {
    this.findsModules = findsModules;
    this.byName = new Map();
    this.entries = new Map(); // object -> { name, kind }
    for (const name of TYPES) this.addType(name, globalThis[name], "function");
    for (const name of TYPES_HERE) this.addType(name, globalThis[name], "here");
    this.addType("EventEmitter", require("events"), "here");
    this.addType("AssertionError", require("assert").AssertionError, "here");
    this.addType("TypedArray", getPrototypeOf(Int8Array), "here");
    for (const name of FUNCTIONS) this.add(name, globalThis[name], "function");
    this.addCode();
    this.addIterators();
    for (const name of ["console", "process", "globalThis"]) this.addHost(name, globalThis[name]);
    for (const name of ["stdin", "stdout", "stderr"]) {
      const stream = getOwnPropertyDescriptor(process, name);
      if (stream && "value" in stream) this.add(`process.${name}`, stream.value, "host");
    }
  }

  add(name, object, kind) {
    const isObject = (typeof object === "object" && object !== null) || typeof object === "function";
    if (!isObject || this.entries.has(object)) return;
    this.entries.set(object, { name, kind });
    this.byName.set(name, object);
  }

  addType(name, type, kind) {
    if (type === undefined) return;
    this.add(name, type, "type");
    this.addFunctions(name, type, kind);
    if (typeof type !== "function" || !type.prototype) return;
    this.add(`${name}.prototype`, type.prototype, "type");
    this.addFunctions(`${name}.prototype`, type.prototype, kind);
  }

  addFunctions(name, object, kind) {
    for (const key of ownKeys(object)) {
      const { value } = getOwnPropertyDescriptor(object, key);
      if (typeof value === "function") this.add(`${name}.${label(key)}`, value, kind);
    }
  }

  addHost(name, object) {
    this.add(name, object, "host");
    if (object !== globalThis) this.addFunctions(name, object, "function");
  }

  addCode() {
    const functions = [function () {}, async function () {}, function* () {}, async function* () {}];
    this.add("eval", globalThis.eval, "code");
    functions.forEach((one, index) => {
      const above = getPrototypeOf(one);
      this.add(`code${index}`, above.constructor, "code");
      this.add(`code${index}.prototype`, above, "type");
      this.addFunctions(`code${index}.prototype`, above, "function");
      if (above.prototype) {
        this.add(`code${index}.prototype.prototype`, above.prototype, "type");
        this.addFunctions(`code${index}.prototype.prototype`, above.prototype, "here");
      }
    });
  }

  addIterators() {
    const made = [[].values(), new Map().values(), new Set().values(), ""[Symbol.iterator](), "".matchAll(/./g)];
    made.forEach((one, index) => {
      for (let above = getPrototypeOf(one), depth = 0; above !== Object.prototype; above = getPrototypeOf(above)) {
        this.add(`iterator${index}.${depth}`, above, "type");
        this.addFunctions(`iterator${index}.${depth++}`, above, "here");
      }
    });
    const asynchronous = getPrototypeOf(getPrototypeOf((async function* () {})()));
    for (let above = getPrototypeOf(asynchronous), depth = 0; above !== Object.prototype; above = getPrototypeOf(above)) {
      this.add(`asynciterator.${depth}`, above, "type");
      this.addFunctions(`asynciterator.${depth++}`, above, "here");
    }
  }

  // A module of node, as a test requires it; the program gets its own where the test hands it over.
  addModule(name, exported) {
    this.add(`module:${name}`, exported, "host");
    this.addFunctions(`module:${name}`, exported, "function");
  }

  find(name) {
    const found = this.byName.get(name);
    if (found !== undefined || !this.findsModules || !name.startsWith("module:")) return found;
    const [module, key] = name.slice("module:".length).split(".");
    const exported = require(module);
    return key === undefined ? exported : exported[key];
  }
}

module.exports = { Intrinsics };
