// chai's `expect` and `assert`.
//
// Guarantees: each claim is counted; a word that is not known makes the test unusable.
"use strict";

const { AssertionError } = require("assert");
const { equals, isObject } = require("./equality.js");

const LANGUAGE = new Set("to be been is that which and has have with at of same but does still also".split(" "));
const FLAGS = new Set(["not", "deep", "nested", "own", "any", "all", "ordered"]);
const SIMPLE = {
  ok: (a) => Boolean(a),
  true: (a) => a === true,
  false: (a) => a === false,
  null: (a) => a === null,
  undefined: (a) => a === undefined,
  NaN: (a) => Number.isNaN(a),
  exist: (a) => a !== null && a !== undefined,
  exists: (a) => a !== null && a !== undefined,
  empty: (a) => (typeof a === "string" || Array.isArray(a) ? a.length : a instanceof Map || a instanceof Set ? a.size : Object.keys(a).length) === 0,
  finite: (a) => Number.isFinite(a),
  frozen: (a) => Object.isFrozen(a),
  sealed: (a) => Object.isSealed(a),
  arguments: (a) => Object.prototype.toString.call(a) === "[object Arguments]",
};

const same = (flags, a, b) => (flags.has("deep") ? equals(a, b, true) : a === b);
const size = (a) => (a instanceof Map || a instanceof Set ? a.size : a.length);
const number = (flags, a) => (flags.has("length") ? size(a) : a);
const order = (test) => (flags, a, b) => {
  const value = number(flags, a);
  return typeof value === typeof b && !isObject(value) && test(value, b);
};

function typeOf(value) {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return Object.prototype.toString.call(value).slice(8, -1).toLowerCase();
}

function includes(flags, a, b) {
  if (typeof a === "string") return typeof b === "string" && a.includes(b);
  if (a instanceof Map) return [...a.values()].some((item) => same(flags, item, b));
  if (Array.isArray(a) || a instanceof Set) return [...a].some((item) => same(flags, item, b));
  return isObject(b) && isObject(a) && Object.keys(b).every((key) => key in a && same(flags, a[key], b[key]));
}

function at(flags, a, path) {
  const keys = flags.has("nested") ? String(path).replace(/\[(\w+)\]/g, ".$1").split(".") : [path];
  return keys.reduce((found, key) => (found !== undefined && found !== null ? found[key] : undefined), a);
}

function hasProperty(flags, a, key, ...wanted) {
  if (a === null || a === undefined) return false;
  const value = at(flags, a, key);
  const isThere = flags.has("nested") ? value !== undefined : flags.has("own") ? Object.hasOwn(a, key) : key in Object(a);
  return isThere && (wanted.length === 0 || same(flags, value, wanted[0]));
}

function members(flags, a, b) {
  if (!Array.isArray(a) || !Array.isArray(b)) return false;
  const left = [...a];
  if (flags.has("ordered")) return a.length === b.length && a.every((item, i) => same(flags, item, b[i]));
  const isFound = b.every((item) => {
    const index = left.findIndex((one) => same(flags, one, item));
    if (index >= 0 && !flags.has("include")) left.splice(index, 1);
    return index >= 0;
  });
  return isFound && (flags.has("include") || left.length === 0);
}

function keys(flags, a, ...wanted) {
  const all = wanted.flatMap((one) => (Array.isArray(one) ? one : isObject(one) ? Object.keys(one) : [one]));
  const own = a instanceof Map || a instanceof Set ? [...a.keys()] : Object.keys(a);
  if (flags.has("any")) return all.some((key) => own.includes(key));
  return all.every((key) => own.includes(key)) && (flags.has("include") || own.length === all.length);
}

function throws(flags, fn, ...wanted) {
  try {
    fn();
  } catch (error) {
    return wanted.every((one) => {
      if (typeof one === "function") return error instanceof one;
      if (one instanceof RegExp) return one.test(error?.message ?? error);
      if (typeof one === "string") return String(error?.message ?? error).includes(one);
      return one === undefined || error === one;
    });
  }
  return false;
}

const isA = (flags, a, type) => typeOf(a) === String(type).toLowerCase();
const CLAIMS = {
  equal: (flags, a, b) => same(flags, a, b),
  eql: (flags, a, b) => equals(a, b, true),
  above: order((a, b) => a > b),
  least: order((a, b) => a >= b),
  below: order((a, b) => a < b),
  most: order((a, b) => a <= b),
  within: (flags, a, low, high) => order((x, y) => x >= y)(flags, a, low) && order((x, y) => x <= y)(flags, a, high),
  instanceof: (flags, a, type) => a instanceof type,
  property: hasProperty,
  ownProperty: (flags, a, ...rest) => hasProperty(new Set([...flags, "own"]), a, ...rest),
  lengthOf: (flags, a, length) => a !== null && a !== undefined && size(a) === length,
  match: (flags, a, pattern) => typeof a === "string" && pattern.test(a),
  string: (flags, a, text) => typeof a === "string" && a.includes(text),
  keys,
  throw: throws,
  respondTo: (flags, a, name) => typeof (typeof a === "function" ? a.prototype?.[name] : a?.[name]) === "function",
  satisfy: (flags, a, test) => Boolean(test(a)),
  closeTo: (flags, a, b, most) => typeof a === "number" && Math.abs(a - b) <= most,
  members,
  oneOf: (flags, a, all) => all.some((one) => same(flags, one, a)),
};
for (const [other, name] of Object.entries({
  ...{ equals: "equal", eq: "equal", eqls: "eql", gt: "above", greaterThan: "above", gte: "least", lt: "below" },
  ...{ greaterThanOrEqual: "least", lessThan: "below", lte: "most", lessThanOrEqual: "most", instanceOf: "instanceof" },
  ...{ haveOwnProperty: "ownProperty", matches: "match", key: "keys", throws: "throw", Throw: "throw" },
  ...{ respondsTo: "respondTo", satisfies: "satisfy", approximately: "closeTo" },
})) {
  CLAIMS[other] = CLAIMS[name];
}

