// jest's and vitest's `expect`.
//
// Guarantees: each matcher that is asked is counted; one that is not known makes the test unusable,
// and is never passed over.
"use strict";

const { AssertionError } = require("assert");
const { equals, matchesObject, asymmetric, isObject } = require("./equality.js");
const { MOCK_MATCHERS } = require("./mocks.js");

const { hasOwn, is } = Object;
const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
const compare = (test) => (a, b) => isNumber(a) && isNumber(b) && test(a, b);

function contains(value, item) {
  if (typeof value === "string") return typeof item === "string" && value.includes(item);
  return value !== null && value !== undefined && Array.from(value).includes(item);
}

function propertyAt(value, path) {
  const keys = Array.isArray(path) ? path : String(path).replace(/\[(\w+)\]/g, ".$1").split(".").filter(Boolean);
  let found = value;
  for (const key of keys) {
    if (found === null || found === undefined || !(isObject(found) ? key in found : hasOwn(Object(found), key))) return [];
    found = found[key];
  }
  return [found];
}

function toHaveProperty(value, path, ...wanted) {
  let found = propertyAt(value, path);
  if (!found.length && isObject(value) && typeof path === "string" && path in value) found = [value[path]];
  return found.length > 0 && (wanted.length === 0 || equals(found[0], wanted[0]));
}

function matchesText(value, pattern) {
  if (typeof value !== "string") return false;
  return typeof pattern === "string" ? value.includes(pattern) : new RegExp(pattern).test(value);
}

function isThrown({ error }, wanted) {
  if (wanted === undefined) return true;
  const message = isObject(error) ? error.message : error;
  if (typeof wanted === "function") return error instanceof wanted;
  if (typeof wanted === "string") return String(message).includes(wanted);
  if (wanted instanceof RegExp) return wanted.test(String(message));
  return wanted instanceof Error ? message === wanted.message : equals(error, wanted);
}

function toThrow(value, wanted) {
  if (value instanceof Rejection) return isThrown(value, wanted);
  if (typeof value !== "function") throw new AssertionError({ message: "toThrow wants a function" });
  try {
    value();
  } catch (error) {
    return isThrown({ error }, wanted);
  }
  return false;
}

class Rejection {
  constructor(error) {
    this.error = error;
  }
}

function closeTo(value, expected, digits = 2) {
  if (typeof value !== "number" || typeof expected !== "number") return false;
  if (!Number.isFinite(value) || !Number.isFinite(expected)) return is(value, expected);
  return Math.abs(expected - value) < 10 ** -digits / 2;
}

const TYPES = new Map([[String, "string"], [Number, "number"], [Boolean, "boolean"], [BigInt, "bigint"], [Symbol, "symbol"], [Function, "function"]]);

function isAny(type) {
  return (value) => typeof value === TYPES.get(type) || value instanceof type || (type === Object && typeof value === "object");
}

const MATCHERS = {
  ...MOCK_MATCHERS,
  toBe: (a, b) => is(a, b),
  toEqual: (a, b) => equals(a, b),
  toStrictEqual: (a, b) => equals(a, b, true),
  toBeCloseTo: closeTo,
  toBeNull: (a) => a === null,
  toBeUndefined: (a) => a === undefined,
  toBeNullable: (a) => a === null || a === undefined,
  toBeDefined: (a) => a !== undefined,
  toBeTruthy: (a) => Boolean(a),
  toBeFalsy: (a) => !a,
  toBeTrue: (a) => a === true,
  toBeFalse: (a) => a === false,
  toBeNaN: (a) => Number.isNaN(a),
  toBeGreaterThan: compare((a, b) => a > b),
  toBeGreaterThanOrEqual: compare((a, b) => a >= b),
  toBeLessThan: compare((a, b) => a < b),
  toBeLessThanOrEqual: compare((a, b) => a <= b),
  toContain: contains,
  toContainEqual: (a, b) => Array.from(a ?? []).some((item) => equals(item, b)),
  toHaveLength: (a, length) => a !== null && a !== undefined && a.length === length,
  toHaveProperty,
  toMatch: matchesText,
  toMatchObject: matchesObject,
  toBeInstanceOf: (a, type) => a instanceof type,
  toBeTypeOf: (a, type) => typeof a === type,
  toBeOneOf: (a, all) => Array.from(all).some((item) => equals(a, item)),
  toSatisfy: (a, test) => Boolean(test(a)),
  toThrow,
  toThrowError: toThrow,
};

