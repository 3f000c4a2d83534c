// When jest's and chai's matchers take two values for equal.
//
// Guarantee: primitive values are equal to primitive values alone, by Object.is; what an object of the
// program says of itself is compared part by part, and an object is equal to no primitive value.
"use strict";

const { types } = require("util");

const { ownKeys, getPrototypeOf } = Reflect;
const { is, hasOwn } = Object;
const ASYMMETRIC = Symbol("asymmetric matcher");
const isObject = (value) => Object(value) === value;

function asymmetric(matches, isInverse = false) {
  return { [ASYMMETRIC]: (value) => matches(value) !== isInverse };
}

function askMatcher(pattern, value) {
  return isObject(pattern) && !types.isProxy(pattern) && hasOwn(pattern, ASYMMETRIC) ? pattern[ASYMMETRIC](value) : undefined;
}

// `isStrict`: types, holes and undefined members count.
function equals(a, b, isStrict = false, pairs = []) {
  const said = askMatcher(b, a) ?? askMatcher(a, b);
  if (said !== undefined) return said;
  if (!isObject(a) || !isObject(b)) return is(a, b);
  if (a === b) return true;
  if (typeof a === "function" || typeof b === "function") return false;
  if (pairs.some(([one, other]) => one === a && other === b)) return true;
  if (isStrict && getPrototypeOf(a) !== getPrototypeOf(b)) return false;
  const inner = (one, other) => equals(one, other, isStrict, [...pairs, [a, b]]);
  return sameBuiltin(a, b, inner) ?? sameMembers(a, b, isStrict, inner);
}

const kindOf = (value) => Object.prototype.toString.call(value);

// Whether two objects of builtin types are equal; undefined where their members decide.
function sameBuiltin(a, b, inner) {
  if (types.isProxy(a) || types.isProxy(b)) return Array.isArray(a) === Array.isArray(b) ? undefined : false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (a instanceof Error && b instanceof Error) return a.name === b.name && a.message === b.message;
  if (kindOf(a) !== kindOf(b)) return false;
  if (types.isDate(a)) return is(a.getTime(), b.getTime());
  if (types.isRegExp(a)) return a.source === b.source && a.flags === b.flags;
  if (types.isBoxedPrimitive(a)) return is(a.valueOf(), b.valueOf());
  if (types.isSet(a)) return sameSet([...a], [...b], inner);
  if (types.isMap(a)) return sameSet([...a], [...b], ([k, v], [l, w]) => inner(k, l) && inner(v, w));
  if (ArrayBuffer.isView(a) || types.isAnyArrayBuffer(a)) return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
  return types.isPromise(a) || types.isWeakMap(a) || types.isWeakSet(a) ? false : undefined;
}

const bytesOf = (view) => (ArrayBuffer.isView(view) ? Buffer.from(view.buffer, view.byteOffset, view.byteLength) : Buffer.from(view));

function sameSet(some, others, same) {
  if (some.length !== others.length) return false;
  const left = [...others];
  return some.every((one) => {
    const at = left.findIndex((other) => same(one, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function members(object) {
  return ownKeys(object).filter((key) => Reflect.getOwnPropertyDescriptor(object, key)?.enumerable);
}

function sameMembers(a, b, isStrict, inner) {
  if (Array.isArray(a) && a.length !== b.length) return false;
  const [left, right] = [members(a), members(b)];
  if (isStrict && left.length !== right.length) return false;
  for (const key of left) {
    const value = a[key];
    if (hasOwn(b, key) ? !inner(value, b[key]) : isStrict || value !== undefined) return false;
  }
  return right.every((key) => hasOwn(a, key) || (!isStrict && b[key] === undefined));
}

// jest's toMatchObject: every member of `pattern` is in `value`.
function matchesObject(value, pattern) {
  if (!isObject(value) || !isObject(pattern) || askMatcher(pattern, value) !== undefined) return equals(value, pattern);
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && value.length === pattern.length && pattern.every((one, i) => matchesObject(value[i], one));
  }
  if (![Object.prototype, null].includes(getPrototypeOf(pattern))) return equals(value, pattern);
  return members(pattern).every((key) => key in value && matchesObject(value[key], pattern[key]));
}

module.exports = { equals, matchesObject, asymmetric, isObject };
