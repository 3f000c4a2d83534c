// What a plain value is made of, as JSON, and how such a description becomes a value again.
//
// Guarantee: nothing here runs code of an object that it describes but for traps of a Proxy, and no
// Proxy is described: only arrays, plain objects and builtin containers whose parts are data.
"use strict";

const { types } = require("util");

const { defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { freeze, hasOwn, isExtensible, isFrozen, isSealed, preventExtensions, seal, setPrototypeOf, keys } = Object;
const { isArray } = Array;
const uncurry = (fn) => Function.prototype.call.bind(fn);
const mapEach = uncurry(Map.prototype.forEach);
const setEach = uncurry(Set.prototype.forEach);
const getTime = uncurry(Date.prototype.getTime);
const flagsOf = uncurry(getOwnPropertyDescriptor(RegExp.prototype, "flags").get);
const sourceOf = uncurry(getOwnPropertyDescriptor(RegExp.prototype, "source").get);
const tagOf = uncurry(getOwnPropertyDescriptor(getPrototypeOf(Int8Array.prototype), Symbol.toStringTag).get);
const toBase64 = uncurry(Buffer.prototype.toString);
const bufferFrom = Buffer.from;
const unbox = [Number, String, Boolean, BigInt, Symbol].map((type) => uncurry(type.prototype.valueOf));
const MOST_LISTED = 1000; // elements of an array whose other properties are looked for
const SPARSE = 100000;
const VIEWS = { __proto__: null };
for (const name of `Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array
  Float32Array Float64Array BigInt64Array BigUint64Array`.split(/\s+/)) {
  VIEWS[name] = globalThis[name];
}

// What a value is to the other process: data goes by value, everything else stays where it is.
function classify(value) {
  if (typeof value === "function") return "function";
  if (types.isProxy(value)) return isArray(value) ? "array" : "object";
  const above = getPrototypeOf(value);
  if (isArray(value)) return above === Array.prototype ? "list" : "array";
  if (above === Object.prototype || above === null) {
    if (types.isArgumentsObject(value) || types.isModuleNamespaceObject(value)) return "object";
    return isPlain(value) ? "record" : "object";
  }
  if (types.isNativeError(value)) return "error";
  if (types.isPromise(value)) return above === Promise.prototype ? "promise" : "object";
  const kind = builtinKind(value, above);
  const own = kind === "regexp" ? 1 : kind === "boxed" && types.isStringObject(value) ? value.length + 1 : 0;
  return kind !== undefined && (kind === "view" || ownKeys(value).length === own) ? kind : "object";
}

// The kind of a builtin container that is no subclass's.
function builtinKind(value, above) {
  if (types.isMap(value)) return above === Map.prototype ? "map" : undefined;
  if (types.isSet(value)) return above === Set.prototype ? "set" : undefined;
  if (types.isDate(value)) return above === Date.prototype ? "date" : undefined;
  if (types.isRegExp(value)) return above === RegExp.prototype ? "regexp" : undefined;
  if (types.isTypedArray(value)) {
    return above === Buffer.prototype || above === VIEWS[tagOf(value)]?.prototype ? "view" : undefined;
  }
  if (types.isAnyArrayBuffer(value)) return above === ArrayBuffer.prototype ? "bytes" : undefined;
  if (types.isStringObject(value)) return above === String.prototype ? "boxed" : undefined;
  if (types.isBoxedPrimitive(value) && !types.isSymbolObject(value)) return "boxed";
  return undefined;
}

// Whether an object is nothing but data: a function in it may change the rest behind our back.
function isPlain(object) {
  for (const key of ownKeys(object)) {
    const property = getOwnPropertyDescriptor(object, key);
    if (!property || !property.enumerable || !("value" in property)) return false;
    if (typeof property.value === "function") return false;
    if (!(property.writable && property.configurable) && !isFrozen(object) && !isSealed(object)) return false;
  }
  return true;
}

function hardness(object) {
  if (isExtensible(object)) return 0;
  return isFrozen(object) ? 3 : isSealed(object) ? 2 : 1;
}

const HARDEN = [(value) => value, preventExtensions, seal, freeze];

function read(object, key) {
  try {
    return object[key];
  } catch {
    return undefined; // a getter put there since
  }
}

function properties(object, names, cell) {
  return names.map((key) => [cell(key), cell(read(object, key))]);
}

const DESCRIBE = {
  list(array, cell) {
    const { length } = array;
    const indices = length > SPARSE ? keys(array) : undefined;
    if (indices && indices.length < length / 2) {
      return ["list", hardness(array), length, indices.map((key) => [key, cell(array[key])]), []];
    }
    const cells = new Array(length);
    for (let i = 0; i < length; i++) cells[i] = hasOwn(array, i) ? cell(read(array, i)) : ["h"];
    const named = length <= MOST_LISTED ? ownKeys(array) : [];
    const extra = named.filter((key) => key !== "length" && (typeof key === "symbol" || !isIndex(key)));
    return ["list", hardness(array), -1, cells, properties(array, extra, cell)];
  },
  record: (object, cell) => [
    "record",
    hardness(object),
    getPrototypeOf(object) === null,
    properties(object, ownKeys(object), cell),
  ],
  map(map, cell) {
    const pairs = [];
    mapEach(map, (value, key) => void pairs.push([cell(key), cell(value)]));
    return ["map", pairs];
  },
  set(set, cell) {
    const cells = [];
    setEach(set, (value) => void cells.push(cell(value)));
    return ["set", cells];
  },
  date: (date, cell) => ["date", cell(getTime(date))],
  regexp: (regexp, cell) => ["regexp", sourceOf(regexp), flagsOf(regexp), cell(regexp.lastIndex)],
  view(view) {
    const type = getPrototypeOf(view) === Buffer.prototype ? "Buffer" : tagOf(view);
    return ["view", type, toBase64(bufferFrom(view.buffer, view.byteOffset, view.byteLength), "base64")];
  },
  bytes: (bytes) => ["bytes", toBase64(bufferFrom(bytes), "base64")],
  boxed(boxed, cell) {
    const index = [Number, String, Boolean, BigInt].findIndex((type) => type.prototype === getPrototypeOf(boxed));
    return ["boxed", cell(index < 0 ? 0 : unbox[index](boxed))];
  },
  error(error, cell) {
    const names = ownKeys(error).filter((key) => key !== "stack");
    const stack = getOwnPropertyDescriptor(error, "stack");
    const trace = typeof read(error, "stack") === "string" ? read(error, "stack").slice(0, 4000) : "";
    return [
      "error",
      cell(getPrototypeOf(error)),
      names.map((key) => [cell(key), cell(read(error, key)), getOwnPropertyDescriptor(error, key)?.enumerable === true]),
      stack ? trace : "",
    ];
  },
};

function isIndex(key) {
  return String(key >>> 0) === key && key >>> 0 !== 4294967295;
}

// An empty value of the kind that a description is of.
function make(node, value) {
  switch (node[0]) {
    case "list":
      return [];
    case "record":
      return node[2] ? { __proto__: null } : {};
    case "map":
      return new Map();
    case "set":
      return new Set();
    case "date":
      return new Date(0);
    case "regexp":
      return new RegExp(node[1], node[2]);
    case "view": {
      const bytes = Buffer.from(node[2], "base64");
      if (node[1] === "Buffer") return bytes;
      const whole = new Uint8Array(bytes).buffer;
      if (!hasOwn(VIEWS, node[1])) throw new TypeError("no such kind of value");
      return new VIEWS[node[1]](whole);
    }
    case "bytes":
      return new Uint8Array(Buffer.from(node[1], "base64")).buffer;
    case "boxed":
      return Object(value(node[1]));
    case "error": {
      const error = new Error();
      put(error, "stack", "", false); // or V8 makes it of what the error inherits, whenever it is read
      return error;
    }
    default:
      throw new TypeError("no such kind of value");
  }
}

function put(object, key, value, enumerable = true) {
  defineProperty(object, key, { __proto__: null, value, enumerable, writable: true, configurable: true });
}

const FILL = {
  list(array, [, , length, cells, extra], value) {
    array.length = 0;
    if (length >= 0) {
      array.length = length;
      for (const [key, cell] of cells) put(array, String(key), value(cell));
    } else {
      array.length = cells.length;
      for (let i = 0; i < cells.length; i++) {
        if (!(isArray(cells[i]) && cells[i][0] === "h")) array[i] = value(cells[i]);
      }
    }
    for (const [key, cell] of extra) put(array, value(key), value(cell));
  },
  record(object, [, , , pairs], value) {
    for (const key of ownKeys(object)) deleteProperty(object, key);
    for (const [key, cell] of pairs) put(object, value(key), value(cell));
  },
  map(map, [, pairs], value) {
    map.clear();
    for (const [key, cell] of pairs) map.set(value(key), value(cell));
  },
  set(set, [, cells], value) {
    set.clear();
    for (const cell of cells) set.add(value(cell));
  },
  date: (date, [, cell], value) => void date.setTime(value(cell)),
  regexp(regexp, [, , , cell], value) {
    regexp.lastIndex = value(cell);
  },
  view(view, [, , text]) {
    const bytes = Buffer.from(text, "base64");
    if (bytes.length !== view.byteLength) throw new TypeError("a typed array has changed its size");
    bytes.copy(Buffer.from(view.buffer, view.byteOffset, view.byteLength));
  },
  bytes(buffer, [, text]) {
    const bytes = Buffer.from(text, "base64");
    if (bytes.length !== buffer.byteLength) throw new TypeError("a buffer has changed its size");
    bytes.copy(Buffer.from(buffer));
  },
  boxed() {},
  error(error, [, above, names, stack], value) {
    put(error, "stack", String(stack), false);
    for (const key of ownKeys(error)) if (key !== "stack") deleteProperty(error, key);
    setPrototypeOf(error, value(above));
    for (const [key, cell, enumerable] of names) put(error, value(key), value(cell), enumerable === true);
  },
};

function describe(object, kind, cell) {
  return DESCRIBE[kind](object, cell);
}

function fill(object, node, value) {
  if (!hasOwn(FILL, node[0])) throw new TypeError("no such kind of value");
  if ((node[0] === "list" || node[0] === "record") && !isExtensible(object)) return;
  FILL[node[0]](object, node, value);
  if (node[0] === "list" || node[0] === "record") HARDEN[node[1]](object);
}

const DATA = new Set(keys(DESCRIBE));

module.exports = { classify, describe, make, fill, DATA };
