// The language's own objects, as they were before the program: taken down first, put back and held
// fast before the test.
//
// Guarantees: after `restore`, what stood in the builtins stands there again, and nothing that the
// program added changes how values are shown, compared or awaited; helpers under names of their own
// stay. After `hold`, functions of the program cannot change what a test decides with. `restore`
// calls nothing that the program may have replaced.
"use strict";

const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, has, ownKeys } =
  Reflect;
const { setPrototypeOf } = Reflect;
const { create, freeze, is, isFrozen, preventExtensions } = Object;
const test = RegExp.prototype.test;

const bending = create(null);
for (const key of ["toJSON", "then", Symbol.for("nodejs.util.inspect.custom")]) bending[key] = true;
for (const key of ownKeys(Symbol)) {
  if (typeof Symbol[key] === "symbol") bending[Symbol[key]] = true;
}

function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function described(object, key) {
  const found = getOwnPropertyDescriptor(object, key);
  if (found) setPrototypeOf(found, null); // or it would inherit from what the program bends
  return found;
}

// A record for each object that can be reached from `roots` without running a getter.
function takeDown(roots) {
  const seen = new Set([process.env]);
  const records = [];
  const queue = [...roots];
  for (const object of queue) {
    if (seen.has(object)) continue;
    seen.add(object);
    const known = create(null);
    const kept = [];
    for (const key of ownKeys(object)) {
      known[key] = true;
      const property = described(object, key);
      const parts = [property.value, property.get, property.set].filter(isObject);
      if (object === process && typeof parts[0] !== "function") continue; // state
      if (parts.length) kept.push([key, property]);
      queue.push(...parts);
    }
    const above = getPrototypeOf(object);
    if (above) queue.push(above);
    records.push({ object, above, known, kept });
  }
  return records;
}

function put(isDone, key) {
  if (!isDone) throw new TypeError(`the program changed ${typeof key === "string" ? key : "a symbol"} for good`);
}

function restore(records) {
  for (let i = 0; i < records.length; i++) {
    const { object, above, known, kept } = records[i];
    if (getPrototypeOf(object) !== above) put(setPrototypeOf(object, above), "a prototype");
    for (let j = 0; j < kept.length; j++) {
      const key = kept[j][0];
      const then = kept[j][1];
      const now = described(object, key);
      const same = now && is(now.value, then.value) && now.get === then.get && now.set === then.set;
      if (!same) put(defineProperty(object, key, then), key);
    }
    if (object === globalThis || object === process) continue;
    const keys = ownKeys(object);
    for (let j = 0; j < keys.length; j++) {
      const key = keys[j];
      if (known[key] || (key === "toJSON" && object === BigInt.prototype)) continue; // a common idiom
      const bends = bending[key] || (typeof key === "string" && apply(test, /^\d+$/, [key]));
      if (bends || (above && has(above, key))) put(deleteProperty(object, key), key);
    }
  }
}

// Whole, where nobody assigns to what inherits from them; a test may still mock clock and chance.
const whole = [JSON, Reflect, Object, Array, Number, String, Boolean, BigInt, Symbol, Promise, Map, Set];
const prototypes = [Array, String, Number, Boolean, BigInt, Symbol, Promise, Map, Set, WeakMap, WeakSet];
const partly = [Math, Date, RegExp, Function.prototype, Object.prototype, Error.prototype];
const open = /^(random|now|toString|valueOf|toLocaleString|constructor|name|message|__.*__)$/;
const iterators = [[][Symbol.iterator](), new Map().entries(), new Set().entries(), ""[Symbol.iterator]()];

function hold(...more) {
  for (const one of whole) freeze(one);
  for (const { prototype } of prototypes) freeze(prototype);
  for (const one of [...iterators.map(getPrototypeOf), Date.prototype, RegExp.prototype]) freeze(one);
  for (const one of [...partly, ...more]) {
    for (const key of ownKeys(one)) {
      const property = described(one, key);
      if (typeof property.value !== "function" || apply(test, open, [String(key)])) continue;
      property.writable = property.configurable = false;
      defineProperty(one, key, property);
    }
    if (!isFrozen(one)) preventExtensions(one);
  }
}

module.exports = { takeDown, restore, hold };