function asymmetricMatchers(isInverse) {
  const make = (matches) => asymmetric(matches, isInverse);
  return {
    objectContaining: (wanted) => make((a) => isObject(a) && Object.keys(wanted).every((key) => key in a && equals(a[key], wanted[key]))),
    arrayContaining: (wanted) => make((a) => Array.isArray(a) && wanted.every((one) => a.some((item) => equals(item, one)))),
    stringContaining: (wanted) => make((a) => typeof a === "string" && a.includes(wanted)),
    stringMatching: (wanted) => make((a) => typeof a === "string" && new RegExp(wanted).test(a)),
    closeTo: (wanted, digits) => make((a) => closeTo(a, wanted, digits)),
  };
}

const shown = (value) => {
  try {
    return String(typeof value === "object" && value !== null ? JSON.stringify(value) : value).slice(0, 80);
  } catch {
    return typeof value;
  }
};

class Expectation {
  constructor(run, value, isNot) {
    for (const [name, matches] of Object.entries(run.matchers)) {
      this[name] = (...args) => {
        run.asserted++;
        const result = matches(value, ...args);
        if (result && typeof result.then === "function") return result.then((one) => judge(name, one, isNot, value));
        return judge(name, result, isNot, value);
      };
    }
  }
}

function judge(name, isMet, isNot, value) {
  if (isMet === isNot) throw new AssertionError({ message: `expect(${shown(value)})${isNot ? ".not" : ""}.${name}` });
}

// Only matchers that are known may be asked for.
function strict(run, expectation) {
  return new Proxy(expectation, {
    get(target, key) {
      if (typeof key === "symbol" || key in target) return target[key];
      throw run.unusable(`the test uses expect(...).${key}, which is not known here`);
    },
  });
}

function settling(run, value, wantsRejection) {
  const make = (isNot) => {
    const matchers = {};
    for (const name of Object.keys(run.matchers)) {
      matchers[name] = async (...args) => {
        const promise = Promise.resolve(typeof value === "function" ? value() : value);
        run.awaits(promise);
        const settled = await promise.then(
          (result) => ({ isRejected: false, result }),
          (error) => ({ isRejected: true, result: error }),
        );
        run.asserted++;
        if (settled.isRejected !== wantsRejection) {
          throw new AssertionError({ message: `a promise was ${wantsRejection ? "fulfilled" : "rejected"}` });
        }
        const { result } = settled;
        const given = wantsRejection && /^toThrow/.test(name) ? new Rejection(result) : result;
        return new Expectation(run, given, isNot)[name](...args);
      };
    }
    return matchers;
  };
  return strict(run, Object.assign(make(false), { not: strict(run, make(true)) }));
}

function makeExpect(run) {
  run.matchers = { __proto__: null, ...MATCHERS };
  const expect = (value) => {
    const expectation = new Expectation(run, value, false);
    const parts = { not: strict(run, new Expectation(run, value, true)) };
    Object.defineProperty(parts, "resolves", { get: () => settling(run, value, false), enumerable: true });
    Object.defineProperty(parts, "rejects", { get: () => settling(run, value, true), enumerable: true });
    Object.defineProperties(expectation, Object.getOwnPropertyDescriptors(parts));
    return strict(run, expectation);
  };
  return Object.assign(expect, asymmetricMatchers(false), {
    not: asymmetricMatchers(true),
    any: (type) => asymmetric(isAny(type)),
    anything: () => asymmetric((value) => value !== null && value !== undefined),
    assertions: (count) => void (run.wantedAssertions = count),
    hasAssertions: () => void (run.wantedAssertions = -1),
    soft: (value) => expect(value),
    unreachable: () => judge("unreachable", false, false),
    fail: (message) => judge(String(message), false, false),
    extend(more) {
      for (const [name, matcher] of Object.entries(more)) {
        const context = { equals, isNot: false };
        run.matchers[name] = (...args) => {
          const result = Reflect.apply(matcher, context, args);
          return result && typeof result.then === "function" ? result.then(({ pass }) => pass) : result.pass;
        };
      }
    },
  });
}

module.exports = { makeExpect };
