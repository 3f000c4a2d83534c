// Calls a function of program.js: descriptor 4 holds the calls, descriptor 3 takes a line for each.
// What the program does to globals before it is called does not reach the names captured here.
"use strict";

const fs = require("fs");
const Module = require("module");
const vm = require("vm");

const [entry] = process.argv.splice(2);
const file = `${__dirname}/program.js`;
const end = process.reallyExit.bind(process);
const { stringify, parse } = JSON;
const { isSafeInteger } = Number;
const { writeSync } = fs;

function say(line) {
  let data = Buffer.from(line + "\n");
  while (data.length) data = data.subarray(writeSync(3, data));
}

function fail(reason) {
  say(stringify({ failed: reason }));
  end(0);
}

// Whole numbers beyond 2**53 become BigInts; JSON.parse would round them.
function readCalls(text) {
  const mark = "big" + Math.random();
  const tokens = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])|-?Infinity|NaN/g;
  let isMarked = false;
  const marked = text.replace(tokens, (token) => {
    if (token[0] === '"' || isSafeInteger(Number(token))) return token;
    isMarked = true;
    return stringify({ [mark]: token });
  });
  if (!isMarked) return parse(text);
  return parse(marked, (_, value) => {
    const token = value && value[mark];
    if (token === undefined) return value;
    return /\d/.test(token) ? BigInt(token) : Number(token);
  });
}

function isName(name) {
  try {
    new vm.Script(`typeof ${name}`);
    return true;
  } catch {
    return false;
  }
}

// Top-level names are in no object; an expression at the program's end hands them over.
function load(names) {
  const source = fs.readFileSync(file, "utf8").replace(/^#!/, "//");
  const known = names.filter(isName);
  const fields = known.map((name) => `${name}: typeof ${name} === "undefined" ? undefined : ${name}`);
  const program = new Module(file, null);
  program.filename = file;
  program.paths = [];
  require.main = process.mainModule = new Module("calls", null); // programs ask whether they are the main one
  const key = "names" + Math.random();
  program._compile(`${source}\n;module[${stringify(key)}] = {${fields.join(", ")}};`, file);
  const found = program[key] || {};
  return { found, exported: program.exports };
}

function method(owner, name) {
  if (typeof owner === "function") {
    const made = owner.prototype && typeof owner.prototype[name] === "function";
    if (made) return (args) => new owner()[name](...args);
  }
  const isObject = owner !== null && (typeof owner === "object" || typeof owner === "function");
  if (isObject && typeof owner[name] === "function") return (args) => owner[name](...args);
  return undefined;
}

function plain(fn) {
  return typeof fn === "function" ? (args) => fn(...args) : undefined;
}

function find() {
  const parts = entry.split(".");
  const [first, second] = parts;
  const { found, exported } = load([first, "Solution"]);
  const exports = exported === null || exported === undefined ? {} : exported;
  if (parts.length === 2) {
    const [named] = [exports[first], exports.default].filter((one) => one && one.name === first);
    return method(found[first], second) || method(exports[first], second) || method(named, second);
  }
  return (
    plain(found[first]) ||
    method(found.Solution, first) ||
    method(exports, first) ||
    method(exports.Solution, first) ||
    method(exports.default, first) ||
    [exports, exports.default].map((one) => (one && one.name === first ? plain(one) : undefined)).find(Boolean) ||
    plain(globalThis[first])
  );
}

// JSON of a value, or an error: data alone leaves the process.
function encode(value, above) {
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string") return stringify(value);
  if (typeof value === "number") return value === 0 ? "0" : String(value);
  if (typeof value !== "object") throw new TypeError(`a ${typeof value} cannot leave its process`);
  if (above.has(value)) throw new TypeError("a value that contains itself cannot leave its process");
  above.add(value);
  const text = encodeObject(value, above);
  above.delete(value);
  return text;
}

function encodeObject(value, above) {
  if (typeof value.toJSON === "function") return encode(value.toJSON(), above);
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return encode(value.valueOf(), above);
  }
  const isList = Array.isArray(value) || value instanceof Set || ArrayBuffer.isView(value);
  if (isList) return `[${Array.from(value, (item) => encode(item, above)).join(",")}]`;
  const isMap = value instanceof Map;
  const members = (isMap ? [...value] : Object.entries(value))
    .filter(([, item]) => isMap || (typeof item !== "function" && item !== undefined))
    .map(([key, item]) => `${stringify(String(key))}:${encode(item, above)}`);
  return `{${members.join(",")}}`;
}

function described(error) {
  try {
    if (error instanceof Error) return `${error.name}: ${error.message}`.slice(0, 1000);
    return `Error: ${String(error)}`.slice(0, 1000);
  } catch {
    return "Error: one that cannot be shown";
  }
}

async function main() {
  const calls = readCalls(fs.readFileSync(4, "utf8"));
  let call;
  try {
    call = find();
  } catch (error) {
    return fail(`the program does not load: ${described(error)}`);
  }
  if (!call) return fail(`there is no function ${entry}`);
  for (const { args } of calls) {
    let line;
    try {
      let value = call(args);
      if (value !== null && typeof value === "object" && typeof value.then === "function") {
        value = await value;
      }
      line = `{"value":${encode(value, new Set())}}`;
    } catch (error) {
      line = stringify({ raised: described(error) });
    }
    say(line);
  }
  end(0);
}

main();
