// Objects that stay in the other process: a Proxy here, whose every operation is done there.
//
// Guarantee: a stand-in is an object of its own, equal to nothing else; what it is converted to stays
// the same until something else is asked of the other process.
"use strict";

const { defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { isExtensible, preventExtensions, setPrototypeOf } = Reflect;
const HIDDEN = new Set(["caller", "arguments", "callee"]);
const standIns = new WeakSet();

// A function that can be called and constructed and has no property of its own.
function bare() {
  const fn = function () {}.bind();
  for (const key of ownKeys(fn)) deleteProperty(fn, key);
  return fn;
}

class Remote {
  constructor(link) {
    this.link = link;
    this.proxy = undefined;
  }

  ask(operation, ...args) {
    return this.link.request(operation, [this.proxy, ...args]);
  }

  get(target, key, receiver) {
    if (!isExtensible(target) && getOwnPropertyDescriptor(target, key)) return target[key];
    if (key === Symbol.toPrimitive) return (hint) => this.link.convert(receiver, hint);
    if (receiver === this.proxy) return this.ask("get", key)[0];
    return this.ask("get", key, receiver)[0];
  }

  set(target, key, value, receiver) {
    if (receiver === this.proxy) return this.ask("set", key, value)[0] === true;
    return defineProperty(receiver, key, { value, writable: true, enumerable: true, configurable: true });
  }

  has(target, key) {
    return this.ask("has", key)[0] === true;
  }

  deleteProperty(target, key) {
    return this.ask("delete", key)[0] === true;
  }

  ownKeys() {
    return this.ask("keys");
  }

  getOwnPropertyDescriptor(target, key) {
    if (!isExtensible(target)) return getOwnPropertyDescriptor(target, key);
    const [flags, value, get, set] = this.ask("property", key);
    if (flags === undefined) return undefined;
    const isLength = Array.isArray(target) && key === "length";
    const common = { configurable: !isLength, enumerable: (flags & 2) !== 0 };
    if (flags & 8) return { ...common, get, set };
    return { ...common, value, writable: isLength || (flags & 1) !== 0 };
  }

  defineProperty(target, key, property) {
    const flags = (property.writable ? 1 : 0) | (property.enumerable ? 2 : 0) | (property.configurable ? 4 : 0);
    const isAccessor = "get" in property || "set" in property;
    const args = [key, flags | (isAccessor ? 8 : 0), property.value, property.get, property.set];
    if (this.ask("define", ...args)[0] !== true) return false;
    if (property.configurable === false) defineProperty(target, key, property);
    return true;
  }

  getPrototypeOf(target) {
    return isExtensible(target) ? this.ask("above")[0] : getPrototypeOf(target);
  }

  setPrototypeOf(target, above) {
    return isExtensible(target) && this.ask("setAbove", above)[0] === true;
  }

  isExtensible(target) {
    if (isExtensible(target) && this.ask("isExtensible")[0] !== true) this.copyTo(target);
    return isExtensible(target);
  }

  preventExtensions(target) {
    if (this.ask("preventExtensions")[0] !== true) return false;
    this.copyTo(target);
    return true;
  }

  apply(target, self, args) {
    return this.ask("call", self, ...args)[0];
  }

  construct(target, args, newTarget) {
    return this.ask("construct", newTarget, ...args)[0];
  }

  // What cannot change any more is kept here: a Proxy must not say otherwise than its target.
  copyTo(target) {
    if (!isExtensible(target)) return;
    for (const key of this.ask("keys")) {
      const [flags, value, get, set] = this.ask("property", key);
      if (flags === undefined) continue;
      const common = { configurable: (flags & 4) !== 0, enumerable: (flags & 2) !== 0 };
      const isData = (flags & 8) === 0;
      defineProperty(target, key, isData ? { ...common, value, writable: (flags & 1) !== 0 } : { ...common, get, set });
    }
    setPrototypeOf(target, this.ask("above")[0]);
    preventExtensions(target);
  }
}

function standIn(link, kind) {
  const remote = new Remote(link);
  const target = kind === "function" ? bare() : kind === "array" ? [] : {};
  remote.proxy = new Proxy(target, remote);
  standIns.add(remote.proxy);
  return remote.proxy;
}

function isStandIn(value) {
  return standIns.has(value);
}

// ---- what is done where an object lives ----

function primitive(object, hint) {
  const own = object[Symbol.toPrimitive];
  if (own !== undefined && own !== null) return mustBePrimitive(Reflect.apply(own, object, [hint]));
  for (const name of hint === "string" ? ["toString", "valueOf"] : ["valueOf", "toString"]) {
    const method = object[name];
    if (typeof method !== "function") continue;
    const value = Reflect.apply(method, object, []);
    if (Object(value) !== value) return value;
  }
  return mustBePrimitive(object);
}

function mustBePrimitive(value) {
  if (Object(value) === value) throw new TypeError("Cannot convert object to primitive value");
  return value;
}

function property(object, key) {
  const found = getOwnPropertyDescriptor(object, key);
  if (found === undefined) return [];
  const isAccessor = !("value" in found);
  const flags = (found.writable ? 1 : 0) | (found.enumerable ? 2 : 0) | (found.configurable ? 4 : 0);
  return [flags | (isAccessor ? 8 : 0), found.value, found.get, found.set];
}

function define(object, key, flags, value, get, set) {
  const common = { configurable: (flags & 4) !== 0, enumerable: (flags & 2) !== 0 };
  const isData = (flags & 8) === 0;
  const wanted = isData ? { ...common, value, writable: (flags & 1) !== 0 } : { ...common, get, set };
  return defineProperty(object, key, wanted);
}

const isHidden = (object, key) => typeof object === "function" && HIDDEN.has(key);

// Each gives the list of what crosses back.
const OPERATIONS = {
  get: (object, key, ...receiver) => [
    isHidden(object, key) ? undefined : receiver.length ? Reflect.get(object, key, receiver[0]) : object[key],
  ],
  set: (object, key, value) => [Reflect.set(object, key, value)],
  has: (object, key) => [Reflect.has(object, key)],
  delete: (object, key) => [deleteProperty(object, key)],
  keys: (object) => ownKeys(object).filter((key) => !isHidden(object, key)),
  property: (object, key) => (isHidden(object, key) ? [] : property(object, key)),
  define: (...args) => [define(...args)],
  above: (object) => [getPrototypeOf(object)],
  setAbove: (object, above) => [setPrototypeOf(object, above)],
  isExtensible: (object) => [isExtensible(object)],
  preventExtensions: (object) => [preventExtensions(object)],
  call: (fn, self, ...args) => [Reflect.apply(fn, self, args)],
  construct: (type, newTarget, ...args) => [Reflect.construct(type, args, newTarget)],
  convert: (object, hint) => [primitive(object, hint)],
};

module.exports = { standIn, isStandIn, OPERATIONS };
