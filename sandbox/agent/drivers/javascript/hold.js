// The builtin functions that a test decides with, held fast before the test runs.
//
// Guarantee: no code, whoever handed it what, replaces them; names of one's own may still be added, and
// a test may still take the place of clock, chance and console.
"use strict";

const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const TYPES = [Object, Array, Number, String, Boolean, BigInt, Symbol, Promise, Map, Set, WeakMap, WeakSet, RegExp];
const SPACES = [JSON, Reflect];
const ITERATORS = [[].values(), new Map().keys(), new Set().keys(), ""[Symbol.iterator](), "".matchAll(/./g)];

function holdFunctions(object) {
  for (const key of ownKeys(object)) {
    const property = getOwnPropertyDescriptor(object, key);
    if (typeof property.value !== "function" || key === "constructor") continue;
    defineProperty(object, key, { writable: false, configurable: false });
  }
}

function hold() {
  for (const one of [...TYPES, ...SPACES]) holdFunctions(one);
  // Nobody could assign to what inherits from these two, were they held as a whole.
  const prototypes = TYPES.filter((type) => type !== Object).map((type) => type.prototype);
  for (const one of [...prototypes, ...ITERATORS.map(getPrototypeOf)]) holdFunctions(one);
  Object.preventExtensions(Object.prototype);
}

module.exports = { hold };
