// What a test finds under its names: the program's own top-level names, what it requires, what the
// program added to builtin objects.
//
// Guarantees: the language's own names, node's and those of a test library mean what they mean
// without the program. Nothing of the program's replaces what a builtin object has.
"use strict";

const { builtinModules } = require("module");

const { defineProperty } = Object;
const OWN = new Set(
  `globalThis global console process Buffer structuredClone setTimeout setInterval setImmediate
  clearTimeout clearInterval clearImmediate queueMicrotask require module exports assert expect chai jest vi
  undefined NaN Infinity`.split(/\s+/),
);
for (const name of Object.getOwnPropertyNames(globalThis)) if (/^[A-Z]|^(is|parse|encode|decode)/.test(name)) OWN.add(name);
const WEB = /^(Event|EventTarget|Request|Response|Headers|Blob|File|FormData|Performance.*|Worker|Navigator|Storage|Crypto.*|Subtle.*|Message.*|Broadcast.*|.*Stream.*|Abort.*|URL.*|Text.*|DOM.*|WebSocket|Custom.*|Iterator)$/;
const WORD = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;
const PROGRAMS = /^(?:\.{0,2}\/|[A-Za-z]:\\)|^(?:solution|program|main|index|app|code|answer|submission|src|lib)(?:[./]|$)/i;
// Names that would bend how the language or a library goes about a value.
const BENDING = new Set(
  `then toJSON get set value writable enumerable configurable next done return throw toString valueOf
  constructor name message length prototype inspect asymmetricMatch __proto__ stack cause`.split(/\s+/),
);

const wordsOf = (text) => new Set(text.match(WORD));

// Makes the program's top-level names global ones of the test, as far as it speaks of them.
function shareNames(link, names, text, isTaken) {
  const words = wordsOf(text);
  for (const name of names) {
    const isOwn = (OWN.has(name) && !WEB.test(name)) || isTaken(name);
    if (!words.has(name) || isOwn) continue;
    let known; // a function that stays behind its name
    let assigned; // what the test put there, as long as the program has done nothing since
    defineProperty(globalThis, name, {
      get() {
        if (known) return known;
        if (assigned && assigned.deeds === link.deeds) return assigned.value;
        const [value, isForGood] = ask(link, name);
        if (isForGood === true && typeof value === "function") known = value;
        return value;
      },
      set: (value) => {
        link.request("assign", [null, name, value]);
        known = undefined;
        assigned = { value, deeds: link.deeds };
      },
      configurable: true,
    });
  }
}

function ask(link, name) {
  return link.request("name", [null, name]);
}

// Methods that the program added to builtin objects, where the test speaks of them.
function shareAdditions(link, text) {
  const words = wordsOf(text);
  const all = link.request("added", [null]);
  for (let i = 0; i + 3 < all.length; i += 4) {
    const [object, key, value, get] = all.slice(i, i + 4);
    if (object === BigInt.prototype && key === "toJSON") shareBigIntJson(value);
    if (!words.has(key) || BENDING.has(key) || key in object) continue;
    // All objects of the test have these two above them: only what it calls, and never merely reads.
    const isWide = object === Object.prototype || object === Function.prototype;
    if (isWide && (get || !isOnlyCalled(text, key))) continue;
    const property = get ? { get } : { value, writable: true };
    defineProperty(object, key, { __proto__: null, ...property, configurable: true, enumerable: false });
  }
}

const isOnlyCalled = (text, name) => [...text.matchAll(WORD)].every(
  (found) => found[0] !== name || (text[found.index - 1] === "." && /^\s*\(/.test(text.slice(found.index + name.length))),
);

// A common idiom; the program says which form it means, and no more.
function shareBigIntJson(method) {
  const isNumber = typeof Reflect.apply(method, 3n, []) === "number";
  const toJSON = function () {
    return isNumber ? Number(this) : this.toString();
  };
  defineProperty(BigInt.prototype, "toJSON", { value: toJSON, writable: true, configurable: true });
}

// The test's `require`: node's modules, test libraries as `own` has them, or the program.
function makeRequire({ link, text, own, missing, intrinsics }) {
  const loaded = new Map();
  const require_ = (given) => {
    const name = String(given).replace(/^node:/, "");
    if (Object.hasOwn(own, name)) return own[name];
    if (builtinModules.includes(name)) {
      const exported = require(name);
      intrinsics.addModule(name, exported);
      return exported;
    }
    if (!PROGRAMS.test(name)) throw missing(name);
    if (!loaded.has(name)) loaded.set(name, programModule(link, text, name));
    return loaded.get(name);
  };
  return Object.assign(require_, { resolve: (name) => String(name), cache: {}, main: undefined });
}

// Names to which the test binds a module as a whole.
function boundNames(text, name) {
  const quoted = name.replace(/[^\w]/g, "\\$&");
  const pattern = new RegExp(`([\\w$]+)\\s*=\\s*(?:await\\s+)?(?:plumb\\w*\\s*\\()?\\s*\\(?(?:plumbImport|require)\\s*\\(\\s*['"\`]${quoted}['"\`]`, "g");
  return [...text.matchAll(pattern)].map((found) => found[1]);
}

function programModule(link, text, name) {
  const [exported] = link.request("exports", [null]);
  const bound = boundNames(text, name);
  if (typeof exported === "function" && bound.length) return exported;
  const isObject = Object(exported) === exported;
  const member = (key) => {
    if (isObject && key in exported) return exported[key];
    if (typeof key === "symbol" || key === "__esModule" || key === "then") return undefined;
    if (typeof exported === "function" && exported.name === key) return exported;
    return ask(link, key)[0];
  };
  // `const add = require("./solution")`, where that exports no function but has one of this name
  const whole = () => [...bound, "default"].map(member).find((one) => typeof one === "function");
  const isCallable = typeof exported === "function" || bound.some((one) => typeof member(one) === "function");
  const target = isCallable ? function () {}.bind() : {};
  return new Proxy(target, {
    get: (_, key) => member(key),
    has: (_, key) => member(key) !== undefined,
    ownKeys: () => (isObject ? Reflect.ownKeys(exported) : []),
    getOwnPropertyDescriptor: (_, key) =>
      isObject && key in exported ? { value: exported[key], enumerable: true, configurable: true } : undefined,
    apply: (_, self, args) => Reflect.apply(typeof exported === "function" ? exported : whole(), self, args),
    construct: (_, args) => Reflect.construct(typeof exported === "function" ? exported : whole(), args),
  });
}

// What `import name from` gives.
function defaultOf(module) {
  return Object(module) === module && module.default !== undefined ? module.default : module;
}

module.exports = { shareNames, shareAdditions, makeRequire, defaultOf, wordsOf };