function chain(run, value, flags) {
  const judge = (name, isMet, message) => {
    run.asserted++;
    if (isMet === flags.has("not")) {
      throw new AssertionError({ message: typeof message === "string" ? message : `expected ${flags.has("not") ? "not " : ""}${name}` });
    }
  };
  const claim = (name, also, result) => (...args) => {
    const all = new Set([...flags, ...also]);
    judge(name, CLAIMS[name](all, value, ...args));
    return result ? result(...args) : chain(run, value, flags);
  };
  const callable = (name, also, fn) => new Proxy(fn, { get: (_, key) => step(key, new Set([...flags, ...also])) });
  const step = (key, now) => {
    if (typeof key === "symbol" || key === "then") return undefined;
    if (LANGUAGE.has(key)) return chain(run, value, now);
    if (FLAGS.has(key)) return chain(run, value, new Set([...now, key]));
    if (Object.hasOwn(SIMPLE, key)) {
      judge(key, SIMPLE[key](value));
      return chain(run, value, now);
    }
    if (["include", "includes", "contain", "contains"].includes(key)) {
      const fn = (item) => {
        judge("include", includes(now, value, item));
        return chain(run, value, now);
      };
      return callable("include", ["include"], fn);
    }
    if (key === "a" || key === "an") {
      const fn = (type) => {
        judge(`a ${type}`, isA(now, value, type));
        return chain(run, value, now);
      };
      return callable("a", [], fn);
    }
    if (key === "length") return callable("length", ["length"], claim("lengthOf", []));
    if (key === "property" || key === "ownProperty") return claim(key, now, (name) => chain(run, at(now, value, name), new Set()));
    if (Object.hasOwn(CLAIMS, key)) return claim(key, now);
    throw run.unusable(`the test uses chai's ${key}, which is not known here`);
  };
  return new Proxy({}, { get: (_, key) => step(key, flags) });
}

// assert.NAME(value, ...) in the words of `expect`.
const ASSERTS = {
  isOk: "ok", isTrue: "true", isFalse: "false", isNull: "null", isUndefined: "undefined", isNaN: "NaN", exists: "exist",
  isEmpty: "empty", isFinite: "finite", isFrozen: "frozen", isSealed: "sealed",
  isNotOk: "not.ok", isNotTrue: "not.true", isNotFalse: "not.false", isNotNull: "not.null", isDefined: "not.undefined",
  isNotNaN: "not.NaN", notExists: "not.exist", isNotEmpty: "not.empty", isNotFrozen: "not.frozen",
  isAbove: "above", isAtLeast: "least", isBelow: "below", isAtMost: "most", instanceOf: "instanceof", typeOf: "a",
  notInstanceOf: "not.instanceof", notTypeOf: "not.a", include: "include", includes: "include", notInclude: "not.include",
  deepInclude: "deep.include", notDeepInclude: "not.deep.include", property: "property", notProperty: "not.property",
  propertyVal: "property", deepPropertyVal: "deep.property", nestedProperty: "nested.property", ownProperty: "ownProperty",
  lengthOf: "lengthOf", match: "match", notMatch: "not.match", hasAllKeys: "keys", containsAllKeys: "include.keys",
  hasAnyKeys: "any.keys", sameMembers: "members", sameDeepMembers: "deep.members", includeMembers: "include.members",
  includeDeepMembers: "deep.include.members", sameOrderedMembers: "ordered.members", sameDeepOrderedMembers: "deep.ordered.members",
  closeTo: "closeTo", approximately: "closeTo", oneOf: "oneOf", throws: "throw", throw: "throw", Throw: "throw",
  doesNotThrow: "not.throw", deepEqual: "eql", notDeepEqual: "not.eql", deepStrictEqual: "eql", strictEqual: "equal",
  notStrictEqual: "not.equal",
};
const TYPED = { isArray: "array", isString: "string", isNumber: "number", isBoolean: "boolean", isObject: "object", isFunction: "function" };

function chaiAssert(run, assert, expect) {
  const follow = (value, path) => path.split(".").reduce((found, key) => found[key], expect(value));
  const result = (value, ...rest) => assert(value, ...rest);
  Object.assign(result, assert, { equal: assert.equal, notEqual: assert.notEqual, fail: assert.fail, ok: assert.ok });
  for (const [name, path] of Object.entries(ASSERTS)) {
    result[name] = (value, ...rest) => {
      const last = path.split(".").at(-1);
      if (Object.hasOwn(SIMPLE, last)) return void follow(value, path);
      const isNamed = /^(property|ownProperty|keys)$/.test(last) && !name.endsWith("Val");
      return void follow(value, path)(...(isNamed ? rest.slice(0, 1) : rest)); // a message may follow
    };
  }
  for (const [name, type] of Object.entries(TYPED)) {
    result[name] = (value) => void expect(value).a(type);
    result[name.replace("is", "isNot")] = (value) => void expect(value).not.a(type);
  }
  result.isFunction = (value) => void expect(typeof value).equal("function");
  result.notOk = (value) => void expect(value).not.ok;
  return result;
}

function makeChai(run, assert) {
  const expect = (value) => chain(run, value, new Set());
  expect.fail = assert.fail;
  return { expect, assert: chaiAssert(run, assert, expect), AssertionError, use() {}, config: {} };
}

module.exports = { makeChai };
